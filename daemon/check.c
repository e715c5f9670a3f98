#include "daemon/check.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"

#include "daemon/outcome.h"
#include "daemon/preflight.h"
#include "daemon/queue.h"
#include "daemon/waiting.h"

#define TOKEN_BYTES 24
#define GOOD_FOR 600	/* seconds a check that passed counts */
#define KEPT 86400	/* seconds one without a certificate can be looked at */

struct passed {
	struct passed *next;
	char *cert_id;
	int64_t until;
};

struct check {
	struct job job;
	struct rec_cert cert;	/* loose: made up, with the id and the names of the check */
	bool loose;
	char *token;
	struct preflight *preflight;
};

void check_release(struct engine *g)
{
	while (g->passed) {
		struct passed *one = g->passed;

		g->passed = one->next;
		free(one->cert_id);
		free(one);
	}
}

static void remember(struct engine *g, const char *cert_id)
{
	struct passed *fresh = xcalloc(1, sizeof(*fresh));
	int64_t now = clock_now();

	for (struct passed **link = &g->passed; *link;) {
		struct passed *one = *link;

		if (one->until > now && !str_eq(one->cert_id, cert_id)) {
			link = &one->next;
			continue;
		}
		*link = one->next;
		free(one->cert_id);
		free(one);
	}
	*fresh = (struct passed){ g->passed, xstrdup(cert_id), now + GOOD_FOR };
	g->passed = fresh;
}

static bool has_passed(const struct engine *g, const char *cert_id)
{
	for (const struct passed *one = g->passed; one; one = one->next)
		if (str_eq(one->cert_id, cert_id))
			return one->until > clock_now();
	return false;
}

/* Its names that are proved by http-01; owned. */
static char **http_names(const struct rec_cert *cert)
{
	_cleanup_strv_ char **types = waiting_challenges(cert);
	char **names = NULL;

	for (size_t i = 0; cert->names && cert->names[i]; i++)
		if (!types || str_eq(types[i], "http-01"))
			strv_add(&names, cert->names[i]);
	return names;
}

bool check_needed(const struct engine *g, const struct rec_cert *cert)
{
	_cleanup_strv_ char **names = http_names(cert);

	return g->config->preflight_enabled && !cert->no_preflight && !cert->by_hand && names &&
	       !has_passed(g, cert->id);
}

/*
 * The job.
 */

static void check_free(struct check *c)
{
	if (c->preflight)
		preflight_cancel(c->preflight);
	rec_cert_release(&c->cert);
	free(c->token);
	free(c);
}

static void check_cancel(struct job *job)
{
	check_free((struct check *)job);
}

static int collect_probe(void *arg, void *rec, struct err *e)
{
	const struct rec_challenge *challenge = rec;
	void **args = arg;

	if (str_eq(challenge->order_id, args[0]))
		strv_add(args[1], challenge->id);
	return 0;
}

/* Probes of this certificate, also those that a crash has left. */
static int delete_probes(struct txn *t, const char *cert_id, struct err *e)
{
	_cleanup_free_ char *owner = xasprintf("check/%s", cert_id);
	_cleanup_strv_ char **tokens = NULL;
	void *args[] = { owner, &tokens };
	int failed = record_each(t, &rec_challenge_type, "", false, collect_probe, args, e);

	for (size_t i = 0; !failed && i < strv_len(tokens); i++)
		failed = rec_challenge_delete(t, tokens[i], e);
	return failed;
}

static int publish(struct engine *g, const struct rec_cert *cert, const char *token, const char *answer, struct err *e)
{
	_cleanup_free_ char *owner = xasprintf("check/%s", cert->id);
	struct rec_challenge probe = {
		.id = (char *)token, .key_auth = (char *)answer, .order_id = owner, .created = clock_now(),
	};
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || delete_probes(t, cert->id, e) < 0 ||
	    rec_challenge_put(t, &probe, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static int put_result(struct txn *t, struct check *c, const json_t *report, const struct err *why, struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { .time = clock_now() };
	_cleanup_free_ char *problem = why ? error_text(why) : NULL;

	record_set(&check.id, c->cert.id);
	record_set(&check.state, why ? "failed" : "passed");
	record_set(&check.error, problem);
	check.names = c->loose ? strv_dup(c->cert.names) : NULL;
	check.report = json_write(report);
	return rec_check_put(t, &check, e);
}

static int finish(struct check *c, const json_t *report, const struct err *why, struct err *e)
{
	struct engine *g = c->job.engine;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || delete_probes(t, c->cert.id, e) < 0 ||
	    put_result(t, c, report, why, e) < 0)
		return -1;
	if (c->loose ? agenda_set(t, AGENDA_check, c->cert.id, clock_now() + KEPT, e) < 0 :
		       c->job.kind == AGENDA_check && agenda_delete(t, AGENDA_check, c->cert.id, e) < 0)
		return -1;
	if (txn_commit(TAKE(t), e) < 0)
		return -1;
	if (!why)
		remember(g, c->cert.id);
	return why && c->job.kind == AGENDA_issue ? outcome_no_order(g, c->cert.id, why, e) : 0;
}

/* Before an order: its row is still due, and this time it need not be checked. */
static void checked(void *arg, json_t *report, const struct err *why)
{
	struct check *c = arg;
	struct err e = { 0 };

	c->preflight = NULL;
	if (finish(c, report, why, &e) < 0)
		engine_hold(c->job.engine, &e);
	engine_end(&c->job);
	check_free(c);
}

static int begin(struct check *c, const struct agenda_row *row, struct err *e)
{
	struct engine *g = c->job.engine;
	_cleanup_free_ char *servers = config_servers(&g->config->preflight_resolvers),
			    *hostname = config_hostname(g->config), *answer = NULL;
	_cleanup_strv_ char **names = http_names(&c->cert);
	struct preflight_options options = {
		.fetcher = g->fetcher, .dns = g->dns, .resolvers = servers, .hostname = hostname,
		.port = (int)g->config->preflight_port, .timeout_ms = (int)g->config->preflight_timeout * 1000,
	};
	unsigned char bytes[TOKEN_BYTES];

	random_bytes(bytes, sizeof(bytes));
	c->token = base64url_str(bytes, sizeof(bytes));
	answer = xasprintf("%s.probe", c->token);
	if (publish(g, &c->cert, c->token, answer, e) < 0)
		return -1;
	log_info("certificate %s: checking its web servers", c->cert.name);
	c->preflight = preflight_start(&options, g->loop, names ? names : (char *[]){ NULL }, c->token, answer,
				       checked, c);
	return 0;
}

/* Of names that have no certificate yet; 0: there is no such check, or it has ended and its time is over. */
static int look_up_loose(struct txn *t, const char *id, struct check *c, struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { 0 };

	if (rec_check_get(t, &check, id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (!check.names || !str_eq(check.state, "open"))
		return 0;
	c->loose = true;
	record_set(&c->cert.id, id);
	record_set(&c->cert.name, check.names[0]);
	c->cert.names = TAKE(check.names);
	return 1;
}

/* The account that would order, for its place in the queue. */
static int look_up(struct engine *g, const char *cert_id, struct check *c, struct rec_account *account, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(g->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &c->cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? look_up_loose(t, cert_id, c, e) : -1;
	return queue_account(g, t, &c->cert, clock_now(), account, e) < 0 ? (e->kind == ERR_MISSING ? 0 : -1) : 1;
}

int check_before_order(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	struct check *c = xcalloc(1, sizeof(*c));
	int found = look_up(g, row->id, c, &account, e);

	if (found <= 0 || c->cert.open_order || c->cert.kept_order || c->cert.disabled || !check_needed(g, &c->cert)) {
		check_free(c);
		return MIN(found, 0);
	}
	engine_begin(g, &c->job, row, check_cancel);
	c->job.doubtful = c->cert.failures;
	queue_enter(&c->job, &account, false);
	if (begin(c, row, e) == 0)
		return 1;
	engine_end(&c->job);
	check_free(c);
	return -1;
}

int check_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	struct check *c = xcalloc(1, sizeof(*c));
	int found = look_up(g, row->id, c, &account, e);

	if (found < 0 || !c->cert.id) {
		_cleanup_txn_ struct txn *t = NULL;

		check_free(c);
		if (found < 0 || store_write(g->store, &t, e) < 0 || agenda_delete(t, row->kind, row->id, e) < 0 ||
		    rec_check_delete(t, row->id, e) < 0)
			return -1;
		return txn_commit(TAKE(t), e);
	}
	engine_begin(g, &c->job, row, check_cancel);
	if (begin(c, row, e) == 0)
		return 0;
	engine_end(&c->job);
	check_free(c);
	return -1;
}
