#include "daemon/order/check.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

#include "daemon/challenge/answers.h"
#include "daemon/order/preflight.h"
#include "daemon/order/preflight_passed.h"
#include "store/cert_plan.h"
#include "store/event/history.h"
#include "store/record/reach.h"

#define TOKEN_BYTES 24
#define KEPT 86400	/* seconds one without a certificate can be looked at */

struct check {
	struct preflight *preflight;
	check_cb *done;
	void *arg;
};

void check_cancel(struct check *c)
{
	preflight_cancel(c->preflight);
	free(c);
}

char *check_owner(const char *cert_id)
{
	return xasprintf("check/%s", cert_id);
}

/* Also those that a crash has left. */
static int delete_probes(struct txn *t, const char *cert_id, struct err *e)
{
	_cleanup_free_ char *owner = check_owner(cert_id);

	return answers_delete(t, owner, e);
}

static int publish(struct txn *t, const struct rec_cert *cert, const char *token, const char *answer, struct err *e)
{
	_cleanup_free_ char *owner = check_owner(cert->id);

	return delete_probes(t, cert->id, e) < 0 ? -1 : answers_put(t, owner, token, answer, e);
}

/* It is ordered all the same, so this is the only place where people hear of it. */
static int tell_warning(struct txn *t, const struct rec_cert *cert, const char *warning, struct err *e)
{
	if (!warning)
		return 0;
	log_warn("certificate %s: %s", cert->name, warning);
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.warned",
						  .object = cert->id, .name = cert->name },
			   e, "%s", warning);
}

static void preflight_ended(void *arg, json_t *report, const struct err *why)
{
	struct check *c = arg;

	c->done(c->arg, report, why);
	free(c);
}

struct check *check_start(struct engine *g, struct txn *t, const struct rec_cert *cert, enum reach reach,
			  check_cb *done,
			  void *arg, struct err *e)
{
	_cleanup_free_ char *servers = config_servers(&g->config->preflight_resolvers),
			    *hostname = config_hostname(g->config), *token = random_text(TOKEN_BYTES),
			    *answer = xasprintf("%s.probe", token);
	_cleanup_strv_ char **names = preflight_names(cert);
	struct preflight_options options = {
		.fetcher = g->fetcher, .dns = g->dns, .resolvers = servers, .hostname = hostname,
		.reach = reach, .listed = &g->config->preflight_private,
		.port = (int)g->config->preflight_port, .timeout_ms = (int)g->config->preflight_timeout * 1000,
	};
	struct check *c;

	if (publish(t, cert, token, answer, e) < 0)
		return NULL;
	log_info("certificate %s: checking its web servers", cert->name);
	c = xcalloc(1, sizeof(*c));
	*c = (struct check){ .done = done, .arg = arg };
	c->preflight = preflight_start(&options, g->loop, names ? names : (char *[]){ NULL }, token, answer,
				       preflight_ended, c);
	return c;
}

/* What the check before this one had found. */
struct check_before {
	bool passed;
	char *warning;
};

static int read_before(struct txn *t, const char *cert_id, struct check_before *b, struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { 0 };
	_cleanup_json_ json_t *report = NULL;

	if (rec_check_get(t, &check, cert_id, e) < 0) {
		if (e->kind != ERR_MISSING)
			return -1;
		err_clear(e);
		return 0;
	}
	report = check.report && *check.report ? json_read(check.report, strlen(check.report), NULL) : NULL;
	b->passed = report && !(check.error && *check.error);
	record_set(&b->warning, json_str(report, "warning"));
	return 0;
}

int check_put(struct txn *t, const struct rec_cert *cert, bool loose, const json_t *report, const struct err *why,
	      struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { .time = clock_now() };
	_cleanup_free_ char *problem = why ? error_text(why) : NULL, *warned = NULL;
	const char *warning = json_str(report, "warning");
	struct check_before before = { 0 };

	if (read_before(t, cert->id, &before, e) < 0)
		return -1;
	warned = before.warning;
	record_set(&check.id, cert->id);
	record_set(&check.state, why ? "failed" : "passed");
	record_set(&check.error, problem);
	check.names = loose ? strv_dup(cert->names) : NULL;
	check.report = json_write(report);
	if (delete_probes(t, cert->id, e) < 0 || rec_check_put(t, &check, e) < 0)
		return -1;
	return loose || str_eq(warned ? warned : "", warning ? warning : "") ? 0 : tell_warning(t, cert, warning, e);
}

/*
 * The job.
 */

struct asked {
	struct job job;
	struct rec_cert cert;	/* loose: made up, with the id and the names of the check */
	bool loose;
	enum reach reach;
	struct check *check;
};

static void asked_free(struct asked *a)
{
	if (a->check)
		check_cancel(a->check);
	rec_cert_release(&a->cert);
	free(a);
}

static void asked_cancel(struct job *job)
{
	asked_free((struct asked *)job);
}

/*
 * Its order failed, its web servers were not ready, and are now: nobody has to wait for the next attempt.  If the check
 * had passed before, it was something else that failed, and to order again would only use up the CA's limits.
 */
static int go_on(struct txn *t, const char *cert_id, const struct check_before *before, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

	if (before->passed)
		return 0;
	if (rec_cert_get(t, &cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (!cert.failures || cert.disabled || cert.imported || cert.open_order)
		return 0;
	log_info("certificate %s: its web servers are ready now: ordered again", cert.name);
	return cert_wish(t, &cert, e) < 0 ? -1 :
		history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.issue", .object = cert.id,
						   .name = cert.name },
			    e, "its web servers are ready now: ordered again");
}

static int asked_put(struct asked *a, struct txn *t, const json_t *report, const struct err *why, struct err *e)
{
	struct check_before before = { 0 };
	int result = read_before(t, a->cert.id, &before, e);

	if (result == 0)
		result = check_put(t, &a->cert, a->loose, report, why, e);
	if (result == 0 && !why && !a->loose)
		result = go_on(t, a->cert.id, &before, e);
	free(before.warning);
	return result;
}

static int asked_finish(struct asked *a, const json_t *report, const struct err *why, struct err *e)
{
	struct engine *g = a->job.engine;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || asked_put(a, t, report, why, e) < 0 ||
	    (a->loose ? agenda_set(t, AGENDA_check, a->cert.id, clock_now() + KEPT, e) :
			agenda_delete(t, AGENDA_check, a->cert.id, e)) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	if (!why)
		preflight_passed(g, a->cert.id);
	return 0;
}

static void asked_ended(void *arg, const json_t *report, const struct err *why)
{
	struct asked *a = arg;
	struct err e = { 0 };

	a->check = NULL;
	if (asked_finish(a, report, why, &e) < 0)
		engine_hold(a->job.engine, &e);
	engine_end(&a->job);
	asked_free(a);
}

/* Of names that have no certificate yet.  0: there is no such check, or it has ended and its time is over. */
static int look_up_loose(struct txn *t, const char *id, struct asked *a, struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { 0 };

	if (rec_check_get(t, &check, id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (!check.names || !str_eq(check.state, "open"))
		return 0;
	a->loose = true;
	a->reach = (enum reach)check.reach;
	record_set(&a->cert.id, id);
	record_set(&a->cert.name, check.names[0]);
	a->cert.names = TAKE(check.names);
	return 1;
}

static int check_look_up(struct txn *t, const char *id, struct asked *a, struct err *e)
{
	if (rec_cert_get(t, &a->cert, id, e) == 0)
		return reach_of_cert(t, &a->cert, &a->reach, e) < 0 ? -1 : 1;
	return e->kind == ERR_MISSING ? look_up_loose(t, id, a, e) : -1;
}

static int check_forget(struct txn *t, const char *id, struct err *e)
{
	return agenda_delete(t, AGENDA_check, id, e) < 0 ? -1 : rec_check_delete(t, id, e);
}

/* 1: it is under way; 0: there is nothing to check. */
static int check_begin(struct asked *a, const char *id, struct err *e)
{
	struct engine *g = a->job.engine;
	_cleanup_txn_ struct txn *t = NULL;
	int found;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	found = check_look_up(t, id, a, e);
	if (found > 0)
		a->check = check_start(g, t, &a->cert, a->reach, asked_ended, a, e);
	if (found < 0 || (found ? !a->check : check_forget(t, id, e) < 0))
		return -1;
	return txn_commit(TAKE(t), e) < 0 ? -1 : found;
}

int check_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct asked *a = xcalloc(1, sizeof(*a));
	int begun;

	engine_begin(g, &a->job, row, asked_cancel);
	begun = check_begin(a, row->id, e);
	if (begun > 0)
		return 0;
	engine_end(&a->job);
	asked_free(a);
	return begun;
}
