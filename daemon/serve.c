/* A front thread's evhttps: which socket is read how, and when no more connections are taken. */
#include <sys/resource.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "base/log.h"
#include "daemon/listen.h"
#include "daemon/wire.h"

#define FACES (FACE_CONTROL + 1)
#define CONNECTIONS_MOST 10000	/* of all threads; one with TLS takes some 40 kB */
#define PAUSE_MS 200

struct face {
	struct serving *serving;
	struct tls *tls;		/* NULL: plain */
	size_t unread_most;
	struct evhttp *http;
};

struct ear {
	struct evconnlistener *listener;
	enum webui_face face;
};

struct serving {
	struct loop *loop;
	struct webui *webui;
	struct wires *wires;
	int connections_most;
	struct face face[FACES];
	struct ear *ear;
	size_t ears;
	struct timer resume;
};

static __thread struct serving *here;	/* evhttp leaves no argument of a listener to us */

static void resume(void *arg)
{
	struct serving *s = arg;

	for (size_t i = 0; i < s->ears; i++)
		evconnlistener_enable(s->ear[i].listener);
}

static void deafen(struct serving *s, bool control_too)
{
	for (size_t i = 0; i < s->ears; i++)
		if (control_too || s->ear[i].face != FACE_CONTROL)
			evconnlistener_disable(s->ear[i].listener);
}

/* Out of descriptors, most likely; evhttp would try again at once, for ever.  Who comes now waits in the kernel. */
static void accept_failed(struct evconnlistener *listener, void *http)
{
	log_warn("taking a connection: %m; waiting a moment");
	deafen(here, true);
	timer_start(&here->resume, here->loop, PAUSE_MS, resume, here);
}

/* The bufferevent of a connection just accepted. */
static struct bufferevent *connected(struct event_base *base, void *arg)
{
	struct face *f = arg;
	struct serving *s = f->serving;

	if (s->wires->open >= s->connections_most) {
		log_debug("%d connections are open: waiting for some to end", s->wires->open);
		deafen(s, false);
		timer_start(&s->resume, s->loop, PAUSE_MS, resume, s);
	}
	return wire_new(s->wires, base, f->tls, f->unread_most);
}

static struct evhttp *face_http(struct serving *s, enum webui_face which, struct tls *tls)
{
	struct face *f = &s->face[which];

	if (f->http)
		return f->http;
	*f = (struct face){
		.serving = s,
		.tls = which == FACE_HTTPS ? tls : NULL,
		.unread_most = WEBUI_HEADER_MOST + webui_body_most(which),
		.http = evhttp_new(loop_base(s->loop)),
	};
	if (f->http) {
		evhttp_set_bevcb(f->http, connected, f);
		webui_attach(s->webui, f->http, which);
	}
	return f->http;
}

static int listen_on(struct serving *s, int fd, enum webui_face face, struct tls *tls)
{
	struct evhttp *http = face_http(s, face, tls);
	struct evconnlistener *listener =
		evconnlistener_new(loop_base(s->loop), NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, fd);

	if (!http || !listener || !evhttp_bind_listener(http, listener))
		return -1;
	evconnlistener_set_error_cb(listener, accept_failed);
	s->ear = xreallocarray(s->ear, s->ears + 1, sizeof(*s->ear));
	s->ear[s->ears++] = (struct ear){ listener, face };
	return 0;
}

/* Enough descriptors must be left for the store, the CAs and the keeper. */
static int connections_most(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return CONNECTIONS_MOST;
	return (int)MIN(files.rlim_cur / 4 * 3, CONNECTIONS_MOST);
}

static void begin(void *arg)
{
	here = arg;
}

struct serving *listeners_serve(struct listeners *l, int thread, struct loop *loop, struct tls *tls,
				struct webui *webui, struct err *e)
{
	struct serving *s = xcalloc(1, sizeof(*s));
	enum webui_face face;
	int fd;

	s->loop = loop;
	s->webui = webui;
	s->wires = wires_new();
	s->connections_most = connections_most() / listeners_threads(l);
	loop_post(loop, begin, s);
	for (size_t i = 0; (fd = listeners_fd(l, thread, i, &face)) >= 0; i++) {
		if (listen_on(s, fd, face, tls) == 0)
			continue;
		err_set(e, ERR_INTERNAL, "preparing to take connections failed");
		serving_free(s);
		return NULL;
	}
	return s;
}

void serving_stop_accepting(struct serving *s)
{
	timer_stop(&s->resume);
	deafen(s, true);
}

bool serving_idle(const struct serving *s)
{
	return !s->wires->unsent && webui_idle(s->webui);
}

void serving_free(struct serving *s)
{
	if (!s)
		return;
	timer_stop(&s->resume);
	for (size_t i = 0; i < FACES; i++)
		if (s->face[i].http)
			evhttp_free(s->face[i].http);
	wires_free(s->wires);
	free(s->ear);
	free(s);
}
