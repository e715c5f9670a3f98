/*
 * An order, from the first request to the checked chain: what runs its steps.
 *
 * order.def is the table of contents.  Each step is a pair, in order_apply.c or order_prove.c: order_send_x() asks one
 * thing, order_recv_x() judges one reply and names the next step.
 */
#include "acme/order.h"

#include "acme/problem.h"
#include "base/clock.h"
#include "base/log.h"

#define POLL_FIRST_MS 250 /* doubles with each pause */
#define POLL_MAX_MS 5000
#define POLL_RETRY_AFTER_MAX 60 /* while polling, a longer Retry-After would only miss the deadline */
#define FORGETS_PART 10 /* of the time of a step: a minute of the ten for validating and issuing */
#define RAN_OUT_PART 10  /* of that time: with less left than that, it was not enough */
#define SLOW_CA "The CA answers slowly, or not at all. See the status page of the CA if this lasts."
#define SLOW_KEEPER "The keeper process of Certera did not answer in time. See the server log."
#define SLOW_CHECK \
	"Certera has told the CA that the answers are ready, and the CA has not reported a result. " \
	"Certera asks again at the next attempt, then starts a new order. See the status page of the CA if this lasts."

enum saved { DURABLE, REPEATABLE };

static const struct {
	const char *name, *text;
	int seconds;
	const char *late;
	enum saved saved;
	void (*send)(struct order *);
	enum step (*recv)(struct order *, const struct reply *, struct err *);
} steps[] = {
#define STEP(name, text, seconds, late, saved) \
	[STEP_##name] = { #name, text, seconds, late, saved, order_send_##name, order_recv_##name },
#include "acme/order.def"
#undef STEP
};

int order_steps(void)
{
	return STEPS;
}

int order_step_index(const char *name)
{
	for (int i = 0; i < STEPS; i++)
		if (str_eq(steps[i].name, name))
			return i;
	return -1;
}

const char *order_step_text(const char *name)
{
	int i = order_step_index(name);

	return i < 0 ? NULL : steps[i].text;
}

const char *order_step_name(const struct order *o)
{
	return steps[o->step].name;
}

/*
 * The machine.
 */

static void order_failed(struct order *);
static void order_done(struct order *);
static int order_enter(struct order *, enum step);
static void order_send(void *);
static void order_late(void *);

void order_resume(void *arg, const struct reply *r)
{
	struct order *o = arg;
	enum step next = steps[o->step].recv(o, r, &o->err);

	if (next == STEP_FAIL)
		order_failed(o);
	else if (next == STEP_DONE)
		order_done(o);
	else if (next == STEP_AGAIN || order_enter(o, next) == 0)
		timer_start(&o->pause, o->acme->env.loop, o->wait_ms, order_send, o);
}

static void order_send(void *arg)
{
	struct order *o = arg;

	steps[o->step].send(o);
	order_describe(o);
}

static void begin_time(struct order *o)
{
	o->deadline = clock_mono_ms() + o->limit_ms;
	timer_stop(&o->late);
	if (o->limit_ms)
		timer_start(&o->late, o->acme->env.loop, o->limit_ms, order_late, o);
}

void order_again(struct order *o)
{
	begin_time(o);
	order_send(o);
}

/* Alone changes the step: logs, saves, arms the deadline. */
static int order_enter(struct order *o, enum step step)
{
	struct acme_env *env = &o->acme->env;

	o->step = step;
	o->at = o->polls = 0;
	o->wait_ms = o->retry_after = 0;
	err_clear(&o->refusal);
	err_clear(&o->trouble);
	order_describe(o);
	log_info("%s: %s", o->names[0], steps[step].text);

	o->limit_ms = ca_patience_ms(o->acme, steps[step].seconds);
	begin_time(o);
	if (env->save(env->arg, o, &o->err) == 0)
		return 0;
	err_prefix(&o->err, "saving the order");
	order_failed(o);
	return -1;
}

static void order_begin(void *arg)
{
	struct order *o = arg;

	if (order_enter(o, o->step) == 0)
		order_send(o);
}

void order_start(struct order *o)
{
	timer_start(&o->pause, o->acme->env.loop, 0, order_begin, o);
}

/* The deadline: the step ends with the best explanation there is. */
static void order_late(void *arg)
{
	struct order *o = arg;
	const struct err *why = post_trouble(o->post);
	struct err err;

	if (!why && err_is_set(&o->trouble))
		why = &o->trouble;
	if (why) {
		err = *why;
		err_prefix(&err, "not done within %d seconds", o->limit_ms / 1000);
	} else {
		err_set(&err, ERR_TIMEOUT, "not done within %d seconds", o->limit_ms / 1000);
	}
	if (!*err.hint)
		err_hint(&err, "%s", steps[o->step].late);
	order_stop(o);
	order_resume(o, &(struct reply){ .err = &err });
}

static void order_failed(struct order *o)
{
	struct acme_env *env = &o->acme->env;
	struct err err = o->err; /* done() may free the order */

	o->ran_out = err.kind != ERR_NETWORK && o->limit_ms &&
		     clock_mono_ms() >= o->deadline - o->limit_ms / RAN_OUT_PART;
	order_stop(o);
	err_prefix(&err, "%s", steps[o->step].text);
	env->done(env->arg, o, NULL, &err);
}

static void order_done(struct order *o)
{
	struct acme_env *env = &o->acme->env;
	_cleanup_free_ char *chain = TAKE(o->chain);

	order_stop(o);
	env->done(env->arg, o, chain, NULL);
}

/*
 * What order_send_x() may ask: the CA, or nobody; and what it may wait for.
 */

void order_post(struct order *o, const char *resource, const char *url, const char *payload, const char *accept)
{
	struct post_request q = {
		.account = &o->account,
		.resource = resource,
		.url = url,
		.payload = payload,
		.accept = accept,
		.deadline = o->deadline,
		.at_once = steps[o->step].saved == REPEATABLE || (o->its_turn && !o->url),
		.favoured = o->replaces && str_eq(resource, "newOrder"),
	};

	post_start(&o->post, o->acme, &q, order_resume, o);
}

void order_post_as_get(struct order *o, const char *url)
{
	order_post(o, NULL, url, "", NULL);
}

static void order_turned(void *arg)
{
	order_resume(arg, &(struct reply){ 0 });
}

void order_turn(struct order *o)
{
	timer_start(&o->pause, o->acme->env.loop, 0, order_turned, o);
}

/* The directory is here, or cannot be had; if so, the request itself will say why. */
static void directory_settled(void *arg, const struct err *err)
{
	struct order *o = arg;

	timer_start(&o->pause, o->acme->env.loop, 0, order_send, o);
}

bool order_awaits_ca(struct order *o)
{
	o->waiter.fn = directory_settled;
	o->waiter.arg = o;
	return !ca_ready(o->acme, &o->waiter);
}

/*
 * What order_recv_x() may answer, besides the next step.
 */

enum step step_again(struct order *o)
{
	o->wait_ms = 0;
	return STEP_AGAIN;
}

enum step step_poll_again(struct order *o, int64_t retry_after)
{
	int64_t ms = MIN(POLL_FIRST_MS << MIN(o->polls, 10u), POLL_MAX_MS);

	if (retry_after)
		ms = MAX(POLL_FIRST_MS, MIN(retry_after - clock_now(), POLL_RETRY_AFTER_MAX) * 1000);
	o->polls++;
	o->wait_ms = ms;
	return STEP_AGAIN;
}

int64_t step_forgets_ms(const struct order *o)
{
	return o->limit_ms / FORGETS_PART;
}

enum step step_failed(struct order *o, const struct reply *r, struct err *e)
{
	*e = *r->err;
	o->intact = true;
	if (r->status == 404 && o->url && problem_policy(e->code) != PROBLEM_PERSON)
		problem_code(e, PROBLEM_ORDER_GONE);
	return STEP_FAIL;
}

enum step step_refused(struct order *o, struct err *e)
{
	*e = o->refusal;
	o->intact = true;
	return STEP_FAIL;
}
