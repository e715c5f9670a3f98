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
	struct urgent {			/* of each status those that end first */
		size_t count;
		struct tally_urgent cert[TALLY_URGENT];
	} urgent[STATUSES];
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

static void swap(struct tally_urgent *a, struct tally_urgent *b)
{
	struct tally_urgent kept = *a;

	*a = *b;
	*b = kept;
}

/* The one that ends last on top: a heap, as very many may need somebody. */
static void sift_down(struct tally_urgent *heap, size_t count, size_t at)
{
	for (;;) {
		size_t last = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
			if (heap[child].end > heap[last].end)
				last = child;
		if (last == at)
			return;
		swap(&heap[at], &heap[last]);
		at = last;
	}
}

/* Keeps those that end first. */
static void add_urgent(struct urgent *u, struct slice id, int64_t end)
{
	struct tally_urgent *heap = u->cert, *one = heap;

	if (id.len >= sizeof(one->id) || (u->count == TALLY_URGENT && end >= heap->end))
		return;
	if (u->count < TALLY_URGENT)
		one = &heap[u->count++];
	one->end = end;
	memcpy(one->id, id.data, id.len);
	one->id[id.len] = '\0';
	if (one == heap)
		sift_down(heap, u->count, 0);
	for (size_t at = (size_t)(one - heap); at && heap[at].end > heap[(at - 1) / 2].end; at = (at - 1) / 2)
		swap(&heap[at], &heap[(at - 1) / 2]);
}

static int by_end(const void *a, const void *b)
{
	const struct tally_urgent *one = a, *other = b;

	return one->end != other->end ? (one->end > other->end) - (one->end < other->end) : strcmp(one->id, other->id);
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
	if (is_urgent(status)) {
		n->urgent_all++;
		add_urgent(&t->urgent[status], value[REC_cert_id], end_of(cert, status, t->time));
	}
	if (cert->renew_at && !cert->disabled && cert->renew_at - t->time < TALLY_DAYS * DAY)
		n->renewing[MAX(cert->renew_at - t->time, 0) / DAY]++;
	if (!cert->current || cert->disabled || left <= 0)
		return 0;
	if (!n->next_expiry || cert->not_after < n->next_expiry)
		n->next_expiry = cert->not_after;
	if (left / DAY < TALLY_DAYS)
		n->expiring[left / DAY]++;
	return 0;
}

static void name_urgent(struct tally *t)
{
	struct tally_numbers *n = &t->numbers;

	for (const struct urgent *u = t->urgent; u < t->urgent + STATUSES; u++) {
		memcpy(n->urgent_cert + n->urgent, u->cert, u->count * sizeof(*u->cert));
		n->urgent += u->count;
	}
	qsort(n->urgent_cert, n->urgent, sizeof(*n->urgent_cert), by_end);
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
	name_urgent(t);
	t->valid = !scope_limited(scope) && !store_seen(store);	/* what may be lost is not kept */
	return &t->numbers;
}
