#include "webui/http/ask.h"

#include "webui/http/face.h"
#include "webui/http/settle.h"

#define LOOK_MS 500	/* between two looks whether anybody is there to be answered */

static void keeper_answered(void *arg, const struct keeper_answer *a)
{
	struct request *r = arg;
	struct err e = { 0 };

	store_task(r->webui->env->store, r->seen);
	r->question = NULL;
	timer_stop(&r->look);
	if (a->err)
		reply_error(r, a->err);
	else if (r->answered(r, a->field, &e) < 0)
		reply_error(r, &e);
}

static void look(void *arg)
{
	struct request *r = arg;
	struct err e;

	if (!r->exchange->way->gone(r->exchange)) {
		timer_start(&r->look, r->webui->loop, LOOK_MS, look, r);
		return;
	}
	keeper_cancel(TAKE(r->question));
	err_set(&e, ERR_LIMIT, "the connection was closed before the answer was there");
	reply_error(r, &e);
}

int request_ask(struct request *r, enum keeper_op op, const struct slice *fields, size_t count, int proof_fd,
		answer_fn *answered)
{
	r->answered = answered;
	settle_later(r, op, fields);
	r->seen = store_seen(r->webui->env->store);
	r->question = keeper_ask(r->webui->keeper, op, fields, count, proof_fd, keeper_answered, r);
	timer_start(&r->look, r->webui->loop, LOOK_MS, look, r);
	return 0;
}
