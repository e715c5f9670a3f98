#include "keeper/peer.h"

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool is(int fd, int option, int wanted)
{
	int value;
	socklen_t len = sizeof(value);

	return !getsockopt(fd, SOL_SOCKET, option, &value, &len) && value == wanted;
}

/* Bytes of the name of this end, or of the other; -1 if there is none to ask for. */
static int name_size(int fd, bool other_end)
{
	struct sockaddr_un sa;
	socklen_t len = sizeof(sa);
	int rc = other_end ? getpeername(fd, (struct sockaddr *)&sa, &len) :
			     getsockname(fd, (struct sockaddr *)&sa, &len);

	return rc ? -1 : (int)(len - offsetof(struct sockaddr_un, sun_path));
}

/*
 * Ours must be the end that accept() returned: it has the listener's name, its peer has none.
 * Otherwise the daemon could connect to any service of root's and show that as its proof.
 */
static bool is_accepted(int fd)
{
	return name_size(fd, false) > 0 && name_size(fd, true) == 0;
}

/*
 * The kernel tells who was there also when he has gone;
 * a daemon that was taken over could keep such a connection for ever.
 */
static bool is_over(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) != 0;	/* hung up, or it cannot be asked */
}

static int peer_refuse(const struct ucred *who, const struct local_admins *admins, struct err *e)
{
	err_set(e, ERR_DENIED, "the other end of the local connection runs as user id %u", (unsigned)who->uid);
	return err_hint(e, admins->group == NO_GROUP
				   ? "Ask as root, or as the user Certera runs as."
				   : "Ask as root, or as a member of the group in server.admin_group.");
}

int peer_check(int fd, pid_t daemon, const struct local_admins *admins, uid_t user, struct err *e)
{
	struct ucred who = { .pid = 0 };
	bool admin;

	if (fd < 0)
		return err_set(e, ERR_DENIED, "no local connection came along to prove who is asking");
	if (!is(fd, SO_DOMAIN, AF_UNIX) || !is(fd, SO_TYPE, SOCK_STREAM) || !is(fd, SO_ACCEPTCONN, 0) ||
	    !is_accepted(fd))
		return err_set(e, ERR_DENIED, "what came along as proof is not a local connection");
	if (is_over(fd))
		return err_set(e, ERR_DENIED, "the local connection that came along as proof has ended");
	admin = local_admin_is(fd, admins, user, &who);
	if (who.pid <= 0 || who.pid == daemon || who.pid == getpid())
		return err_set(e, ERR_DENIED, "the other end of the local connection is not a separate process");
	return admin ? 0 : peer_refuse(&who, admins, e);
}
