#include "base/process/frames.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/process/channel.h"

#define READ_MOST (256 * 1024)	/* bytes at once */
#define KEPT_MOST (1024 * 1024)	/* a buffer that has grown more is not kept */

struct frames {
	struct frames_user user;
	int fd;
	struct event *readable, *writable, *flush;
	bool writes;		/* the socket took no more: it is waited for */
	struct buf in, out;
	size_t sent;		/* of out */
	size_t held_until;	/* see frames_hold(); 0: all is taken */
};

int frames_pair(int fd[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0)
		return err_errno(e, ERR_INTERNAL, "making a line between our processes");
	return 0;
}

size_t frames_unsent(const struct frames *f)
{
	return f->out.len - f->sent;
}

/* Of what was worked off only a small buffer stays; what it held may be somebody's secret. */
static void forget(struct buf *b, size_t done)
{
	if (done == b->len && b->len > KEPT_MOST) {
		buf_wipe(b);
		return;
	}
	if (done < b->len)
		memmove(b->data, b->data + done, b->len - done);
	wipe(b->data + b->len - done, done);
	b->len -= done;
}

static void watch(struct event *event, bool on)
{
	if (on ? event_add(event, NULL) : event_del(event))
		die("a line between our processes cannot be watched");
}

static void frames_broken(struct frames *f)
{
	watch(f->readable, false);
	watch(f->writable, false);
	f->user.closed(f->user.arg);
}

static void frames_take(struct frames *f)
{
	ssize_t used = f->in.len ? f->user.take(f->user.arg, slice_buf(&f->in)) : 0;

	if (used < 0)
		frames_broken(f);
	else if (used)
		forget(&f->in, (size_t)used);
}

void frames_hold(struct frames *f, size_t until)
{
	if (!f->held_until)
		watch(f->readable, false);
	f->held_until = until;
}

/* What is here already comes with no event. */
static void let_go(struct frames *f)
{
	f->held_until = 0;
	watch(f->readable, true);
	frames_take(f);
}

static void frames_send(evutil_socket_t fd, short what, void *arg)
{
	struct frames *f = arg;
	ssize_t sent = 0;
	bool full;

	while (frames_unsent(f)) {
		sent = send(f->fd, f->out.data + f->sent, frames_unsent(f), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0)
			break;
		f->sent += (size_t)sent;
	}
	if (sent < 0 && !channel_is_full(errno) && errno != EINTR) {
		frames_broken(f);
		return;
	}
	if (f->sent > f->out.len / 2) {
		forget(&f->out, f->sent);
		f->sent = 0;
	}
	full = frames_unsent(f) > 0;
	if (full != f->writes)
		watch(f->writable, full);
	f->writes = full;
	if (f->held_until && frames_unsent(f) < f->held_until)
		let_go(f);
}

static void frames_readable(evutil_socket_t fd, short what, void *arg)
{
	struct frames *f = arg;
	ssize_t got = recv(f->fd, buf_reserve(&f->in, READ_MOST), READ_MOST, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		frames_broken(f);
		return;
	}
	f->in.len += (size_t)got;
	frames_take(f);
}

struct frames *frames_new(struct loop *loop, int fd, const struct frames_user *user)
{
	struct event_base *base = loop_base(loop);
	struct frames *f = xcalloc(1, sizeof(*f));

	f->user = *user;
	f->fd = fd;
	f->readable = event_new(base, fd, EV_READ | EV_PERSIST, frames_readable, f);
	f->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, frames_send, f);
	f->flush = event_new(base, -1, 0, frames_send, f);
	if (!f->readable || !f->writable || !f->flush)
		die("out of memory for an event");
	watch(f->readable, true);
	return f;
}

void frames_free(struct frames *f)
{
	if (!f)
		return;
	event_free(f->readable);
	event_free(f->writable);
	event_free(f->flush);
	buf_wipe(&f->in);
	buf_wipe(&f->out);
	close(f->fd);
	free(f);
}

struct buf *frames_out(struct frames *f)
{
	if (!f->writes)
		event_active(f->flush, EV_WRITE, 0);
	return &f->out;
}
