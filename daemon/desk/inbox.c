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
	char *vouched;			/* the voucher, then the keeper's word; NULL: it is no local administrator's */
	char *vouched_name;             /* who that administrator is */
	struct keeper_question *question;	/* whether it is good */
	char text[];
};

/* What comes before its request. */
struct inbox_ahead {
	uint32_t id;
	char *voucher;
	struct buf body;
};

struct inbox {
	struct loop *loop;
	void (*attend)(void *arg, struct http_exchange *);
	void *arg;
	struct frames *frames;		/* NULL: there is no front */
	struct letter *letter[PACKET_IDS];
	size_t held;			/* bytes */
	const struct inbox_peer *peer;	/* NULL: the front is at the other end */
	struct inbox_ahead ahead;
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
	if (r->question)
		keeper_cancel(r->question);
	if (r->vouched)
		wipe_free(r->vouched);
	free(r->vouched_name);
	wipe(r->text, r->size);
	free(r);
}

static void ahead_clear(struct inbox_ahead *a)
{
	if (a->voucher)
		wipe_free(a->voucher);
	a->voucher = NULL;
	buf_wipe(&a->body);
}

/* Nobody listens from now on; the front sees its line end, and ends. */
static void disconnect(void *arg)
{
	struct inbox *in = arg;

	for (uint32_t id = 0; id < PACKET_IDS; id++) {
		struct letter *r = in->letter[id];

		if (r && r->question)
			letter_free(r);		/* nobody attends to it yet */
		else if (r)
			detach(r);
	}
	ahead_clear(&in->ahead);
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
	const struct inbox_peer *peer = r->inbox ? r->inbox->peer : NULL;
	struct http_answer said = *a;
	struct buf *out = out_of(r);

	if (peer)
		said.applied = peer->applied(peer->arg);
	if (out)
		packet_add_answer(out, x->mark, &said, false);
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

void inbox_back(struct http_exchange *x)
{
	letter_say(letter_of(x), PACKET_BACK);
	letter_free(letter_of(x));
}

bool inbox_idle(const struct inbox *in)
{
	return !in->held;
}

/*
 * What comes in.
 */

static void overloaded(struct inbox *in, uint32_t id)
{
	struct http_answer answer = { .status = 503, .fields = slice_str("Retry-After: 1\r\n") };

	packet_add_answer(frames_out(in->frames), id, &answer, false);
}

/* The keeper's word, or why there is none. */
static void letter_judged(void *arg, const struct keeper_answer *a)
{
	struct letter *r = arg;
	_cleanup_free_ char *text = NULL;

	r->question = NULL;
	if (!a->err) {
		wipe_free(r->vouched);
		r->request.vouched = r->vouched = xstrdup(a->field[0].data);
		r->request.vouched_name = r->vouched_name = xstrdup(a->field[1].data);
		r->request.face = FACE_CONTROL;
		r->inbox->attend(r->inbox->arg, &r->exchange);
		return;
	}
	log_err(LOG_LEVEL_WARN, a->err);
	text = xasprintf("%s.%s%s\n", a->err->message, *a->err->hint ? " " : "", a->err->hint);
	letter_answer(&r->exchange, &(struct http_answer){
		.status = err_http_status(a->err->kind), .type = "text/plain; charset=utf-8", .body = slice_str(text),
		.fields = slice_str("Cache-Control: no-store\r\n"),
	});
}

/* What came ahead of it belongs to it. */
static void join(struct letter *r, struct inbox_ahead *a)
{
	char *body = r->text + r->request.body;

	if (a->body.len) {
		memmove(body + a->body.len, body, r->request.body_len + 1);
		memcpy(body, a->body.data, a->body.len);
		r->request.body_len += a->body.len;
	}
	r->vouched = TAKE(a->voucher);
	ahead_clear(a);
}

static struct letter *letter_new(struct inbox *in, const struct packet *p, size_t size)
{
	struct letter *r = xcalloc(1, sizeof(*r) + size);

	r->size = size;
	r->exchange = (struct http_exchange){ &way, &r->request, p->id };
	if (packet_request(p, &r->request, r->text) < 0) {
		letter_free(r);
		return NULL;
	}
	join(r, &in->ahead);
	r->inbox = in;
	in->letter[p->id] = r;
	in->held += size;
	return r;
}

static int take_request(struct inbox *in, const struct packet *p)
{
	size_t size = packet_text_size(p) + in->ahead.body.len;
	struct letter *r;

	if (in->letter[p->id] || ((in->ahead.voucher || in->ahead.body.len) && in->ahead.id != p->id))
		return -1;
	if (in->held + size > HELD_MOST) {
		ahead_clear(&in->ahead);
		overloaded(in, p->id);
		return 0;
	}
	r = letter_new(in, p, size);
	if (!r)
		return -1;
	if (r->vouched)
		r->question = KEEPER_ASK(in->peer->keeper, vouched, -1, letter_judged, r, slice_str(in->peer->name),
					 slice_str(r->vouched));
	else
		in->attend(in->arg, &r->exchange);
	return 0;
}

/* A voucher, then pieces of a body, of the request that follows. */
static int take_ahead(struct inbox *in, const struct packet *p)
{
	struct inbox_ahead *a = &in->ahead;
	bool first = !a->voucher && !a->body.len;

	if (!in->peer || (!first && a->id != p->id))
		return -1;
	a->id = p->id;
	if (p->kind == PACKET_VOUCHER) {
		if (!first || !p->content.len || p->content.len > PACKET_VOUCHER_MOST ||
		    memchr(p->content.data, '\0', p->content.len))
			return -1;
		a->voucher = xstrndup(p->content.data, p->content.len);
		return 0;
	}
	if (!p->content.len || a->body.len + p->content.len > PACKET_BODIES_MOST)
		return -1;
	buf_add(&a->body, p->content.data, p->content.len);
	return 0;
}

/* The answer may be on its way, then it is for nobody. */
static int take_gone(struct inbox *in, const struct packet *p)
{
	if (in->letter[p->id])
		in->letter[p->id]->gone = true;
	return p->content.len ? -1 : 0;
}

static int take_note(struct inbox *in, const struct packet *p)
{
	if (!in->peer)
		return -1;
	in->peer->noted(in->peer->noted_arg, p->content);
	return 0;
}

static int (*const takes[PACKET_KINDS])(struct inbox *, const struct packet *) = {
	[PACKET_REQUEST] = take_request, [PACKET_GONE] = take_gone,
	[PACKET_VOUCHER] = take_ahead, [PACKET_BODY] = take_ahead, [PACKET_NOTE] = take_note,
};

static int inbox_take_one(void *arg, const struct packet *p)
{
	struct inbox *in = arg;
	int taken = takes[p->kind] ? takes[p->kind](in, p) : -1;

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
		log_error("%s does not keep to the rules of its line, which is closed",
			  in->peer ? "a node of the cluster" : "the front");
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

struct inbox *inbox_new_peer(struct loop *loop, void (*attend)(void *arg, struct http_exchange *), void *arg,
			     const struct inbox_peer *peer)
{
	struct inbox *in = inbox_new(loop, attend, arg);

	in->peer = peer;
	return in;
}

static void inbox_closed(void *arg)
{
	struct inbox *in = arg;

	disconnect(in);
	if (in->peer)
		in->peer->closed(in->peer->closed_arg, in);
}

void inbox_connect(struct inbox *in, int fd)
{
	struct frames_user user = { .take = inbox_take, .closed = inbox_closed, .arg = in };

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
