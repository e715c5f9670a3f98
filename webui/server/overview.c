/*
 * GET /api/v1/overview: what needs somebody, how all certificates are, what ends and is renewed when, what was issued
 * and failed, and what is left of the CAs' limits.
 */
#include "base/clock.h"
#include "store/agenda.h"
#include "webui/cert/issued.h"
#include "webui/http/scope.h"
#include "webui/page/number.h"
#include "webui/server/attention.h"
#include "webui/server/status.h"

#define DAY ((int64_t)24 * 60 * 60)
#define WEEKS 12
#define RENEWALS 6
#define ROWS 400	/* of the agenda that are looked through for them */
#define LIMITS 8
#define LONGEST 100	/* of a bar in a picture */

/*
 * All certificates by status: one bar, of parts that together are all.
 */

#define BAR 1000
#define LEAST 6		/* of a part, so that one of many thousands is seen */

/* Where each part stands on the bar: what the smallest take too much, the largest gives. */
static void put_parts(json_t *list, int64_t all)
{
	int64_t width[STATUSES], x = 0, left = BAR;
	size_t largest = 0, i;
	json_t *one;

	json_array_foreach (list, i, one) {
		width[i] = MAX(json_int(one, "count", 0) * BAR / all, LEAST);
		left -= width[i];
		if (width[i] > width[largest])
			largest = i;
	}
	json_array_foreach (list, i, one) {
		width[i] += i == largest ? left : 0;
		json_put_int(one, "x", x);
		json_put_int(one, "width", width[i]);
		x += width[i];
	}
}

/* The most urgent first. */
static void put_statuses(json_t *o)
{
	const json_t *counts = json_object_get(o, "certificates");
	json_t *list = json_array();

	for (int urgency = 0; urgency < STATUSES; urgency++) {
		for (int status = 0; status < STATUSES; status++) {
			const char *word = cert_status_word((enum cert_status)status);
			int64_t count = json_int(counts, word, 0);
			json_t *one;

			if (cert_status_urgency((enum cert_status)status) != urgency || !count)
				continue;
			one = json_object();
			json_put_str(one, "status", word);
			number_put(one, "count", count);
			json_array_append_new(list, one);
		}
	}
	if (json_array_size(list))
		put_parts(list, json_int(o, "total", 0));
	json_object_set_new(o, "statuses", list);
}

/*
 * Twelve weeks ahead.
 */

static int64_t sum_of_week(const int64_t *days, size_t week)
{
	int64_t sum = 0;

	for (size_t day = week * 7; day < week * 7 + 7; day++)
		sum += days[day];
	return sum;
}

/* A bar that is there at all is seen. */
static int64_t length(int64_t count, int64_t most)
{
	return count ? MAX(count * LONGEST / most, 1) : 0;
}

static void put_weeks(json_t *o, const struct tally_numbers *n, int64_t now)
{
	json_t *list = json_array();
	int64_t most = 1;

	for (size_t week = 0; week < WEEKS; week++)
		most = MAX(most, MAX(sum_of_week(n->expiring, week), sum_of_week(n->renewing, week)));
	for (size_t week = 0; week < WEEKS; week++) {
		int64_t ending = sum_of_week(n->expiring, week), renewals = sum_of_week(n->renewing, week);
		json_t *one = json_object();

		json_put_time(one, "from", now + (int64_t)week * 7 * DAY);
		json_put_time(one, "until", now + ((int64_t)week + 1) * 7 * DAY);
		json_put_bool(one, "overdue_too", !week);	/* what is due already is renewed this week */
		number_put(one, "ending", ending);
		json_put_int(one, "ending_bar", length(ending, most));
		number_put(one, "renewals", renewals);
		json_put_int(one, "renewals_bar", length(renewals, most));
		json_array_append_new(list, one);
	}
	json_object_set_new(o, "weeks", list);
}

/*
 * The last thirty days.
 */

static int64_t sum_of_days(const int64_t *days)
{
	int64_t sum = 0;

	for (size_t ago = 0; ago < ISSUED_DAYS; ago++)
		sum += days[ago];
	return sum;
}

static void put_accounts(json_t *o, struct txn *t, const struct issued_numbers *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->accounts; i++) {
		_cleanup_(rec_account_release) struct rec_account account = { 0 };
		json_t *one = json_object();

		json_put_int(one, "series", (int64_t)i + 1);
		json_put_str(one, "account",
			     rec_account_get(t, &account, n->account[i].id, NULL) == 0 ? account.name : NULL);
		number_put(one, "issued", sum_of_days(n->account[i].issued));
		json_array_append_new(list, one);
	}
	json_object_set_new(o, "issued_by", list);
}

/* One on the other: each account's, and what failed. */
static json_t *show_day(const struct issued_numbers *n, int ago, int64_t most, const json_t *accounts)
{
	json_t *o = json_object(), *parts = json_array();
	int64_t issued = 0, y = LONGEST;

	for (size_t i = 0; i <= n->accounts; i++) {
		bool failed = i == n->accounts;
		int64_t count = failed ? n->failed[ago] : n->account[i].issued[ago], height = length(count, most);
		json_t *one;

		issued += failed ? 0 : count;
		if (!count)
			continue;
		y -= height;
		one = json_object();
		json_put_int(one, "series", failed ? 0 : (int64_t)i + 1);
		json_put_str(one, "account", failed ? NULL : json_str(json_array_get(accounts, i), "account"));
		json_put_int(one, "count", count);
		json_put_int(one, "x", (ISSUED_DAYS - 1 - ago) * 20 + 3);
		json_put_int(one, "y", y);
		json_put_int(one, "height", height);
		json_array_append_new(parts, one);
	}
	json_put_time(o, "day", (n->today - ago) * DAY);
	json_put_int(o, "issued", issued);
	json_put_int(o, "failed", n->failed[ago]);
	json_object_set_new(o, "parts", parts);
	return o;
}

static int put_days(struct request *r, struct txn *t, json_t *o, int64_t now, struct err *e)
{
	const struct issued_numbers *n =
		issued_get(r->webui->issued, r->webui->env->store, t, &r->visitor.scope, now, e);
	int64_t most = 0, issued = 0;
	json_t *list = json_array();

	json_object_set_new(o, "days", list);
	if (!n)
		return -1;
	put_accounts(o, t, n);
	for (size_t ago = 0; ago < ISSUED_DAYS; ago++) {
		int64_t all = n->failed[ago];

		for (size_t i = 0; i < n->accounts; i++)
			all += n->account[i].issued[ago];
		most = MAX(most, all);
		issued += all - n->failed[ago];
	}
	for (int ago = ISSUED_DAYS - 1; ago >= 0; ago--)
		json_array_append_new(list, show_day(n, ago, MAX(most, 1), json_object_get(o, "issued_by")));
	number_put(o, "most_a_day", most);
	number_put(o, "issued", issued);
	number_put(o, "failed", sum_of_days(n->failed));
	json_put_bool(o, "days_partial", n->partial);
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

/* How many an account may order, and what else little is left of or holds up orders now. */
static void add_limits(struct used *u, const struct rec_account *account)
{
	_cleanup_json_ json_t *all = admin_show_limits(u->scope, u->txn, account);
	json_t *one;
	size_t i;

	json_array_foreach (all, i, one) {
		int64_t most = json_int(one, "most", 0), left = json_int(one, "left", 0);
		bool held = json_str(one, "free_at"), scarce = most && left * 2 <= most,
		     of_account = !*json_str(one, "of") && most;

		if (!held && !scarce && !of_account)
			continue;
		json_put_str(one, "account", account->name);
		json_put_bool(one, "scarce", held || scarce);
		json_array_append(u->limits, one);
	}
}

/* What holds up orders first, then by what is left, a share of most. */
static int64_t scarcity(const json_t *limit)
{
	int64_t most = json_int(limit, "most", 0);

	return json_str(limit, "free_at") || !most ? -1 : json_int(limit, "left", 0) * LONGEST / most;
}

static void sort_limits(json_t *list)
{
	for (size_t i = 1; i < json_array_size(list); i++) {
		json_t *one = json_incref(json_array_get(list, i));
		size_t at = i;

		while (at && scarcity(json_array_get(list, at - 1)) > scarcity(one))
			at--;
		json_array_remove(list, i);
		json_array_insert_new(list, at, one);
	}
	while (json_array_size(list) > LIMITS)
		json_array_remove(list, json_array_size(list) - 1);
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

/* "9 need attention": certificates, accounts, and the rest. */
static void put_needs(json_t *o, int64_t needs)
{
	_cleanup_free_ char *number = number_text(needs);

	json_put_int(o, "needs", needs);
	json_object_set_new(o, "headline", !needs ? json_string("Nothing needs attention") :
			    json_sprintf("%s %s attention", number, needs == 1 ? "needs" : "need"));
	json_put_bool(o, "needs_attention", needs > 0);
}

int page_overview(struct request *r, struct err *e)
{
	const struct scope *scope = &r->visitor.scope;
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	struct used used = { .scope = scope, .limits = json_array(), .troubles = json_array(), .now = clock_now() };
	const struct tally_numbers *n;
	int64_t needs = 0;

	json_object_set_new(answer, "limits", used.limits);
	json_object_set_new(answer, "troubles", used.troubles);
	if (store_read(r->webui->env->store, &t, e) < 0 || attention_put_also(r, t, answer, &needs, e) < 0 ||
	    overview_put(r, t, answer, &n, e) < 0)
		return -1;
	used.txn = t;
	attention_put_causes(t, answer, n, used.now);
	put_statuses(answer);
	put_weeks(answer, n, used.now);
	if (put_days(r, t, answer, used.now, e) < 0 || put_renewals(scope, t, answer, e) < 0 ||
	    record_each(t, &rec_account_type, "", false, add_account, &used, e) < 0)
		return -1;
	sort_limits(used.limits);
	put_needs(answer, needs + n->urgent_all + (int64_t)json_array_size(used.troubles));
	return reply_json(r, 200, TAKE(answer));
}
