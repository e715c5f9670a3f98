#include "webui/cert/counts.h"

#include "base/clock.h"
#include "store/db/bell.h"
#include "webui/http/scope.h"

#define LIFETIME 60
#define DAY ((int64_t)24 * 60 * 60)

struct tally {
	bool valid;
	uint64_t changes;
	int64_t time;
	const struct scope *scope; /* while it counts */
	struct tally_numbers numbers;
	int64_t end[TALLY_URGENT];
};

struct tally *tally_new(void)
{
	return xcalloc(1, sizeof(struct tally));
}

void tally_free(struct tally *t)
{
	free(t);
}

/* Is it something a person should look at? */
static bool is_urgent(enum cert_status status)
{
	return cert_status_urgency(status) <= cert_status_urgency(STATUS_revoked);
}

/* Until when it can be trusted: not now, if others know its key or it is revoked.  Nobody misses a first one yet. */
static int64_t end_of(const struct rec_cert *cert, enum cert_status status, int64_t now)
{
	if (status == STATUS_compromised)
		return 0;
	if (!cert->current)
		return INT64_MAX;
	return cert->revoked ? MIN(cert->not_after, now) : cert->not_after;
}

/* Keeps those that end first, in order. */
static void add_urgent(struct tally *t, struct slice id, int64_t end)
{
	struct tally_numbers *n = &t->numbers;
	size_t at = n->urgent;

	n->urgent_all++;
	while (at > 0 && t->end[at - 1] > end)
		at--;
	if (at == TALLY_URGENT || id.len >= sizeof(n->urgent_id[0]))
		return;
	n->urgent = MIN(n->urgent + 1, (size_t)TALLY_URGENT);
	for (size_t i = n->urgent - 1; i > at; i--) {
		memcpy(n->urgent_id[i], n->urgent_id[i - 1], sizeof(n->urgent_id[0]));
		t->end[i] = t->end[i - 1];
	}
	memcpy(n->urgent_id[at], id.data, id.len);
	n->urgent_id[at][id.len] = '\0';
	t->end[at] = end;
}

static int count(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct tally *t = arg;
	struct tally_numbers *n = &t->numbers;
	enum cert_status status = cert_status(cert, t->time);
	int64_t left = cert->not_after - t->time;

	if (!scope_has_row(t->scope, &rec_cert_type, value))
		return 0;
	n->all++;
	n->count[status]++;
	if (is_urgent(status))
		add_urgent(t, value[REC_cert_id], end_of(cert, status, t->time));
	if (!cert->current || cert->disabled || left <= 0)
		return 0;
	if (!n->next_expiry || cert->not_after < n->next_expiry)
		n->next_expiry = cert->not_after;
	if (left / DAY < TALLY_DAYS)
		n->expiring[left / DAY]++;
	return 0;
}

const struct tally_numbers *tally_get(struct tally *t, struct store *store, const struct scope *scope, struct err *e)
{
	_cleanup_txn_ struct txn *txn = NULL;
	uint64_t changes = store_changes(store, TABLE_cert_row);
	int64_t now = clock_now();

	if (!scope_limited(scope) && t->valid && t->changes == changes && now >= t->time && now < t->time + LIFETIME)
		return &t->numbers;
	*t = (struct tally){ .changes = changes, .time = now, .scope = scope };
	if (store_read(store, &txn, e) < 0 || record_skim(txn, &rec_cert_type, count, t, e) < 0)
		return NULL;
	t->valid = !scope_limited(scope) && !store_seen(store);	/* what may be lost is not kept */
	return &t->numbers;
}
