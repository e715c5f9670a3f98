#include "webui/http/stream.h"

#include "base/clock.h"
#include "webui/http/reply.h"

#define STREAM_PAUSE_MS 500	/* however often it changes */
#define STREAM_SILENCE_MS 15000	/* then it is asked in any case */
#define STREAMS_MOST 2000	/* a thread; while nothing changes they cost nothing */

/* The bell rings for them while there are any. */
static void count(struct webui *w, int more)
{
	static const enum table tables[] = {
		TABLE_cert, TABLE_version, TABLE_order, TABLE_check, TABLE_agenda, TABLE_event,
	};
	bool any = w->streams + more, before = w->streams;

	w->streams += more;
	for (size_t i = 0; i < ARRAY_SIZE(tables) && any != before; i++)
		bell_watch(w->stream_bell, tables[i], any);
}

static void close_stream(struct request *r)
{
	count(r->webui, -1);
	r->exchange->way->end(r->exchange);
	request_free(r);
}

bool stream_is_over(const struct request *r)
{
	return r->stream_ends && clock_mono_ms() >= r->stream_ends;
}

static int64_t until_asked(const struct request *r)
{
	return r->stream_ends ? MAX(0, MIN(r->stream_ends - clock_mono_ms(), STREAM_SILENCE_MS)) : STREAM_SILENCE_MS;
}

static void send_event(void *arg)
{
	struct request *r = arg;
	struct http_exchange *x = r->exchange;
	struct buf text = BUF_INIT;
	bool over;

	store_task(r->webui->env->store, 0);
	over = r->stream(r, &text);
	over |= !x->way->part(x, slice_buf(&text));
	buf_release(&text);
	if (!over) {
		timer_start(&r->next_event, r->webui->loop, until_asked(r), send_event, r);
		return;
	}
	close_stream(r);
}

static void look_all(void *arg)
{
	struct webui *w = arg;

	for (struct request *r = w->requests; r; r = r->next)
		if (r->stream)
			timer_start(&r->next_event, w->loop, 0, send_event, r);
}

void streams_look(void *arg)
{
	struct webui *w = arg;

	if (w->stream_pause.event)	/* it is about to happen */
		return;
	timer_start(&w->stream_pause, w->loop, STREAM_PAUSE_MS, look_all, w);
}

static int begin_stream(struct request *r, const char *type, int (*more)(struct request *, struct buf *), struct err *e)
{
	struct http_answer answer = { .status = 200, .type = type };

	if (r->webui->streams >= STREAMS_MOST)
		return err_set(e, ERR_LIMIT, "too many live viewers; the page polls instead");
	if (r->head)
		return reply(r, 200, answer.type, slice(NULL, 0));
	reply_header(r, "X-Content-Type-Options", "nosniff");
	reply_header(r, "Cache-Control", "no-store");
	r->stream = more;
	count(r->webui, 1);
	answer.fields = slice_buf(&r->fields);
	r->exchange->way->begin(r->exchange, &answer);
	timer_start(&r->next_event, r->webui->loop, 0, send_event, r);
	return 0;
}

int stream_reply(struct request *r, int (*more)(struct request *, struct buf *), struct err *e)
{
	return begin_stream(r, "text/event-stream", more, e);
}

int stream_reply_within(struct request *r, const char *type, int64_t ms, int (*more)(struct request *, struct buf *),
			struct err *e)
{
	r->stream_ends = clock_mono_ms() + MAX(ms, 1);
	return begin_stream(r, type, more, e);
}

void streams_end(struct webui *w)
{
	struct request *next;

	for (struct request *r = w->requests; r; r = next) {
		next = r->next;
		if (r->stream && r->stream_ends) {	/* it has something to say at its end, which is now */
			r->stream_ends = 1;
			send_event(r);
		} else if (r->stream) {
			close_stream(r);
		}
	}
}

