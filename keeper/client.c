#include "keeper/keeper.h"

#include <errno.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/process/channel.h"
#include "keeper/proto.h"

#define ANSWERS_AT_ONCE 32	/* then the rest of the loop has its turn */

struct keeper_question {
	TAILQ_ENTRY(keeper_question) link;
	struct keeper_client *client;
	uint32_t id;
	enum keeper_op op;
	keeper_cb *cb;
	void *arg;
	struct err *refused;	/* why it will not be answered; NULL: it is under way */
};
TAILQ_HEAD(questions, keeper_question);

struct keeper_client {
	int channel;		/* the keeper's, not ours to close */
	struct loop *loop;
	struct event *readable, *writable;
	struct outbox outbox;
	struct questions pending, refused;
	struct timer refuse;	/* callbacks never come from inside keeper_ask() */
	uint32_t last_id;
	unsigned char *packet;	/* the answer being read */
	bool dead;
	bool busy, detached;	/* in a callback; which has detached us, so free when it returns */
	void (*on_death)(void *arg);
	void *arg;
};

static void question_free(struct keeper_question *q)
{
	TAILQ_REMOVE(q->refused ? &q->client->refused : &q->client->pending, q, link);
	free(q->refused);
	free(q);
}

static void drop_all(struct questions *list)
{
	while (!TAILQ_EMPTY(list))
		question_free(TAILQ_FIRST(list));
}

static void client_free(struct keeper_client *c)
{
	timer_stop(&c->refuse);
	event_free(c->readable);
	event_free(c->writable);
	outbox_release(&c->outbox);
	wipe(c->packet, KEEPER_MESSAGE_MAX);
	free(c->packet);
	free(c);
}

static void leave(struct keeper_client *c)
{
	c->busy = false;
	if (c->detached)
		client_free(c);
}

static void finish(struct keeper_question *q, const struct keeper_answer *answer)
{
	keeper_cb *cb = q->cb;
	void *arg = q->arg;

	question_free(q);
	cb(arg, answer);
}

static void fail(struct keeper_question *q)
{
	struct err why = *q->refused;

	finish(q, &(const struct keeper_answer){ .err = &why });
}

static void refuse(struct keeper_question *q, const struct err *why)
{
	TAILQ_REMOVE(&q->client->pending, q, link);
	q->refused = xmemdup(why, sizeof(*why));
	TAILQ_INSERT_TAIL(&q->client->refused, q, link);
}

static int set_dead(struct err *e)
{
	err_set(e, ERR_LATER, "the keeper has died");
	err_code(e, KEEPER_DIED);
	return err_hint(
		e,
		"The service manager starts Certera again: try again in a moment. The log says why the keeper ended.");
}

/* Only as many as there are now: a callback may ask again, and be refused again. */
static void fail_refused(struct keeper_client *c)
{
	size_t count = 0;
	struct keeper_question *q;

	TAILQ_FOREACH(q, &c->refused, link)
		count++;
	while (count-- && (q = TAILQ_FIRST(&c->refused)))
		fail(q);
}

static void on_refuse(void *arg)
{
	struct keeper_client *c = arg;

	c->busy = true;
	fail_refused(c);
	leave(c);
}

static void died(struct keeper_client *c)
{
	struct keeper_question *q;
	struct err why;

	if (c->dead)
		return;
	c->dead = true;
	set_dead(&why);
	log_err(LOG_LEVEL_ERROR, &why);
	event_del(c->readable);
	event_del(c->writable);
	outbox_release(&c->outbox);
	while ((q = TAILQ_FIRST(&c->pending)))
		refuse(q, &why);
	fail_refused(c);
	if (!c->detached && c->on_death)
		c->on_death(c->arg);
}

/* Fills the answer to question `op`; its err points to *e if there is one. */
static void judge(struct keeper_answer *answer, const struct message *m, enum keeper_op op, struct err *e)
{
	const struct proto_op *row = proto_op(op);

	*answer = (struct keeper_answer){ .err = e };
	if (m->code == PROTO_ERROR) {
		proto_decode_err(m, e);
		return;
	}
	if (m->code != PROTO_OK || m->count != proto_arity(row->answer)) {
		err_set(e, ERR_INTERNAL, "the keeper's answer to %s is not understood", row->name);
		return;
	}
	answer->err = NULL;
	answer->fields = m->count;
	memcpy(answer->field, m->field, sizeof(answer->field));
}

static struct keeper_question *find(struct keeper_client *c, uint32_t id)
{
	struct keeper_question *q;

	TAILQ_FOREACH(q, &c->pending, link)
		if (q->id == id)
			return q;
	return NULL;
}

static void deliver(struct keeper_client *c, struct slice packet)
{
	struct keeper_answer answer;
	struct keeper_question *q;
	struct message m;
	struct err e;

	if (proto_decode(&m, packet, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		died(c);
		return;
	}
	q = find(c, m.id);
	if (!q)		/* cancelled */
		return;
	judge(&answer, &m, q->op, &e);
	finish(q, &answer);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct keeper_client *c = arg;

	c->busy = true;
	for (int i = 0; i < ANSWERS_AT_ONCE && !c->dead && !c->detached; i++) {
		ssize_t n = channel_recv(c->channel, c->packet, NULL, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			died(c);
			break;
		}
		deliver(c, slice(c->packet, (size_t)n));
		wipe(c->packet, (size_t)n);
	}
	leave(c);
}

/* A broken channel shows as its end when read. */
static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct keeper_client *c = arg;

	if (outbox_flush(&c->outbox, c->channel) || outbox_empty(&c->outbox))
		event_del(c->writable);
}

struct keeper_client *keeper_attach(struct keeper *k, int index, struct loop *loop, void (*on_death)(void *arg),
				    void *arg)
{
	struct keeper_client *c = xcalloc(1, sizeof(*c));

	c->channel = channel_of(k, index);
	c->loop = loop;
	c->on_death = on_death;
	c->arg = arg;
	c->packet = xmalloc(KEEPER_MESSAGE_MAX);
	outbox_init(&c->outbox);
	TAILQ_INIT(&c->pending);
	TAILQ_INIT(&c->refused);
	c->readable = event_new(loop_base(loop), c->channel, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(loop_base(loop), c->channel, EV_WRITE | EV_PERSIST, on_writable, c);
	if (!c->readable || !c->writable || event_add(c->readable, NULL))
		die("libevent does not watch the keeper's channel");
	return c;
}

void keeper_detach(struct keeper_client *c)
{
	if (!c)
		return;
	drop_all(&c->pending);
	drop_all(&c->refused);
	event_del(c->readable);
	event_del(c->writable);
	timer_stop(&c->refuse);
	c->detached = true;
	if (!c->busy)
		client_free(c);
}

/* The packet of a question, checked against proto.def. */
static int encode(struct buf *packet, uint32_t id, enum keeper_op op, const struct slice *fields, size_t count,
		  struct err *e)
{
	const struct proto_op *row = proto_op(op);
	struct message m = { .id = id, .code = (unsigned char)op, .count = count };

	if (!row || count != proto_arity(row->question))
		die("keeper question %s was asked with %zu fields", row ? row->name : "(none)", count);
	for (size_t i = 0; i < count; i++)
		m.field[i] = fields[i];
	return proto_encode(packet, &m, e);
}

static int send_question(struct keeper_client *c, struct slice packet, int proof_fd, struct err *e)
{
	if (!c->dead && !outbox_send(&c->outbox, c->channel, packet, proof_fd))
		return 0;
	if (!c->dead && errno != EPIPE && errno != ECONNRESET)
		return err_errno(e, ERR_INTERNAL, "asking the keeper");
	return set_dead(e);
}

struct keeper_question *keeper_ask(struct keeper_client *c, enum keeper_op op, const struct slice *fields, size_t count,
				   int proof_fd, keeper_cb *cb, void *arg)
{
	_cleanup_buf_wipe_ struct buf packet = BUF_INIT;
	struct keeper_question *q = xcalloc(1, sizeof(*q));
	struct err e;

	q->client = c;
	q->id = ++c->last_id;
	q->op = op;
	q->cb = cb;
	q->arg = arg;
	TAILQ_INSERT_TAIL(&c->pending, q, link);
	if (encode(&packet, q->id, op, fields, count, &e) < 0 ||
	    send_question(c, slice_buf(&packet), proof_fd, &e) < 0) {
		refuse(q, &e);
		timer_start(&c->refuse, c->loop, 0, on_refuse, c);
	} else if (!outbox_empty(&c->outbox)) {
		event_add(c->writable, NULL);
	}
	return q;
}

/* Whether it arrives is all the same: the answer is for nobody. */
static void send_forget(struct keeper_client *c, uint32_t id)
{
	const struct message m = { .id = id, .code = PROTO_FORGET };
	_cleanup_buf_ struct buf packet = BUF_INIT;

	if (c->dead || proto_encode(&packet, &m, NULL) < 0)
		return;
	outbox_send(&c->outbox, c->channel, slice_buf(&packet), -1);
	if (!outbox_empty(&c->outbox))
		event_add(c->writable, NULL);
}

void keeper_cancel(struct keeper_question *q)
{
	if (!q->refused && proto_op(q->op)->lane != FAST)
		send_forget(q->client, q->id);
	question_free(q);
}

static void copy_out(const struct keeper_answer *answer, struct buf out[KEEPER_FIELDS])
{
	for (size_t i = 0; i < answer->fields; i++)
		buf_add(&out[i], answer->field[i].data, answer->field[i].len);
}

/* Packet by packet until the one with this id. */
static int await(int channel, unsigned char *packet, uint32_t id, struct message *m, struct err *e)
{
	do {
		ssize_t n = channel_recv(channel, packet, NULL, 0);

		if (n <= 0)
			return set_dead(e);
		if (proto_decode(m, slice(packet, (size_t)n), e) < 0)
			return -1;
	} while (m->id != id);
	return 0;
}

int keeper_ask_now(struct keeper *k, int index, enum keeper_op op, const struct slice *fields, size_t count,
		   struct buf out[KEEPER_FIELDS], struct err *e)
{
	const uint32_t id = 0;	/* no client asks under it */
	_cleanup_buf_wipe_ struct buf packet = BUF_INIT;
	unsigned char *reply;
	struct keeper_answer answer;
	struct message m;
	struct err why;
	int rc;

	for (int i = 0; i < KEEPER_FIELDS; i++)
		out[i] = (struct buf)BUF_INIT;
	if (encode(&packet, id, op, fields, count, e) < 0)
		return -1;
	if (channel_send(channel_of(k, index), slice_buf(&packet), -1, 0))
		return set_dead(e);
	reply = xmalloc(KEEPER_MESSAGE_MAX);
	rc = await(channel_of(k, index), reply, id, &m, e);
	if (!rc) {
		judge(&answer, &m, op, &why);
		copy_out(&answer, out);
		if (answer.err && e)
			*e = why;
		rc = answer.err ? -1 : 0;
	}
	wipe(reply, KEEPER_MESSAGE_MAX);
	free(reply);
	return rc;
}
