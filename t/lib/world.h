/*
 * A world without time and network, for tests of acme/: include it once, in the test's own file.
 *
 * It takes the places of base/loop.c and base/fetch/fetch.c when the test is linked (what the test defines is not
 * taken from the library) and of the C library's clocks: timers run in order and the clock jumps to each, so
 * ten minutes of polling pass at once.  Requests arrive at world_serve(), which the test defines.
 */
#ifndef T_LIB_WORLD_H
#define T_LIB_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fetch/fetch.h"
#include "base/loop.h"

/* The clocks. */

static struct loop *world_loop; /* NULL: there is no world (any more), and the clocks are real */
static int64_t world_ms;    /* since the world began */
static int64_t world_epoch; /* when that was, unix seconds */

static int64_t real_time(clockid_t which, struct timespec *ts)
{
	syscall(SYS_clock_gettime, which, ts);
	return ts->tv_sec;
}

time_t time(time_t *out)
{
	struct timespec ts;
	time_t now = (time_t)(world_loop ? world_epoch + world_ms / 1000 : real_time(CLOCK_REALTIME, &ts));

	if (out)
		*out = now;
	return now;
}

int clock_gettime(clockid_t which, struct timespec *ts)
{
	if (!world_loop)
		return real_time(which, ts) < 0;
	ts->tv_sec = (time_t)(which == CLOCK_REALTIME ? world_epoch + world_ms / 1000 : 1000 + world_ms / 1000);
	ts->tv_nsec = world_ms % 1000 * 1000000;
	return 0;
}

static void world_create(void)
{
	struct timespec now;

	world_epoch = real_time(CLOCK_REALTIME, &now);
	world_ms = 0;
}

/* The loop: `struct event` is an armed timer. */

struct event {
	struct event *next;
	struct timer *timer;
	int64_t at;
};

struct loop {
	struct event *first;
	bool stopped;
};

struct loop *loop_new(void)
{
	return xcalloc(1, sizeof(struct loop));
}

void loop_free(struct loop *loop)
{
	assert_null(loop->first); /* a timer nobody stopped */
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	die("there is no event base in this world");
}

void loop_post(struct loop *loop, void (*fn)(void *), void *arg)
{
	die("nothing is posted in this world");
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

void timer_stop(struct timer *t)
{
	for (struct event **e = &world_loop->first; t->event && *e; e = &(*e)->next) {
		if (*e != t->event)
			continue;
		*e = t->event->next;
		free(t->event);
		t->event = NULL;
		return;
	}
	assert_null(t->event);
}

void timer_start(struct timer *t, struct loop *loop, int64_t ms, void (*fn)(void *arg), void *arg)
{
	struct event **e, *new;

	timer_stop(t);
	t->fn = fn;
	t->arg = arg;
	new = xmalloc(sizeof(*new));
	*new = (struct event){ .timer = t, .at = world_ms + MAX(ms, 0) };
	for (e = &loop->first; *e && (*e)->at <= new->at;)
		e = &(*e)->next;
	new->next = *e;
	t->event = *e = new;
}

/* Until loop_stop(), or until nothing is left to wait for. */
void loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (loop->first && !loop->stopped) {
		struct timer *t = loop->first->timer;
		void (*fn)(void *) = t->fn;
		void *arg = t->arg;

		world_ms = MAX(world_ms, loop->first->at);
		timer_stop(t);
		fn(arg);
	}
}

/* Fetching. */

struct exchange { /* a request, and what the test makes of it */
	const char *method, *url, *body;
	const char *const *headers;
	int status;
	struct buf answer;
	char **answer_headers;
	struct err lost; /* set: no reply arrives */
	int takes_ms;
};
void world_serve(struct exchange *);	/* the test defines it */

struct fetch {
	struct fetch_reply reply; /* first, for fetch_header() */
	struct exchange x;
	struct timer timer;
	fetch_cb *cb;
	void *arg;
};

struct fetcher *fetcher_new(struct loop *loop, const char *user_agent)
{
	return NULL;
}

void fetcher_free(struct fetcher *f)
{
}

static void fetch_release(struct fetch *f)
{
	timer_stop(&f->timer);
	buf_release(&f->x.answer);
	strv_free(f->x.answer_headers);
	free(f);
}

void fetch_cancel(struct fetch *f)
{
	fetch_release(f);
}

static void fetch_arrives(void *arg)
{
	struct fetch *f = arg;

	f->reply = (struct fetch_reply){
		.err = err_is_set(&f->x.lost) ? &f->x.lost : NULL,
		.status = f->x.status,
		.body = buf_str(&f->x.answer),
		.body_len = f->x.answer.len,
	};
	f->cb(f->arg, &f->reply);
	fetch_release(f);
}

struct fetch *fetch_start(struct fetcher *fetcher, const struct fetch_request *q, fetch_cb *cb, void *arg)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	f->cb = cb;
	f->arg = arg;
	f->x = (struct exchange){
		.method = q->method ? q->method : "GET", .url = q->url, .body = q->body, .headers = q->headers
	};
	assert_true(str_starts(q->url, "https://"));
	assert_true(q->timeout_ms > 0);
	world_serve(&f->x);
	if (f->x.takes_ms > q->timeout_ms) {
		err_set(&f->x.lost, ERR_TIMEOUT, "no answer within %d ms", q->timeout_ms);
		f->x.takes_ms = q->timeout_ms;
	}
	f->x.method = f->x.url = f->x.body = NULL; /* the caller's */
	f->x.headers = NULL;
	timer_start(&f->timer, world_loop, f->x.takes_ms, fetch_arrives, f);
	return f;
}

const char *fetch_header(const struct fetch_reply *reply, const char *name, size_t nth)
{
	const struct fetch *f = (const struct fetch *)reply;
	size_t len = strlen(name);

	for (char **h = f->x.answer_headers; h && *h; h++)
		if (!strncasecmp(*h, name, len) && (*h)[len] == ':' && !nth--)
			return *h + len + 2;
	return NULL;
}

#endif
