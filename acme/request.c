#include "acme/request.h"

#include "acme/account.h"
#include "acme/problem.h"
#include "base/clock.h"

#define REQUEST_SECONDS 60

static void request_go(void *);
static void request_late(void *);
static void directory_settled(void *, const struct err *);

struct acme_request *request_new(struct acme *a, const struct acme_account *account, const char *doing,
				 void (*begin)(struct acme_request *), acme_request_cb *done, void *arg)
{
	struct acme_request *r = xmalloc(sizeof(*r));

	*r = (struct acme_request){
		.acme = a,
		.account = account_copy(account),
		.doing = doing,
		.begin = begin,
		.done = done,
		.arg = arg,
		.waiter = { .fn = directory_settled, .arg = r },
		.deadline = clock_mono_ms() + ca_patience_ms(a, REQUEST_SECONDS),
	};
	timer_start(&r->turn, a->env.loop, 0, request_go, r);
	timer_start(&r->late, a->env.loop, ca_patience_ms(a, REQUEST_SECONDS), request_late, r);
	return r;
}

/* Lets go of all that could still call back. */
static void request_detach(struct acme_request *r)
{
	ca_unwait(r->acme, &r->waiter);
	timer_stop(&r->turn);
	timer_stop(&r->late);
	ticket_tear(&r->ticket);
	post_cancel(&r->post);
}

static void request_free(struct acme_request *r)
{
	account_release(&r->account);
	account_release(&r->fresh);
	free(r->payload);
	free(r->url);
	free(r->inner);
	json_decref(r->orders);
	free(r);
}

void acme_request_cancel(struct acme_request *r)
{
	if (!r || r->over)
		return;
	request_detach(r);
	request_free(r);
}

void request_end(struct acme_request *r, const json_t *answer)
{
	bool failed = err_is_set(&r->err);

	request_detach(r);
	r->over = true;
	if (failed) {
		err_prefix(&r->err, "%s", r->doing);
		problem_of_account(&r->err);
	}
	r->done(r->arg, failed ? NULL : answer, failed ? &r->err : NULL);
	request_free(r);
}

static void request_late(void *arg)
{
	struct acme_request *r = arg;
	const struct err *trouble = post_trouble(r->post);

	if (trouble)
		r->err = *trouble;
	else
		err_set(&r->err, ERR_TIMEOUT, "%s: not done within %d seconds", r->acme->url,
			ca_patience_ms(r->acme, REQUEST_SECONDS) / 1000);
	request_end(r, NULL);
}

static void request_failed(void *arg)
{
	request_end(arg, NULL);
}

static void directory_settled(void *arg, const struct err *err)
{
	struct acme_request *r = arg;

	if (err)
		r->err = *err;
	timer_start(&r->turn, r->acme->env.loop, 0, err ? request_failed : request_go, r);
}

static void request_go(void *arg)
{
	struct acme_request *r = arg;

	if (ca_ready(r->acme, &r->waiter))
		r->begin(r);
}

static void request_replied(void *arg, const struct reply *reply)
{
	struct acme_request *r = arg;

	if (reply->err) {
		r->err = *reply->err;
		request_end(r, NULL);
	} else if (r->replied) {
		r->replied(r, reply);
	} else {
		request_end(r, reply->json);
	}
}

void request_post(struct acme_request *r, const char *resource, const char *url, const char *payload)
{
	struct post_request q = {
		.account = &r->account,
		.resource = resource,
		.url = url,
		.payload = payload,
		.accept = "application/json", /* an empty answer is one, too (RFC 8555 sections 7.3.5, 7.6) */
		.deadline = r->deadline,
	};

	post_start(&r->post, r->acme, &q, request_replied, r);
}
