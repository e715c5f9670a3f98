#include "daemon/expiry.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/engine.h"
#include "store/alert.h"

#define DAY 86400
#define FULL_LIFE (90 * DAY)
#define LAST (EXPIRY_STEPS - 1)

static const int64_t days[EXPIRY_STEPS] = { 30, 14, 7, 3, 1, 0 };

int64_t expiry_before(int64_t step, int64_t life)
{
	return days[step] * DAY * MIN(MAX(life, 1), FULL_LIFE) / FULL_LIFE;
}

static int64_t begins(const struct rec_cert *cert, int64_t step)
{
	return cert->not_after - expiry_before(step, cert->not_after - cert->not_before);
}

int64_t expiry_step(const struct rec_cert *cert, int64_t now)
{
	int64_t step = -1;

	while (step < LAST && begins(cert, step + 1) <= now)
		step++;
	return step;
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

int64_t expiry_next(const struct rec_cert *cert, int64_t now)
{
	int64_t step = expiry_step(cert, now), next;

	if (!cert->current || (step == LAST && cert->alerted_version == cert->current && cert->alerted_step == LAST))
		return 0;
	next = step < LAST ? begins(cert, step + 1) : 0;
	/* What was not said because the renewal was still to come is said when it has not come. */
	if (step >= 0 && expiry_is_cared_for(cert, now))
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
		return xstrdup("was brought along: import its successor");
	if (cert->waiting || cert->by_hand)
		return xstrdup("its renewal needs a person");
	return why ? xasprintf("its renewal fails: %s", why) : xstrdup("its renewal is overdue");
}

static int tell(struct txn *t, struct rec_cert *cert, int64_t step, int64_t now, struct err *e)
{
	_cleanup_free_ char *why = reason(cert);
	char left[64], until[CLOCK_RFC3339_SIZE];

	cert->alerted_version = cert->current;
	cert->alerted_step = step;
	clock_rfc3339(until, cert->not_after);
	clock_relative(left, sizeof(left), cert->not_after, now);
	if (step == LAST)
		return alert_raise_cert(t, ALERT_expired, cert, e, "It was valid until %s, and %s.", until, why);
	return alert_raise_cert(t, ALERT_expiring, cert, e, "It ends %s, at %s, and %s.", left, until, why);
}

/* Was this step, or a later one, said of this version? */
static bool is_told(const struct rec_cert *cert, int64_t step)
{
	return cert->alerted_version == cert->current && cert->alerted_step >= step;
}

static int look(struct txn *t, const char *id, int64_t now, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	int64_t step, next;

	if (rec_cert_get(t, &cert, id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_expiry, id, e) : -1;
	if (!cert.current)
		return agenda_delete(t, AGENDA_expiry, id, e);
	step = expiry_step(&cert, now);
	if (step >= 0 && !is_told(&cert, step) && !cert.disabled && !cert.revoked && !expiry_is_cared_for(&cert, now) &&
	    (tell(t, &cert, step, now, e) < 0 || rec_cert_put(t, &cert, e) < 0))
		return -1;
	next = expiry_next(&cert, now);
	return next ? agenda_set(t, AGENDA_expiry, id, next, e) : agenda_delete(t, AGENDA_expiry, id, e);
}

int expiry_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || look(t, row->id, clock_now(), e) < 0 || txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}

/*
 * At the start: certificates of a store that an older program wrote have no row.
 */

struct unwatched {
	struct txn *txn;
	char **ids;
};

static int collect(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct unwatched *u = arg;
	int64_t due;
	int planned = agenda_due(u->txn, AGENDA_expiry, cert->id, &due, e);

	if (planned == 0 && expiry_next(cert, clock_now()))
		strv_add(&u->ids, cert->id);
	return MIN(planned, 0);
}

static int plan(struct engine *g, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_strv_ char **ids = NULL;
	struct unwatched u = { 0 };
	int failed;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	u.txn = t;
	failed = record_each(t, &rec_cert_type, "", false, collect, &u, e);
	ids = u.ids;
	for (size_t i = 0; !failed && i < strv_len(ids); i++)
		failed = agenda_set(t, AGENDA_expiry, ids[i], clock_now(), e);
	if (failed)
		return -1;
	return ids ? txn_commit(TAKE(t), e) : 0;
}

void expiry_plan(struct engine *g)
{
	struct err e = { 0 };

	if (plan(g, &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
}
