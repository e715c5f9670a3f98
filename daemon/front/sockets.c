#include "daemon/front/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/process/sd.h"

#define BACKLOG 4096	/* the kernel may have less */
#define PATIENCE_MS 1000	/* with a port that is in use */
#define TRY_MS 50

static const char *const face_names[] = { [FACE_HTTP] = "http", [FACE_HTTPS] = "https", [FACE_CONTROL] = "control" };

struct listener {
	int fd;
	enum face face;
	int thread;		/* whose it is; -1: all threads share it */
	bool twin;		/* another thread's socket for the same address comes before it */
	struct address address;
};

struct listeners {
	struct listener *item;
	size_t count;
	int threads;
	bool given[ARRAY_SIZE(face_names)];	/* the face's sockets came from systemd */
	char *path;				/* of the Unix socket we made */
};

static struct listener *add(struct listeners *l, int fd, enum face face, int thread)
{
	struct listener *new;

	l->item = xreallocarray(l->item, l->count + 1, sizeof(*l->item));
	new = &l->item[l->count++];
	*new = (struct listener){ .fd = fd, .face = face, .thread = thread, .address.len = sizeof(new->address.sa) };
	if (getsockname(fd, (struct sockaddr *)&new->address.sa, &new->address.len) < 0)
		new->address = (struct address){ .len = 0 };
	return new;
}

/* What connections inherit, and what our way of accepting needs. */
static void sockets_prepare(int fd, bool tcp)
{
	int on = 1;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));	/* else a handshake takes 40 ms */
}

static int face_by_name(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(face_names); i++)
		if (!strcmp(face_names[i], name))
			return (int)i;
	return -1;
}

/* "*" on a machine without IPv6. */
static struct address without_ipv6(const struct address *a)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&a->sa;
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = six->sin6_port };
	struct address four = { .len = sizeof(any) };

	memcpy(&four.sa, &any, sizeof(any));
	return four;
}

/*
 * Sockets of our own that systemd keeps while we are away, as over an upgrade: who connects then waits instead of being
 * refused.  Their name says which they are: "stored-http-192.0.2.1_80".
 */

#define STORED "stored-"

static char *stored_name(enum face face, const struct address *a)
{
	char text[ADDRESS_TEXT];
	char *name = xasprintf(STORED "%s-%s", face_names[face], address_text(text, a));

	for (char *p = name; *p; p++)
		if (*p == ':')	/* stands between names */
			*p = '_';
	return name;
}

/* Is it of an address that is configured? */
static bool is_wanted(const struct config_addresses *addresses, enum face face, const char *name)
{
	for (size_t i = 0; addresses && i < addresses->count; i++) {
		const struct address *a = &addresses->item[i];
		struct address four = address_any(a) ? without_ipv6(a) : *a;
		_cleanup_free_ char *own = stored_name(face, a), *other = stored_name(face, &four);

		if (str_eq(name, own) || str_eq(name, other))
			return true;
	}
	return false;
}

/* How many of these there are, each of a thread. */
static int count_at(const struct listeners *l, enum face face, const char *name)
{
	int count = 0;

	for (size_t i = 0; i < l->count; i++) {
		_cleanup_free_ char *own = stored_name(l->item[i].face, &l->item[i].address);

		count += l->item[i].face == face && str_eq(own, name);
	}
	return count;
}

static void take_stored(struct listeners *l, const struct listen_options *o, int fd, const char *name)
{
	enum face face = str_starts(name, STORED "https-") ? FACE_HTTPS : FACE_HTTP;
	int there = count_at(l, face, name);

	if (!is_wanted(face == FACE_HTTPS ? o->https : o->http, face, name)) {
		cleanup_close(&fd);
		sd_forget(name);
		return;
	}
	sockets_prepare(fd, true);
	add(l, fd, face, there % l->threads)->twin = there > 0;
}

static int take_given(struct listeners *l, const struct listen_options *o, struct err *e)
{
	struct sd_socket given[SD_SOCKETS_MAX];
	int count = sd_sockets(given);

	for (int i = 0; i < count; i++) {
		int face = face_by_name(given[i].name);

		if (str_starts(given[i].name, STORED)) {
			take_stored(l, o, given[i].fd, given[i].name);
			continue;
		}
		if (face < 0) {
			err_set(e, ERR_CONFIG, "taking the sockets of systemd: number %d is named \"%s\"", i + 1,
				given[i].name);
			return err_hint(e, "Its socket unit needs FileDescriptorName=http, https or control.");
		}
		sockets_prepare(given[i].fd, face != FACE_CONTROL);
		add(l, given[i].fd, (enum face)face, -1);
		l->given[face] = true;
	}
	return 0;
}

/* A bound socket, -1 with errno. */
static int bind_tcp(const struct address *a, bool share)
{
	int on = 1, off = 0;
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (a->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, address_any(a) ? &off : &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0)
		return fd;
	cleanup_close(&fd);
	return -1;
}

/* After kill -9 our own front, which has the sockets, may need a moment to end, too. */
static int bind_alone(const struct address *a)
{
	int fd = bind_tcp(a, false);

	for (int tries = 0; fd < 0 && errno == EADDRINUSE && tries < PATIENCE_MS / TRY_MS; tries++) {
		nanosleep(&(struct timespec){ .tv_nsec = TRY_MS * 1000000L }, NULL);
		fd = bind_tcp(a, false);
	}
	return fd;
}

static int cannot_listen(const struct address *a, enum face face, struct err *e)
{
	char text[ADDRESS_TEXT];

	err_errno(e, ERR_CONFIG, "listening on %s for %s", address_text(text, a), face_names[face]);
	if (errno == EADDRINUSE)
		return err_hint(e, "A different program uses this port: stop it, or change listen.%s.",
				face_names[face]);
	if (errno == EACCES)
		return err_hint(e, "Ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE.");
	return -1;
}

/* May it be bound by us alone?  A socket that is to be shared would also share with a stranger. */
static int try_address(struct address *a, enum face face, struct err *e)
{
	int fd = bind_alone(a);

	if (fd < 0 && errno == EAFNOSUPPORT && address_any(a)) {
		*a = without_ipv6(a);
		fd = bind_alone(a);
	}
	if (fd < 0)
		return cannot_listen(a, face, e);
	cleanup_close(&fd);
	return 0;
}

/* One for each thread, but for those that are stored already. */
static int open_address(struct listeners *l, struct address a, enum face face, struct err *e)
{
	struct address four = address_any(&a) ? without_ipv6(&a) : a;
	_cleanup_free_ char *name = stored_name(face, &a), *other = stored_name(face, &four);
	int there = count_at(l, face, name), fours = count_at(l, face, other);

	if (!there && fours)
		a = four;
	else if (!there && try_address(&a, face, e) < 0)
		return -1;
	for (int thread = MAX(there, fours); thread < l->threads; thread++) {
		_cleanup_free_ char *own = stored_name(face, &a);
		int fd = bind_tcp(&a, true);

		if (fd < 0)
			return cannot_listen(&a, face, e);
		sockets_prepare(fd, true);
		add(l, fd, face, thread)->twin = thread > 0;
		if (listen(fd, BACKLOG) < 0)
			return cannot_listen(&a, face, e);
		sd_store(fd, own);
	}
	return 0;
}

static int open_addresses(struct listeners *l, const struct config_addresses *addresses, enum face face,
			  struct err *e)
{
	if (l->given[face])
		return 0;
	for (size_t i = 0; addresses && i < addresses->count; i++)
		if (open_address(l, addresses->item[i], face, e) < 0)
			return -1;
	return 0;
}

/* Removes a socket nobody answers on any more. */
static int clear_path(const struct sockaddr_un *sun, struct err *e)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(e, ERR_CONFIG, "making the control socket %s", sun->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_CONFIG, "making the control socket %s: something else is there", sun->sun_path);
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0) {
		err_set(e, ERR_CONFIG, "making the control socket %s: a program answers on it", sun->sun_path);
		return err_hint(e, "Is certerad running already?");
	}
	if (errno != ECONNREFUSED || unlink(sun->sun_path) < 0)
		return err_errno(e, ERR_CONFIG, "replacing the control socket %s", sun->sun_path);
	return 0;
}

/* Its directory may have a group for what is made in it; else it is ours. */
static int give_to_group(const struct sockaddr_un *sun, gid_t group, struct err *e)
{
	struct stat st;

	if (group == NO_GROUP || (lstat(sun->sun_path, &st) == 0 && st.st_gid == group))
		return 0;
	if (lchown(sun->sun_path, (uid_t)-1, group) == 0)
		return 0;
	err_errno(e, ERR_CONFIG, "giving the control socket %s to group %u (server.admin_group)", sun->sun_path,
		  (unsigned)group);
	return err_hint(e, "Start certerad as root, or as a member of that group.");
}

static int bind_control(int fd, const struct sockaddr_un *sun, gid_t group, struct err *e)
{
	mode_t mask;
	int bound, error;

	if (clear_path(sun, e) < 0)
		return -1;
	mask = umask(group == NO_GROUP ? 0177 : 0117);
	bound = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	error = errno;
	umask(mask);
	errno = error;
	if (bound < 0)
		return err_errno(e, ERR_CONFIG, "making the control socket %s", sun->sun_path);
	return give_to_group(sun, group, e);
}

/* As whoever shall own it, so that root needs no right to all files and owners; where that user may not, as root. */
static int bind_control_as(int fd, const struct sockaddr_un *sun, const struct system_user *user, gid_t group,
			   struct err *e)
{
	int bound, error;

	if (!user)
		return bind_control(fd, sun, group, e);
	if (setegid(group == NO_GROUP ? user->gid : group) < 0 || seteuid(user->uid) < 0)
		return err_errno(e, ERR_CONFIG, "becoming the user \"%s\" for the control socket", user->name);
	bound = bind_control(fd, sun, group, e);
	error = errno;
	if (seteuid(0) < 0 || setegid(0) < 0)
		die("becoming root again: %s", strerror(errno));
	if (bound == 0 || error != EACCES)
		return bound;
	err_clear(e);
	if (bind_control(fd, sun, group, e) < 0)
		return -1;
	if (lchown(sun->sun_path, user->uid, group == NO_GROUP ? user->gid : group) ==
	    0) /* a link that took its place leads nowhere */
		return 0;
	return err_errno(e, ERR_CONFIG, "giving the control socket %s to user %s", sun->sun_path, user->name);
}

static int open_control(struct listeners *l, const char *path, const struct system_user *user, gid_t group,
			struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (!path || l->given[FACE_CONTROL])
		return 0;
	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path) >= sizeof(sun.sun_path))
		return err_set(e, ERR_CONFIG, "making the control socket %s: the path is longer than %zu bytes", path,
			       sizeof(sun.sun_path) - 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, ERR_CONFIG, "making the control socket %s", path);
	if (bind_control_as(fd, &sun, user, group, e) < 0) {
		close(fd);
		return -1;
	}
	add(l, fd, FACE_CONTROL, 0);
	l->path = xstrdup(path);
	return listen(fd, BACKLOG) < 0 ? err_errno(e, ERR_CONFIG, "listening on the control socket %s", path) : 0;
}

/* Each connection takes one; the soft limit is often 1024. */
static void raise_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

struct listeners *listeners_open(const struct listen_options *o, struct err *e)
{
	struct listeners *l = xcalloc(1, sizeof(*l));

	raise_descriptors();
	l->threads = o->threads;
	if (take_given(l, o, e) == 0 && open_addresses(l, o->http, FACE_HTTP, e) == 0 &&
	    open_addresses(l, o->https, FACE_HTTPS, e) == 0 && open_control(l, o->control, o->user, o->group, e) == 0)
		return l;
	listeners_close(l);
	return NULL;
}

void listeners_close(struct listeners *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		cleanup_close(&l->item[i].fd);
	if (l->path)
		unlink(l->path);
	free(l->path);
	free(l->item);
	free(l);
}

int listeners_https_port(const struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->item[i].face == FACE_HTTPS)
			return address_port(&l->item[i].address);
	return 0;
}

char *listeners_text(const struct listeners *l)
{
	struct buf text = BUF_INIT;
	char address[ADDRESS_TEXT];

	for (size_t i = 0; i < l->count; i++) {
		const struct listener *one = &l->item[i];
		bool ours = one->face == FACE_CONTROL && l->path;

		if (!one->twin)
			buf_addf(&text, "%s%s on %s", text.len ? ", " : "", face_names[one->face],
				 ours ? l->path : address_text(address, &one->address));
	}
	return buf_detach(&text);
}

int listeners_fd(const struct listeners *l, size_t nth, enum face *face, int *thread)
{
	if (nth >= l->count)
		return -1;
	*face = l->item[nth].face;
	*thread = l->item[nth].thread;
	return l->item[nth].fd;
}

struct listeners *listeners_none(void)
{
	return xcalloc(1, sizeof(struct listeners));
}

void listeners_add(struct listeners *l, int fd, enum face face, int thread)
{
	sockets_prepare(fd, face != FACE_CONTROL);
	add(l, fd, face, thread);
}
