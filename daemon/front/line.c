#include "daemon/front/line.h"

#include "base/http/packet.h"
#include "base/log.h"
#include "base/process/frames.h"

#define UNSENT_MOST (16 * 1024 * 1024)	/* bytes that the desk has not taken: then it is overloaded */

/* One that the desk is answering. */
struct line_asked {
	struct http_exchange *exchange;	/* NULL: the id is free */
	bool parts;			/* its answer has begun, and comes in parts */
	struct buf answer;		/* the packet of one that is not whole yet */
	struct buf body;		/* of it */
	size_t len;			/* that it will have */
};

struct desk_line {
	struct frames *frames;
	void (*closed)(void *arg);
	void *arg;
	struct line_asked asked[PACKET_IDS];
	uint16_t free[PACKET_IDS];	/* ids; the last is taken next, so that few are in use */
	size_t count;			/* of them */
};

static struct http_exchange *line_take_back(struct desk_line *l, uint32_t id)
{
	struct line_asked *a = &l->asked[id];
	struct http_exchange *x = a->exchange;

	buf_wipe(&a->answer);
	buf_wipe(&a->body);
	*a = (struct line_asked){ .exchange = NULL };
	l->free[l->count++] = (uint16_t)id;
	return x;
}

/*
 * What the desk says.
 */

static int take_whole(struct desk_line *l, const struct packet *p, const struct http_answer *answer)
{
	struct http_exchange *x = l->asked[p->id].exchange;

	x->way->answer(x, answer);
	line_take_back(l, p->id);
	return 0;
}

static int take_answer(struct desk_line *l, const struct packet *p)
{
	struct line_asked *a = &l->asked[p->id];
	struct http_answer answer;

	if (a->parts || a->answer.len || packet_answer(p, &answer, &a->len) < 0)
		return -1;
	if (answer.body.len == a->len)
		return take_whole(l, p, &answer);
	buf_reserve(&a->body, a->len);
	buf_add(&a->body, answer.body.data, answer.body.len);
	buf_add(&a->answer, p->content.data, p->content.len);
	return 0;
}

static int take_begin(struct desk_line *l, const struct packet *p)
{
	struct line_asked *a = &l->asked[p->id];
	struct http_answer answer;

	if (a->parts || a->answer.len || packet_answer(p, &answer, &a->len) < 0)
		return -1;
	a->parts = true;
	a->exchange->way->begin(a->exchange, &answer);
	return 0;
}

/* Of a body whose length is known. */
static int take_rest(struct desk_line *l, const struct packet *p)
{
	struct line_asked *a = &l->asked[p->id];
	struct packet first = { .kind = PACKET_ANSWER, .id = p->id, .content = slice_buf(&a->answer) };
	struct http_answer answer;

	if (!a->answer.len || p->content.len > a->len - a->body.len)
		return -1;
	buf_add(&a->body, p->content.data, p->content.len);
	if (a->body.len < a->len)
		return 0;
	packet_answer(&first, &answer, &a->len);
	answer.body = slice_buf(&a->body);
	return take_whole(l, p, &answer);
}

static int take_part(struct desk_line *l, const struct packet *p)
{
	struct line_asked *a = &l->asked[p->id];

	if (!p->content.len || p->content.len > PACKET_BODY_MOST)
		return -1;
	if (!a->parts)
		return take_rest(l, p);
	a->exchange->way->part(a->exchange, p->content);
	return 0;
}

static int take_end(struct desk_line *l, const struct packet *p)
{
	struct http_exchange *x = l->asked[p->id].exchange;

	if (p->content.len || !l->asked[p->id].parts)
		return -1;
	line_take_back(l, p->id);
	x->way->end(x);
	return 0;
}

static int take_drop(struct desk_line *l, const struct packet *p)
{
	struct http_exchange *x = l->asked[p->id].exchange;

	if (p->content.len)
		return -1;
	line_take_back(l, p->id);
	x->way->drop(x);
	return 0;
}

static int take_back(struct desk_line *l, const struct packet *p)
{
	struct http_exchange *x = l->asked[p->id].exchange;

	if (p->content.len || l->asked[p->id].parts || l->asked[p->id].answer.len)
		return -1;
	line_take_back(l, p->id);
	(x->way->back ? x->way->back : x->way->drop)(x);
	return 0;
}

static int take_look(struct desk_line *l, const struct packet *p)
{
	struct http_exchange *x = l->asked[p->id].exchange;

	if (p->content.len)
		return -1;
	if (x->way->gone(x))
		packet_add(frames_out(l->frames), PACKET_GONE, p->id, slice("", 0));
	return 0;
}

static int (*const takes[PACKET_KINDS])(struct desk_line *, const struct packet *) = {
	[PACKET_ANSWER] = take_answer, [PACKET_BEGIN] = take_begin, [PACKET_PART] = take_part,
	[PACKET_END] = take_end, [PACKET_DROP] = take_drop, [PACKET_LOOK] = take_look,
	[PACKET_BACK] = take_back,
};

static int line_take_one(void *arg, const struct packet *p)
{
	struct desk_line *l = arg;

	return takes[p->kind] && l->asked[p->id].exchange ? takes[p->kind](l, p) : -1;
}

static ssize_t line_take(void *arg, struct slice bytes)
{
	return packet_each(bytes, line_take_one, arg);
}

static void line_closed(void *arg)
{
	struct desk_line *l = arg;

	l->closed(l->arg);
}

/*
 * What is asked.
 */

static void line_refuse(struct http_exchange *x)
{
	static const char text[] = "The server has too much to do; ask again in a moment.\n";

	x->way->answer(x, &(struct http_answer){
		.status = 503, .type = "text/plain; charset=utf-8", .body = slice(text, sizeof(text) - 1),
		.fields = slice_str("Retry-After: 1\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"),
	});
}

void line_attend(void *line, struct http_exchange *x)
{
	struct desk_line *l = line;

	if (!l->count || frames_unsent(l->frames) > UNSENT_MOST) {
		line_refuse(x);
		return;
	}
	x->mark = l->free[--l->count];
	l->asked[x->mark].exchange = x;
	packet_add_request(frames_out(l->frames), x->mark, x->request);
}

bool line_note(struct desk_line *l, struct slice note)
{
	if (frames_unsent(l->frames) > UNSENT_MOST || note.len > PACKET_BODY_MOST)
		return false;
	packet_add(frames_out(l->frames), PACKET_NOTE, 0, note);
	return true;
}

void line_left(void *line, struct http_exchange *x)
{
	struct desk_line *l = line;

	packet_add(frames_out(l->frames), PACKET_GONE, x->mark, slice("", 0));
}

struct desk_line *line_new(struct loop *loop, int fd, void (*closed)(void *arg), void *arg)
{
	struct desk_line *l = xcalloc(1, sizeof(*l));
	struct frames_user user = { .take = line_take, .closed = line_closed, .arg = l };

	l->closed = closed;
	l->arg = arg;
	for (size_t id = PACKET_IDS; id--;)
		l->free[l->count++] = (uint16_t)id;
	l->frames = frames_new(loop, fd, &user);
	return l;
}

/* Those whose connections are gone, too, still have their exchange. */
void line_free(struct desk_line *l)
{
	if (!l)
		return;
	for (uint32_t id = 0; id < PACKET_IDS; id++) {
		struct http_exchange *x = l->asked[id].exchange;

		if (x) {
			line_take_back(l, id);
			x->way->drop(x);
		}
	}
	frames_free(l->frames);
	free(l);
}
