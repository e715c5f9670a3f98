#include "daemon/notify/expiry.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/engine/walk.h"
#include "store/notify/alert.h"

#define DAY 86400
#define FULL_LIFE (90 * DAY)

/* What was stored as alerted_step before thresholds could be chosen. */
static const int64_t former[] = { 30, 14, 7, 3, 1, 0 };

int64_t expiry_before(int64_t day, int64_t life)
{
	return day * DAY * MIN(MAX(life, 1), FULL_LIFE) / FULL_LIFE;
}

static int64_t begins(const struct rec_cert *cert, int64_t day)
{
	return cert->not_after - expiry_before(day, cert->not_after - cert->not_before);
}

int64_t expiry_passed(const struct days *days, const struct rec_cert *cert, int64_t now)
{
	int64_t passed = EXPIRY_NONE;

	for (int i = 0; i < days->count; i++)
		if (begins(cert, days->day[i]) <= now)
			passed = days->day[i];
	return begins(cert, 0) <= now ? 0 : passed;
}

int64_t expiry_told(const struct rec_cert *cert)
{
	if (!cert->current || cert->alerted_version != cert->current)
		return EXPIRY_NONE;
	if (cert->alerted_days)
		return cert->alerted_days - 1;
	return cert->alerted_step >= 0 && cert->alerted_step < (int64_t)ARRAY_SIZE(former) ? former[cert->alerted_step]
											   : EXPIRY_NONE;
}

/* A renewal is overdue a day after it was planned, or a tenth of a short life: as in its status. */
static int64_t overdue_from(const struct rec_cert *cert)
{
	return cert->renew_at + MIN(DAY, (cert->not_after - cert->not_before) / 10) + 1;
}

bool expiry_is_cared_for(const struct rec_cert *cert, int64_t now)
{
	if (cert->imported || cert->waiting || cert->by_hand || cert->failures || !cert->renew_at)
		return false;
	return now < overdue_from(cert) && now < cert->not_after;
}

/* The end comes last. */
static int64_t next_threshold(const struct days *days, const struct rec_cert *cert, int64_t now)
{
	for (int i = 0; i < days->count; i++)
		if (begins(cert, days->day[i]) > now)
			return begins(cert, days->day[i]);
	return begins(cert, 0) > now ? begins(cert, 0) : 0;
}

int64_t expiry_next(const struct days *days, const struct rec_cert *cert, int64_t now)
{
	int64_t passed = expiry_passed(days, cert, now), next;

	if (!cert->current || (passed == 0 && expiry_told(cert) == 0))
		return 0;
	next = next_threshold(days, cert, now);
	/* What was not said because the renewal was still to come is said when it has not come. */
	if (passed != EXPIRY_NONE && expiry_is_cared_for(cert, now))
		next = next ? MIN(next, overdue_from(cert)) : overdue_from(cert);
	return next ? MAX(next, now + 1) : 0;
}

/*
 * The row.
 */

/* Why it is not renewed, behind "and"; owned. */
static char *reason(const struct rec_cert *cert)
{
	_cleanup_json_ json_t *problem = cert->error ? json_read(cert->error, strlen(cert->error), NULL) : NULL;
	const char *why = json_str(problem, "detail");

	if (cert->imported)
		return xstrdup("it was imported: import the next version");
	if (cert->waiting || cert->by_hand)
		return xstrdup("the renewal needs a person");
	return why ? xasprintf("the renewal fails: %s", why) : xstrdup("the renewal is overdue");
}

static int expiry_tell(struct txn *t, struct rec_cert *cert, const struct days *configured, int64_t passed, int64_t now,
		       struct err *e)
{
	struct alert_passed thresholds = { passed, expiry_told(cert), configured };
	_cleanup_free_ char *why = reason(cert), *text = NULL;
	char left[64], until[CLOCK_RFC3339_SIZE];

	cert->alerted_version = cert->current;
	cert->alerted_days = passed + 1;
	clock_rfc3339(until, cert->not_after);
	clock_relative(left, sizeof(left), cert->not_after, now);
	if (passed == 0)
		return alert_raise_cert(t, ALERT_expired, cert, e, "The certificate was valid until %s, and %s.",
					until, why);
	text = xasprintf("The certificate expires %s, at %s, and %s.", left, until, why);
	return alert_raise_expiring(t, cert, &thresholds, text, e);
}

static bool is_to_be_told(const struct days *days, const struct rec_cert *cert, int64_t now)
{
	return cert->current && expiry_passed(days, cert, now) < expiry_told(cert) && !cert->disabled &&
	       !cert->revoked && !expiry_is_cared_for(cert, now);
}

static int look(struct txn *t, const struct days *configured, const char *id, int64_t now, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	struct days days;
	int64_t next;

	if (rec_cert_get(t, &cert, id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_expiry, id, e) : -1;
	if (!cert.current)
		return agenda_delete(t, AGENDA_expiry, id, e);
	if (alert_thresholds(t, configured, &days, e) < 0)
		return -1;
	if (is_to_be_told(&days, &cert, now) &&
	    (expiry_tell(t, &cert, configured, expiry_passed(&days, &cert, now), now, e) < 0 ||
	     rec_cert_put(t, &cert, e) < 0))
		return -1;
	next = expiry_next(&days, &cert, now);
	return next ? agenda_set(t, AGENDA_expiry, id, next, e) : agenda_delete(t, AGENDA_expiry, id, e);
}

/* It was read before: what stands there can be read. */
static struct days configured_days(const struct engine *g)
{
	struct days days;

	days_read(&days, g->config->notify_expiring, NULL);
	return days;
}

/*
 * Of all: at the start, as certificates of a store that an older program wrote have no row; and when thresholds change.
 */

static int plan_one(void *arg, struct txn *t, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	int64_t due, now = clock_now(), next = is_to_be_told(arg, cert, now) ? now : expiry_next(arg, cert, now);
	int planned = agenda_due(t, AGENDA_expiry, cert->id, &due, e);

	if (planned < 0 || !next || (planned && due <= next))
		return MIN(planned, 0);
	return agenda_set(t, AGENDA_expiry, cert->id, planned ? next : now, e);
}

static int expiry_plan_begin(struct engine *g, struct txn *t, void **arg, struct buf *mark, struct err *e)
{
	struct days configured = configured_days(g), *days = *arg = xcalloc(1, sizeof(*days));

	if (alert_thresholds(t, &configured, days, e) < 0)
		return -1;
	buf_add_str(mark, "1");
	for (int i = 0; i < days->count; i++)
		buf_addf(mark, " %lld", (long long)days->day[i]);
	return 0;
}

const struct planner expiry_planner = { "expiry", &rec_cert_type, expiry_plan_begin, plan_one };

int expiry_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	bool all = str_eq(row->id, ALERT_ALL_CERTS);
	struct days configured = configured_days(g);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 ||
	    (all ? agenda_delete(t, AGENDA_expiry, row->id, e) : look(t, &configured, row->id, clock_now(), e)) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	if (all)	/* a crash in between loses nothing: the next start finds the thresholds changed */
		planning_begin(g);
	engine_wake(g);
	return 0;
}
