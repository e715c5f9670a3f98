/* A front thread's ears: connections are accepted, as long as there is room for them. */
#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "base/log.h"
#include "daemon/front/sockets.h"

#define PAUSE_MS 200
#define AT_ONCE 16	/* connections that are accepted before those there are get their turn */

struct ear {
	struct serving *serving;
	struct event *event;
	int fd;
	enum face face;
};

struct serving {
	struct loop *loop;
	struct conns *conns;
	struct ear *ear;
	size_t ears;
	struct timer resume;
};

static void serve_hear(struct ear *ear, bool on)
{
	if (on ? event_add(ear->event, NULL) : event_del(ear->event))
		die("a socket cannot be watched");
}

static void hear_all(struct serving *s, bool on)
{
	for (size_t i = 0; i < s->ears; i++)
		serve_hear(&s->ear[i], on);
}

static void resume(void *arg)
{
	hear_all(arg, true);
}

/* Who comes now waits in the kernel. */
static void wait_a_moment(struct serving *s)
{
	timer_start(&s->resume, s->loop, PAUSE_MS, resume, s);
}

/* False: there is none, or none can be taken now. */
static bool accept_one(struct ear *ear)
{
	struct serving *s = ear->serving;
	struct address peer = { .len = sizeof(peer.sa) };
	int fd;

	if (!conns_have_room(s->conns, ear->face)) {
		log_debug("all connections are being answered: waiting for some to end");
		serve_hear(ear, false);
		wait_a_moment(s);
		return false;
	}
	fd = accept4(ear->fd, (struct sockaddr *)&peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		conns_take(s->conns, ear->face, fd, &peer);
		return true;
	}
	if (errno == ECONNABORTED || errno == EINTR)
		return true;
	if (errno != EAGAIN) {	/* out of descriptors, most likely */
		log_warn("taking a connection: %m; waiting a moment");
		hear_all(s, false);
		wait_a_moment(s);
	}
	return false;
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	for (int i = 0; i < AT_ONCE && accept_one(arg); i++)
		;
}

/* After the last one none may move: events refer to them. */
static void add_ears(struct serving *s, const struct listeners *l, int thread, unsigned faces)
{
	enum face face;
	int fd, whose;

	for (size_t i = 0; (fd = listeners_fd(l, i, &face, &whose)) >= 0; i++) {
		if (!(faces & 1u << face) || (whose >= 0 && whose != thread))
			continue;
		s->ear = xreallocarray(s->ear, s->ears + 1, sizeof(*s->ear));
		s->ear[s->ears++] = (struct ear){ .serving = s, .fd = fd, .face = face };
	}
}

struct serving *listeners_serve(struct listeners *l, int thread, unsigned faces, struct loop *loop, struct conns *conns)
{
	struct serving *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->conns = conns;
	add_ears(s, l, thread, faces);
	for (struct ear *ear = s->ear; ear < s->ear + s->ears; ear++) {
		ear->event = event_new(loop_base(loop), ear->fd, EV_READ | EV_PERSIST, on_connection, ear);
		if (!ear->event)
			die("out of memory for an event");
	}
	hear_all(s, true);
	return s;
}

void serving_stop(struct serving *s)
{
	timer_stop(&s->resume);
	hear_all(s, false);
}

void serving_free(struct serving *s)
{
	if (!s)
		return;
	timer_stop(&s->resume);
	for (size_t i = 0; i < s->ears; i++)
		event_free(s->ear[i].event);
	free(s->ear);
	free(s);
}
