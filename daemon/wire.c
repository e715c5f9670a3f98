#include "daemon/wire.h"

#include <errno.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/clock.h"

#define PIECES 16	/* of an evbuffer, in one sendmsg(2) */

struct wire {
	struct wires *all;
	struct bufferevent *bev;	/* evhttp's side */
	struct bufferevent *socket;	/* the other */
	struct tls_conn *tls;		/* NULL: plain */
	struct event *kick;		/* activated by hand */
	struct event *writable;		/* NULL until the socket was full for the first time */
	int64_t since;			/* when the last answer went out, ms */
	bool unsent, dead;
};

/* Freed by evhttp, but not gone before the loop turns: its events may still come. */
static bool is_dropped(const struct wire *w)
{
	bufferevent_event_cb told;

	bufferevent_getcb(w->bev, NULL, NULL, &told, NULL);
	return !told;
}

static void flush(struct wire *w)
{
	bufferevent_flush(w->bev, EV_WRITE, BEV_FLUSH);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	if (!is_dropped(w))
		flush(w);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	if (is_dropped(w))
		return;
	if (w->tls && !tls_conn_is_open(w->tls))
		bufferevent_trigger(w->socket, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);	/* the handshake goes on */
	else
		flush(w);
}

static void wait_until_writable(struct wire *w)
{
	struct event_base *base = bufferevent_get_base(w->bev);

	if (!w->writable)
		w->writable = event_new(base, bufferevent_getfd(w->socket), EV_WRITE, on_writable, w);
	if (!w->writable || event_add(w->writable, NULL))
		die("out of memory for an event");
}

static void end(struct wire *w, short why)
{
	if (w->dead)
		return;
	w->dead = true;
	bufferevent_trigger_event(w->bev, why, BEV_TRIG_DEFER_CALLBACKS);
}

static void act_on(struct wire *w, enum tls_result result, short direction)
{
	if (result == TLS_BLOCKED)
		wait_until_writable(w);
	else if (result != TLS_IDLE)
		end(w, direction | (result == TLS_CLOSED ? BEV_EVENT_EOF : BEV_EVENT_ERROR));
}

static enum tls_result send_plain(int fd, struct evbuffer *out)
{
	struct evbuffer_iovec piece[PIECES];
	struct msghdr message = { .msg_iov = (struct iovec *)piece };
	ssize_t sent;

	while (evbuffer_get_length(out)) {
		message.msg_iovlen = (size_t)MIN(evbuffer_peek(out, -1, NULL, piece, PIECES), PIECES);
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? TLS_BLOCKED : TLS_BROKEN;
		evbuffer_drain(out, (size_t)sent);
	}
	return TLS_IDLE;
}

static enum tls_result receive_plain(struct evbuffer *received, struct evbuffer *in, ev_ssize_t most)
{
	if (most < 0)
		evbuffer_add_buffer(in, received);
	else
		evbuffer_remove_buffer(received, in, (size_t)most);
	return TLS_IDLE;
}

static enum bufferevent_filter_result take_in(struct evbuffer *received, struct evbuffer *in, ev_ssize_t most,
					      enum bufferevent_flush_mode mode, void *arg)
{
	struct wire *w = arg;
	size_t before = evbuffer_get_length(in);
	enum tls_result result;

	if (w->dead)
		return BEV_ERROR;
	if (clock_mono_ms() - w->since > WIRE_PATIENCE_MS) {
		end(w, BEV_EVENT_READING | BEV_EVENT_TIMEOUT);
		return BEV_ERROR;
	}
	if (w->tls)
		result = tls_conn_read(w->tls, bufferevent_getfd(w->socket), in, most);
	else
		result = receive_plain(received, in, most);
	act_on(w, result, BEV_EVENT_READING);
	return evbuffer_get_length(in) > before ? BEV_OK : BEV_NEED_MORE;
}

static enum bufferevent_filter_result send_out(struct evbuffer *out, struct evbuffer *unused, ev_ssize_t most,
					       enum bufferevent_flush_mode mode, void *arg)
{
	struct wire *w = arg;
	size_t before = evbuffer_get_length(out);
	int fd = bufferevent_getfd(w->socket);

	if (w->dead)
		return BEV_ERROR;
	if (mode == BEV_FINISHED) {
		if (w->tls)
			tls_conn_say_goodbye(w->tls, fd);
		return BEV_NEED_MORE;
	}
	act_on(w, w->tls ? tls_conn_write(w->tls, fd, out) : send_plain(fd, out), BEV_EVENT_WRITING);
	if (evbuffer_get_length(out) == before)
		return BEV_NEED_MORE;
	w->since = clock_mono_ms();
	return BEV_OK;
}

static void output_changed(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct wire *w = arg;
	bool unsent = evbuffer_get_length(out) > 0;

	if (unsent == w->unsent)
		return;
	w->unsent = unsent;
	w->all->unsent += unsent ? 1 : -1;
	if (unsent)
		event_active(w->kick, 0, 0);
}

static void wire_free(void *arg)
{
	struct wire *w = arg;

	if (w->writable)
		event_free(w->writable);
	event_free(w->kick);
	tls_conn_free(w->tls);
	w->all->unsent -= w->unsent;
	if (!--w->all->open && w->all->orphaned)
		free(w->all);
	free(w);
}

struct wires *wires_new(void)
{
	return xcalloc(1, sizeof(struct wires));
}

void wires_free(struct wires *all)
{
	if (all->open)
		all->orphaned = true;
	else
		free(all);
}

struct bufferevent *wire_new(struct wires *all, struct event_base *base, struct tls *tls, size_t unread_most)
{
	struct wire *w = xcalloc(1, sizeof(*w));

	w->all = all;
	w->since = clock_mono_ms();
	w->socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	w->kick = event_new(base, -1, 0, on_kick, w);
	/*
	 * Deferred, because evhttp frees the connection when it hears that all is sent.  Inside of the filter that is
	 * too early: libevent 2.1 sets the write time-out after it, for memory that is gone when it fires.
	 */
	if (w->socket && w->kick)
		w->bev = bufferevent_filter_new(w->socket, take_in, send_out,
						BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, wire_free, w);
	if (!w->bev || !evbuffer_add_cb(bufferevent_get_output(w->bev), output_changed, w))
		die("out of memory for a connection");
	if (tls)
		w->tls = tls_conn_new(tls, bufferevent_get_input(w->socket));
	/* We never write there, and a filter woken from there uses itself after evhttp freed it (libevent 2.1.12). */
	bufferevent_disable(w->socket, EV_WRITE);
	bufferevent_setwatermark(w->bev, EV_READ, 0, unread_most);
	all->open++;
	return w->bev;
}
