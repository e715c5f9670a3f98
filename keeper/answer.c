/* From a question to its answer: the function of its row in proto.def, and the room they all work in. */
#include <unistd.h>

#include "keeper/at_hand.h"
#include "keeper/call.h"
#include "keeper/log_mark.h"
#include "keeper/marks.h"
#include "keeper/witness.h"

struct slice call_in(const struct call *c, const char *name)
{
	return c->question.field[proto_index(c->op->question, name)];
}

struct buf *call_out(struct call *c, const char *name)
{
	return &c->answer[proto_index(c->op->answer, name)];
}

const char *call_text(const struct call *c, const char *name, struct err *e)
{
	struct slice s = call_in(c, name);

	if (!memchr(s.data, '\0', s.len))
		return s.data;
	err_set(e, ERR_INVALID, "the %s has a NUL byte in it", name);
	return NULL;
}

static int (*const functions[])(struct call *, struct err *) = {
#define OP(name, lane, who, question, answer) op_##name,
#include "keeper/proto.def"
#undef OP
};

void room_init(struct room *r, const unsigned char master_key[SEAL_KEY_SIZE], const char *origin, pid_t daemon)
{
	const struct access nobody = { .kind = ACCESS_KEY };

	*r = (struct room){ .daemon = daemon, .user = geteuid(), .admins = { .group = NO_GROUP } };
	r->witnesses = witnesses_new();
	r->at_hand = at_hand_new();
	r->log_mark = log_mark_new();
	r->marks = marks_new();
	seal_init(&r->seal, master_key, origin);
	access_close(&nobody, &r->seal, slice_str(""), &r->nobody);
}

void room_release(struct room *r)
{
	seal_release(&r->seal);
	buf_wipe(&r->nobody);
	witnesses_free(r->witnesses);
	at_hand_free(r->at_hand);
	log_mark_free(r->log_mark);
	marks_free(r->marks);
}

static int ask(struct call *c, enum proto_asker who, struct slice packet, struct err *e)
{
	size_t expected;

	if (proto_decode(&c->question, packet, e) < 0)
		return -1;
	c->op = proto_op(c->question.code);
	if (!c->op)
		return err_set(e, ERR_USAGE, "the keeper does not know question %d", c->question.code);
	if (!(c->op->who & who))
		return err_set(e, ERR_DENIED, "the keeper does not answer %s to who asks", c->op->name);
	expected = proto_arity(c->op->question);
	if (c->question.count != expected)
		return err_set(e, ERR_USAGE, "%s takes %zu fields (%s), %zu came", c->op->name, expected,
			       c->op->question, c->question.count);
	return functions[c->question.code](c, e);
}

static int encode_answer(const struct call *c, struct buf *answer, struct err *e)
{
	struct message m = { .id = c->question.id, .code = PROTO_OK, .count = proto_arity(c->op->answer) };

	for (size_t i = 0; i < m.count; i++)
		m.field[i] = slice_buf(&c->answer[i]);
	return proto_encode(answer, &m, e);
}

void ops_answer(const struct room *room, enum proto_asker who, struct slice packet, int proof_fd, struct buf *answer)
{
	struct call c = { .room = room, .proof_fd = proof_fd };
	struct err e = { 0 };

	if (ask(&c, who, packet, &e) < 0 || encode_answer(&c, answer, &e) < 0)
		proto_encode_err(answer, c.question.id, &e);
	for (size_t i = 0; i < KEEPER_FIELDS; i++)
		buf_wipe(&c.answer[i]);
}

enum proto_lane ops_lane(const struct message *question)
{
	const struct proto_op *op = proto_op(question->code);

	return op && question->count == proto_arity(op->question) ? op->lane : FAST;
}

struct slice ops_visitor(const struct message *question)
{
	const struct proto_op *op = proto_op(question->code);

	return question->field[proto_index(op->question, "visitor")];
}
