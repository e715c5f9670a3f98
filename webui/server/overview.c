/* GET /api/v1/overview: what needs somebody, what ends when, what was issued and failed, what is renewed next. */
#include "base/clock.h"
#include "store/agenda.h"
#include "store/event/history.h"
#include "webui/http/scope.h"
#include "webui/server/status.h"

#define DAY ((int64_t)24 * 60 * 60)
#define WEEKS 12
#define DAYS 14
#define RENEWALS 6
#define ROWS 400		/* of the agenda that are looked through for them */
#define EVENTS_MOST 20000	/* of the audit log that are looked through for the days */
#define LIMITS 6

/*
 * Bars: a picture 560 wide and 100 high, for <svg>.
 */
#define WIDTH 560
#define HEIGHT 100

static int64_t highest(const json_t *list, const char *member)
{
	const json_t *one;
	int64_t most = 0;
	size_t i;

	json_array_foreach (list, i, one)
		most = MAX(most, json_int(one, member, 0));
	return most;
}

/* Where the bars of a list stand: x and width, y and height of each of two members, one on the other. */
static void put_bars(json_t *list, const char *lower, const char *upper)
{
	int64_t most = MAX(highest(list, lower) + (upper ? highest(list, upper) : 0), 1),
		count = (int64_t)json_array_size(list);
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		int64_t first = json_int(one, lower, 0) * HEIGHT / most,
			second = upper ? json_int(one, upper, 0) * HEIGHT / most : 0;

		first = json_int(one, lower, 0) ? MAX(first, 2) : 0;
		second = upper && json_int(one, upper, 0) ? MAX(second, 2) : 0;
		json_put_int(one, "x", (int64_t)i * WIDTH / count + 4);
		json_put_int(one, "width", WIDTH / count - 8);
		json_put_int(one, "y", HEIGHT - first);
		json_put_int(one, "height", first);
		json_put_int(one, "y2", HEIGHT - first - second);
		json_put_int(one, "height2", second);
	}
}

/* "expiring" has days; people think in weeks. */
static void put_weeks(json_t *o, int64_t now)
{
	const json_t *days = json_object_get(o, "expiring");
	json_t *list = json_array();

	for (size_t week = 0; week < WEEKS; week++) {
		json_t *one = json_object();
		int64_t count = 0;

		for (size_t day = week * 7; day < week * 7 + 7; day++)
			count += json_integer_value(json_array_get(days, day));
		json_put_time(one, "from", now + (int64_t)week * 7 * DAY);
		json_put_int(one, "weeks", (int64_t)week);
		json_put_int(one, "ending", count);
		json_array_append_new(list, one);
	}
	put_bars(list, "ending", NULL);
	json_object_set_new(o, "weeks", list);
}

/*
 * The last days.
 */

struct counting {
	struct txn *txn;
	const struct scope *scope;
	int64_t today;		/* days since 1970 */
	int64_t issued[DAYS], failed[DAYS];
	int left;
};

static int count_event(void *arg, void *rec, struct err *e)
{
	const struct rec_event *event = rec;
	struct counting *c = arg;
	int64_t ago = c->today - event->time / DAY;

	if (ago >= DAYS || !c->left--)
		return 1;
	if (ago < 0 || !scope_has_id(c->scope, c->txn, event->object))
		return 0;
	c->issued[ago] += str_eq(event->action, "certificate.issued");
	c->failed[ago] += str_eq(event->action, "certificate.failed");
	return 0;
}

static int put_days(const struct scope *scope, struct txn *t, json_t *o, int64_t now, struct err *e)
{
	struct counting c = { .txn = t, .scope = scope, .today = now / DAY, .left = EVENTS_MOST };
	json_t *list = json_array();
	int64_t issued = 0, failed = 0;

	json_object_set_new(o, "days", list);
	if (history_each(t, NULL, 0, count_event, &c, e) < 0)
		return -1;
	for (int ago = DAYS - 1; ago >= 0; ago--) {
		json_t *one = json_object();

		json_put_time(one, "day", (c.today - ago) * DAY);
		json_put_int(one, "issued", c.issued[ago]);
		json_put_int(one, "failed", c.failed[ago]);
		json_array_append_new(list, one);
		issued += c.issued[ago];
		failed += c.failed[ago];
	}
	put_bars(list, "issued", "failed");
	json_put_int(o, "issued", issued);
	json_put_int(o, "failed", failed);
	return 0;
}

/*
 * What comes next, and what is used up.
 */

static int put_renewals(const struct scope *scope, struct txn *t, json_t *o, struct err *e)
{
	_cleanup_free_ struct agenda_row *row = xcalloc(ROWS, sizeof(*row));
	int count = agenda_first(t, row, ROWS, e);
	json_t *list = json_array();

	json_object_set_new(o, "renewals", list);
	for (int i = 0; i < count && json_array_size(list) < RENEWALS; i++) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
		json_t *one;

		if (row[i].kind != AGENDA_issue || !scope_has_id(scope, t, row[i].id) ||
		    rec_cert_get(t, &cert, row[i].id, NULL) < 0)
			continue;
		one = json_object();
		json_put_str(one, "name", cert.name);
		json_put_bool(one, "staging", cert.staging);
		json_put_time(one, "due", row[i].due);
		json_array_append_new(list, one);
	}
	return count < 0 ? -1 : 0;
}

struct used {
	const struct scope *scope;
	struct txn *txn;
	json_t *limits, *troubles;
	int64_t now;
};

/* Limits of which little is left, or that hold up orders now: how many a CA allows may be unknown. */
static void add_limits(struct used *u, const struct rec_account *account)
{
	_cleanup_json_ json_t *all = admin_show_limits(u->scope, u->txn, account);
	json_t *one;
	size_t i;

	json_array_foreach (all, i, one) {
		int64_t most = json_int(one, "most", 0);

		bool scarce = most && json_int(one, "left", 0) * 2 <= most;

		if ((!scarce && !json_str(one, "free_at")) || json_array_size(u->limits) == LIMITS)
			continue;
		json_put_str(one, "account", account->name);
		json_array_append(u->limits, one);
	}
}

static int add_account(void *arg, void *rec, struct err *e)
{
	const struct rec_account *account = rec;
	struct used *u = arg;

	add_limits(u, account);
	if ((account->error && *account->error) || (account->trouble && *account->trouble) ||
	    str_eq(account->state, "terms"))
		json_array_append_new(u->troubles, admin_show_account_to(u->scope, u->txn, account));
	return 0;
}

int page_overview(struct request *r, struct err *e)
{
	const struct scope *scope = &r->visitor.scope;
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	struct used used = { .scope = scope, .limits = json_array(), .troubles = json_array(), .now = clock_now() };

	json_object_set_new(answer, "limits", used.limits);
	json_object_set_new(answer, "troubles", used.troubles);
	if (store_read(r->webui->env->store, &t, e) < 0 || overview_put(r, t, answer, e) < 0)
		return -1;
	used.txn = t;
	put_weeks(answer, used.now);
	if (put_days(scope, t, answer, used.now, e) < 0 || put_renewals(scope, t, answer, e) < 0 ||
	    record_each(t, &rec_account_type, "", false, add_account, &used, e) < 0)
		return -1;
	json_put_bool(answer, "needs_attention",
		      json_array_size(used.troubles) || json_array_size(json_object_get(answer, "attention")));
	return reply_json(r, 200, TAKE(answer));
}
