#include "daemon/desk/inbox.h"

#include "base/http/packet.h"
#include "base/log.h"
#include "base/process/frames.h"

#define HELD_MOST (32 * 1024 * 1024)	/* bytes of requests that are being answered */
#define UNSENT_MUCH (8 * 1024 * 1024)	/* bytes of answers on the line: until they are taken, no more is answered */
#define UNSENT_MOST (128 * 1024 * 1024)	/* bytes of answers that the front does not take: it is given up */

struct letter {
	struct http_exchange exchange;	/* first; its mark is the id */
	struct http_request request;
	struct inbox *inbox;		/* NULL: who asked is gone with its process */
	size_t size;
	bool gone;			/* the client */
	char text[];
};

struct inbox {
	struct loop *loop;
	void (*attend)(void *arg, struct http_exchange *);
	void *arg;
	struct frames *frames;		/* NULL: there is no front */
	struct letter *letter[PACKET_IDS];
	size_t held;			/* bytes */
};

/* An exchange is the first in it. */
static struct letter *letter_of(struct http_exchange *x)
{
	return (struct letter *)x;
}

/* The id may come again. */
static void detach(struct letter *r)
{
	if (!r->inbox)
		return;
	r->inbox->letter[r->exchange.mark] = NULL;
	r->inbox->held -= r->size;
	r->inbox = NULL;
}

static void letter_free(struct letter *r)
{
	detach(r);
	wipe(r->text, r->size);
	free(r);
}

/* Nobody listens from now on; the front sees its line end, and ends. */
static void disconnect(void *arg)
{
	struct inbox *in = arg;

	for (uint32_t id = 0; id < PACKET_IDS; id++)
		if (in->letter[id])
			detach(in->letter[id]);
	frames_free(TAKE(in->frames));
}

/*
 * The way back.
 */

static struct buf *out_of(struct letter *r)
{
	return r->inbox ? frames_out(r->inbox->frames) : NULL;
}

static void letter_say(struct letter *r, enum packet_kind kind)
{
	struct buf *out = out_of(r);

	if (out)
		packet_add(out, kind, r->exchange.mark, slice("", 0));
}

static void letter_answer(struct http_exchange *x, const struct http_answer *a)
{
	struct letter *r = letter_of(x);
	struct buf *out = out_of(r);

	if (out)
		packet_add_answer(out, x->mark, a, false);
	letter_free(r);
}

static void letter_begin(struct http_exchange *x, const struct http_answer *a)
{
	struct buf *out = out_of(letter_of(x));

	if (out)
		packet_add_answer(out, x->mark, a, true);
}

static bool letter_part(struct http_exchange *x, struct slice data)
{
	struct letter *r = letter_of(x);
	struct buf *out = out_of(r);

	for (size_t at = 0; out && at < data.len; at += PACKET_BODY_MOST)
		packet_add(out, PACKET_PART, x->mark,
			   slice((const char *)data.data + at, MIN(data.len - at, PACKET_BODY_MOST)));
	return out && !r->gone;
}

static void letter_end(struct http_exchange *x)
{
	letter_say(letter_of(x), PACKET_END);
	letter_free(letter_of(x));
}

static void letter_drop(struct http_exchange *x)
{
	letter_say(letter_of(x), PACKET_DROP);
	letter_free(letter_of(x));
}

/* What is known; the front looks now, and the next question knows that. */
static bool letter_gone(struct http_exchange *x)
{
	struct letter *r = letter_of(x);

	if (!r->gone)
		letter_say(r, PACKET_LOOK);
	return r->gone || !r->inbox;
}

static const struct http_way way = {
	.answer = letter_answer, .begin = letter_begin, .part = letter_part, .end = letter_end, .drop = letter_drop,
	.gone = letter_gone,
};

/*
 * What comes in.
 */

static void overloaded(struct inbox *in, uint32_t id)
{
	struct http_answer answer = { .status = 503, .fields = slice_str("Retry-After: 1\r\n") };

	packet_add_answer(frames_out(in->frames), id, &answer, false);
}

static int take_request(struct inbox *in, const struct packet *p)
{
	size_t size = packet_text_size(p);
	struct letter *r;

	if (in->letter[p->id])
		return -1;
	if (in->held + size > HELD_MOST) {
		overloaded(in, p->id);
		return 0;
	}
	r = xcalloc(1, sizeof(*r) + size);
	r->size = size;
	r->exchange = (struct http_exchange){ &way, &r->request, p->id };
	if (packet_request(p, &r->request, r->text) < 0) {
		letter_free(r);
		return -1;
	}
	r->inbox = in;
	in->letter[p->id] = r;
	in->held += size;
	in->attend(in->arg, &r->exchange);
	return 0;
}

/* The answer may be on its way, then it is for nobody. */
static int take_gone(struct inbox *in, const struct packet *p)
{
	if (in->letter[p->id])
		in->letter[p->id]->gone = true;
	return p->content.len ? -1 : 0;
}

static int inbox_take_one(void *arg, const struct packet *p)
{
	struct inbox *in = arg;
	int taken = p->kind == PACKET_REQUEST ? take_request(in, p) : p->kind == PACKET_GONE ? take_gone(in, p) : -1;

	if (taken < 0 || frames_unsent(in->frames) > UNSENT_MOST)
		return -1;
	return frames_unsent(in->frames) > UNSENT_MUCH;
}

static ssize_t inbox_take(void *arg, struct slice bytes)
{
	struct inbox *in = arg;
	ssize_t used = packet_each(bytes, inbox_take_one, in);

	if (used >= 0 && in->frames && frames_unsent(in->frames) > UNSENT_MUCH)
		frames_hold(in->frames, UNSENT_MUCH / 2);
	if (used < 0)
		log_error("the front does not keep to the rules of its line, which is closed");
	return used;
}

struct inbox *inbox_new(struct loop *loop, void (*attend)(void *arg, struct http_exchange *), void *arg)
{
	struct inbox *in = xcalloc(1, sizeof(*in));

	in->loop = loop;
	in->attend = attend;
	in->arg = arg;
	return in;
}

void inbox_connect(struct inbox *in, int fd)
{
	struct frames_user user = { .take = inbox_take, .closed = disconnect, .arg = in };

	disconnect(in);
	in->frames = frames_new(in->loop, fd, &user);
}

void inbox_free(struct inbox *in)
{
	if (!in)
		return;
	disconnect(in);
	free(in);
}
