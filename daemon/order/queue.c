#include "daemon/order/queue.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/cert_plan.h"
#include "store/db/bell.h"
#include "store/event/history.h"
#include "store/notify/alert.h"

#include "daemon/ca/account.h"
#include "daemon/engine/retry.h"
#include "daemon/order/preflight_passed.h"
#include "daemon/order/renewal.h"

#define SLOW_FOR_A_PLACE 10	/* so many orders that only wait, for each place; they cost memory, and questions */
#define READY_MOST 16		/* orders of a lane that have no URL yet: one asks, the others are made ready to */
#define NEXT_WINDOW "the next window for renewals (renewal.windows)"

/*
 * Lanes.
 */

static struct lane *lane_of(struct engine *g, const struct rec_account *account)
{
	struct lane *lane = g->lanes;

	while (lane && !str_eq(lane->account_id, account->id))
		lane = lane->next;
	if (lane)
		return lane;
	lane = xcalloc(1, sizeof(*lane));
	lane->account_id = xstrdup(account->id);
	lane->directory = xstrdup(account->directory);
	lane->engine = g;
	lane->next = g->lanes;
	return g->lanes = lane;
}

void queue_release(struct engine *g)
{
	while (g->lanes) {
		struct lane *lane = g->lanes;

		g->lanes = lane->next;
		timer_stop(&lane->door);
		free(lane->account_id);
		free(lane->directory);
		free(lane);
	}
}

void queue_count(struct engine *g)
{
	g->orders = g->doubtful = g->slow = 0;
	for (struct lane *lane = g->lanes; lane; lane = lane->next) {
		lane->orders = lane->asking = 0;
	}
	for (struct job *job = g->jobs; job; job = job->next) {
		if (job->kind != AGENDA_issue)
			continue;
		g->slow += job->slow;
		g->orders += !job->slow;
		g->doubtful += job->doubtful && !job->slow;
		if (!job->lane)
			continue;
		job->lane->orders += !job->slow;
		job->lane->asking += job->asking;
	}
	store_crowd(g->store, g->orders);
}

void queue_enter(struct job *job, const struct rec_account *account, bool asking)
{
	job->lane = lane_of(job->engine, account);
	job->asking = asking;
}

/* The next one. */
static void open_door(void *arg)
{
	struct lane *lane = arg;
	struct job *next = NULL;

	timer_stop(&lane->door);
	for (struct job *job = lane->engine->jobs; job && !lane->inside; job = job->next)
		if (job->lane == lane && job->at_door && (!next || job->at_door < next->at_door))
			next = job;
	if (!next)
		return;
	next->at_door = 0;
	lane->inside = next;
	next->come_in(next);
}

static void door_soon(struct lane *lane)
{
	timer_start(&lane->door, lane->engine->loop, 0, open_door, lane);
}

void queue_at_door(struct job *job, void (*fn)(struct job *))
{
	static int64_t ticket;

	job->at_door = ++ticket;
	job->come_in = fn;
	door_soon(job->lane);
}

void queue_leave(struct job *job)
{
	job->at_door = 0;
	if (!job->lane || job->lane->inside != job)
		return;
	job->lane->inside = NULL;
	door_soon(job->lane);
}

void queue_asked(struct job *job)
{
	queue_leave(job);
	if (job->asking)
		engine_wake(job->engine);
	job->asking = false;
}

static int orders_at(const struct engine *g, const char *directory)
{
	int count = 0;

	for (const struct lane *lane = g->lanes; lane; lane = lane->next)
		if (str_eq(lane->directory, directory))
			count += lane->orders;
	return count;
}

/*
 * What a certificate would use.
 */

int queue_account(struct engine *g, struct txn *t, const struct rec_cert *cert, int64_t now,
		  struct rec_account *account, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account first = { 0 };
	int64_t troubles = 0;

	if (rec_account_get(t, &first, cert->account_id, e) < 0)
		return -1;
	if (first.held_until > now)
		troubles = first.troubles;
	if (!renewal_falls_back(cert, troubles, g->config->renewal_fallback_after, now))
		return rec_account_get(t, account, cert->account_id, e);
	return rec_account_get(t, account, cert->fallback_id, e);
}

struct ledger_order queue_order(struct txn *t, const struct rec_cert *cert, const struct rec_account *account)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);
	struct ledger_order o = { .account_id = account->id, .directory = account->directory, .names = cert->names };

	o.exempt = cert->current && cert->ari_start && clock_now() >= cert->ari_start;
	if (!cert->current || rec_version_get(t, &version, id, NULL) < 0)
		return o;
	o.renewal = strv_len(version.names) == strv_len(cert->names);
	for (size_t i = 0; o.renewal && i < strv_len(cert->names); i++)
		o.renewal = strv_has(version.names, cert->names[i]);
	return o;
}

/*
 * The verdict.
 */

/*
 * There is room for it: in all, at this CA, in its lane.  What failed before may take only half of all places; a CA
 * where nothing is under way has one in any case, whatever the others do.
 */
static bool has_room(const struct engine *g, const struct lane *lane, bool asks, bool doubtful)
{
	int64_t all = g->config->acme_orders_at_once;
	int here = orders_at(g, lane->directory);

	if ((asks && lane->asking >= READY_MOST) || g->slow >= all * SLOW_FOR_A_PLACE)
		return false;
	if (!here)
		return true;
	if (g->orders >= all || here >= g->config->acme_orders_per_ca)
		return false;
	return !(doubtful && g->doubtful >= (all + 1) / 2);
}

static int put_off(struct put_off *w, const struct rec_cert *cert, int64_t until, const char *why)
{
	w->kind = AGENDA_issue;
	snprintf(w->id, sizeof(w->id), "%s", cert->id);
	snprintf(w->why, sizeof(w->why), "%s", why);
	w->until = until;
	return VERDICT_PUT_OFF;
}

static int put_off_for_trouble(struct put_off *w, const struct rec_cert *cert, const struct rec_account *account)
{
	_cleanup_free_ char *why = xasprintf("the account %s, which has a problem at its CA", account->name);

	return put_off(w, cert, account->held_until, why);
}

/*
 * Each that waits for a limit gets a time of its own, so that it is not looked at again and again.  before: so many are
 * ready to ask, and not in the ledger yet.
 */
static int judge_limits(struct txn *t, const struct rec_cert *cert, const struct rec_account *account,
			struct lane *lane, int64_t before, int64_t now, struct put_off *w, struct err *e)
{
	struct ledger_order order = queue_order(t, cert, account);
	struct ledger_answer a;

	if (ledger_ask(t, &order, now, before, &a, e) < 0)
		return -1;
	if (a.when <= now)
		return VERDICT_START;
	if (a.limit == LIMIT_orders) {
		if (lane->slots_from <= now) {
			lane->slots_from = a.when;
			lane->ahead = 0;
		}
		if (ledger_ask(t, &order, now, before + lane->ahead++, &a, e) < 0)
			return -1;
	}
	return put_off(w, cert, a.when, a.why);
}

static int judge_new(struct engine *g, struct txn *t, const struct rec_cert *cert, int64_t now, struct put_off *w,
		     struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	bool asks = !preflight_is_due(g, cert);
	struct lane *lane;
	int64_t opens;
	int verdict;

	if (queue_account(g, t, cert, now, &account, e) < 0)
		return e->kind == ERR_MISSING ? VERDICT_START : -1;	/* which says so */
	opens = renewal_opens(cert, g->config->renewal_windows, now);
	if (opens > now)
		return put_off(w, cert, opens, NEXT_WINDOW);
	if (account.held_until > now && !cert->wanted)
		return put_off_for_trouble(w, cert, &account);
	lane = lane_of(g, &account);
	if (!has_room(g, lane, asks, cert->failures))
		return VERDICT_LEAVE;
	verdict = judge_limits(t, cert, &account, lane, lane->asking - (lane->inside != NULL), now, w, e);
	if (verdict == VERDICT_START) {
		lane->asking += asks;
		lane->orders++;
	}
	return verdict;
}

/* An order that is there already: it uses nothing of a limit, and its account has it through the door. */
static int judge_open(struct engine *g, struct txn *t, const struct rec_cert *cert, int64_t now, struct put_off *w,
		      struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->open_order ? cert->open_order : cert->kept_order);
	int64_t opens = cert->open_order ? now : renewal_opens(cert, g->config->renewal_windows, now);
	struct lane *lane;
	bool asks;

	if (opens > now)
		return put_off(w, cert, opens, NEXT_WINDOW);
	if (rec_order_get(t, &order, id, e) < 0 || rec_account_get(t, &account, order.account_id, e) < 0)
		return e->kind == ERR_MISSING ? VERDICT_START : -1;
	asks = !order.url || !*order.url;
	lane = lane_of(g, &account);
	if (!has_room(g, lane, asks, cert->failures))
		return VERDICT_LEAVE;
	lane->asking += asks;
	lane->orders++;
	return VERDICT_START;
}

int queue_judge_again(struct job *job, struct txn *t, const struct rec_cert *cert, bool wished, int64_t now,
		      struct put_off *w, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };

	if (rec_account_get(t, &account, job->lane->account_id, e) < 0)
		return -1;
	if (account.held_until > now && !wished)
		return put_off_for_trouble(w, cert, &account);
	return judge_limits(t, cert, &account, job->lane, 0, now, w, e);
}

int queue_judge(struct engine *g, struct txn *t, const char *cert_id, int64_t now, struct put_off *w, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	int verdict;

	if (rec_cert_get(t, &cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? VERDICT_START : -1;
	if (cert.disabled)
		return VERDICT_START;	/* which drops the row */
	verdict = (cert.open_order || cert.kept_order ? judge_open : judge_new)(g, t, &cert, now, w, e);
	if (verdict == VERDICT_START) {
		g->orders++;
		g->doubtful += cert.failures > 0;
	}
	return verdict;
}

int queue_put_off(struct txn *t, const struct put_off *w, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

	if (rec_cert_get(t, &cert, w->id, e) < 0) {
		if (e->kind != ERR_MISSING)
			return -1;
		err_clear(e);
		return 0;
	}
	return cert_plan_at(t, &cert, CERT_put_off, w->until, w->why, e);
}

/*
 * Trouble that all certificates of an account share.
 */

int queue_account_works(struct txn *t, struct rec_account *account, struct err *e)
{
	account->held_until = account->troubles = 0;
	record_set(&account->trouble, NULL);
	if (rec_account_put(t, account, e) < 0 || account_release_certs(t, account->id, ACCOUNT_WAITING, e) < 0)
		return -1;
	log_info("account %s: its trouble is over", account->name);
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "account.works", .object = account->id,
						  .name = account->name },
			   e, "the CA accepts orders again");
}

int queue_account_failed(struct txn *t, const char *account_id, const struct err *why, int64_t now, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_json_ json_t *problem = json_problem(why);
	_cleanup_free_ char *text = json_write(problem), *said = alert_sentences(why);
	char when[CLOCK_RFC3339_SIZE];

	if (rec_account_get(t, &account, account_id, e) < 0)
		return -1;
	account.held_until = retry_at(++account.troubles, why, now);
	record_set(&account.trouble, text);
	log_warn("account %s: %s (no other order before %s)", account.name, why->message,
		 clock_rfc3339(when, account.held_until));
	if (rec_account_put(t, &account, e) < 0)
		return -1;
	if (account.troubles > 1)	/* said once */
		return 0;
	if (!str_eq(why->code, "userActionRequired") &&	/* of that account_note_failure() tells, with what to do */
	    alert_raise_account(t, ALERT_account, &account, e, "%s", said) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "account.trouble", .object = account.id,
						  .name = account.name },
			   e, "%s", why->message);
}
