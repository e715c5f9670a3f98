#include "base/process/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for two: what CMSG_SPACE() of one comes to on 64 bits, so the kernel may deliver as many. */
#define FDS_MAX 2

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

struct parcel {
	TAILQ_ENTRY(parcel) link;
	struct buf packet;
	int fd;
};

static int make_room(int fd, struct err *e)
{
	const int enough = CHANNEL_PACKET_MAX + 4096;
	int size = 2 * CHANNEL_PACKET_MAX;
	socklen_t len = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len))
		return err_errno(e, ERR_INTERNAL, "making room for messages between our processes");
	if (size >= enough)
		return 0;
	err_set(e, ERR_CONFIG, "the system allows sockets to hold only %d bytes", size);
	return err_hint(e, "Messages between our processes need %d: raise it with `sysctl net.core.wmem_max=%d`.",
			enough, enough);
}

int channel_pair(int *ours, int *theirs, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_errno(e, ERR_INTERNAL, "making a channel between our processes");
	*ours = pair[0];
	*theirs = pair[1];
	return make_room(*ours, e) < 0 || make_room(*theirs, e) < 0 ? -1 : 0;
}

bool channel_is_full(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

int channel_send(int channel, struct slice packet, int fd, int flags)
{
	struct iovec iov = { (void *)packet.data, packet.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		n = sendmsg(channel, &msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* The first passed descriptor goes to *wanted, all others are closed. */
static void take_fds(struct msghdr *msg, int *wanted)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (wanted && *wanted < 0)
				*wanted = fd;
			else
				close(fd);
		}
	}
}

ssize_t channel_recv(int channel, void *packet, int *fd, int flags)
{
	struct iovec iov = { packet, CHANNEL_PACKET_MAX };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	if (fd)
		*fd = -1;
	do
		n = recvmsg(channel, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		take_fds(&msg, fd);
	if (n < 0 && errno == ECONNRESET)
		return 0;
	return n;
}

void outbox_init(struct outbox *o)
{
	TAILQ_INIT(&o->parcels);
}

bool outbox_empty(const struct outbox *o)
{
	return TAILQ_EMPTY(&o->parcels);
}

static void drop_first(struct outbox *o)
{
	struct parcel *p = TAILQ_FIRST(&o->parcels);

	TAILQ_REMOVE(&o->parcels, p, link);
	buf_wipe(&p->packet);
	cleanup_close(&p->fd);
	free(p);
}

void outbox_release(struct outbox *o)
{
	while (!outbox_empty(o))
		drop_first(o);
}

int outbox_send(struct outbox *o, int channel, struct slice packet, int fd)
{
	struct parcel *p;
	int copy = -1;

	if (outbox_empty(o)) {
		if (!channel_send(channel, packet, fd, MSG_DONTWAIT))
			return 0;
		if (!channel_is_full(errno))
			return -1;
	}
	/* The caller may close its fd as soon as it has asked. */
	if (fd >= 0 && (copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
		return -1;
	p = xcalloc(1, sizeof(*p));
	p->fd = copy;
	buf_add(&p->packet, packet.data, packet.len);
	TAILQ_INSERT_TAIL(&o->parcels, p, link);
	return 0;
}

int outbox_flush(struct outbox *o, int channel)
{
	struct parcel *p;

	while ((p = TAILQ_FIRST(&o->parcels))) {
		if (channel_send(channel, slice_buf(&p->packet), p->fd, MSG_DONTWAIT))
			return channel_is_full(errno) ? 0 : -1;
		drop_first(o);
	}
	return 0;
}
