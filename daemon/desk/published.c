#include "daemon/desk/published.h"

#include "base/log.h"
#include "store/db/bell.h"
#include "store/record/record.h"

/* One that the front was told. */
struct published_answer {
	char *token, *key_auth;
	bool there;	/* still, as the store was last looked at */
};

struct published {
	struct store *store;
	struct outside *outside;
	struct bell *bell;
	struct barrier barrier;
	struct published_answer *answer;		/* by token */
	size_t count, sorted;		/* of these so many in order */
	uint64_t told, known;		/* changes of the table that the front was told of, and has said to know */
	int64_t sync;			/* its number */
	bool asked;			/* it was not answered yet */
	const struct cluster *cluster;	/* NULL: this server is alone, and so are the next three */
	struct fronts *fronts;
	uint64_t telling, in_force;	/* entries of the log that the front is being told of, and has said to know */
};

static int by_token(const void *a, const void *b)
{
	const struct published_answer *x = a, *y = b;

	return strcmp(x->token, y->token);
}

static struct published_answer *find(struct published *p, const char *token)
{
	const struct published_answer key = { .token = (char *)token };

	return p->sorted ? bsearch(&key, p->answer, p->sorted, sizeof(key), by_token) : NULL;
}

static int note(void *arg, void *rec, struct err *e)
{
	const struct rec_challenge *challenge = rec;
	struct published *p = arg;
	struct published_answer *known = find(p, challenge->id);

	if (known && str_eq(known->key_auth, challenge->key_auth)) {
		known->there = true;
		return 0;
	}
	p->answer = xreallocarray(p->answer, p->count + 1, sizeof(*p->answer));
	p->answer[p->count++] = (struct published_answer){
		.token = xstrdup(challenge->id), .key_auth = xstrdup(challenge->key_auth), .there = true,
	};
	return 0;
}

static void answer_release(struct published_answer *a)
{
	free(a->token);
	free(a->key_auth);
}

/* What is gone first: a token may have another answer now. */
static void tell_changes(struct published *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->sorted; i++)
		if (!p->answer[i].there)
			OUTSIDE_TELL(p->outside, challenge_gone, slice_str(p->answer[i].token));
	for (size_t i = p->sorted; i < p->count; i++)
		OUTSIDE_TELL(p->outside, challenge, slice_str(p->answer[i].token), slice_str(p->answer[i].key_auth));
	for (size_t i = 0; i < p->count; i++) {
		if (p->answer[i].there)
			p->answer[kept++] = p->answer[i];
		else
			answer_release(&p->answer[i]);
	}
	p->count = p->sorted = kept;
	if (kept)
		qsort(p->answer, kept, sizeof(*p->answer), by_token);
}

static int look(struct published *p, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	uint64_t changes = store_changes(p->store, TABLE_challenge);

	p->telling = cluster_applied(p->cluster);	/* what is read now has at least these */
	for (size_t i = 0; i < p->count; i++)
		p->answer[i].there = false;
	if (store_read_durable(p->store, &t, e) < 0 ||
	    record_each(t, &rec_challenge_type, "", false, note, p, e) < 0)
		return -1;
	tell_changes(p);
	p->told = changes;
	return 0;
}

/* Says what is new.  One question at a time: what changes meanwhile comes with the next. */
static void tell_now(struct published *p)
{
	struct err e = { 0 };

	if (p->asked)
		return;
	if (look(p, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		return;
	}
	p->asked = true;
	outside_sync(p->outside, ++p->sync);
}

static void table_changed(void *arg)
{
	struct published *p = arg;

	if (store_changes(p->store, TABLE_challenge) != p->told)
		tell_now(p);
}

/* At this front, and at those of all nodes. */
static bool everywhere(struct published *p, uint64_t position)
{
	return fronts_have(p->fronts, position) && published_in_force(p) >= position;
}

static uint64_t published_ticket(void *arg)
{
	struct published *p = arg;
	uint64_t changes = store_changes(p->store, TABLE_challenge), position = cluster_applied(p->cluster);

	table_changed(p);
	if (p->cluster)
		return everywhere(p, position) ? 0 : position;
	return changes > p->known ? changes : 0;
}

static int published_fate(void *arg, uint64_t ticket, struct err *why)
{
	struct published *p = arg;

	return p->cluster ? everywhere(p, ticket) : p->known >= ticket;
}

struct published *published_new(struct loop *loop, struct store *store, struct outside *outside)
{
	struct published *p = xcalloc(1, sizeof(*p));

	p->store = store;
	p->outside = outside;
	p->barrier.ticket = published_ticket;
	p->barrier.fate = published_fate;
	p->barrier.arg = p;
	barrier_init(&p->barrier);
	p->bell = bell_new(store, loop, table_changed, p);
	bell_watch(p->bell, TABLE_challenge, true);
	return p;
}

static void forget(struct published *p)
{
	for (size_t i = 0; i < p->count; i++)
		answer_release(&p->answer[i]);
	p->count = p->sorted = 0;
}

void published_free(struct published *p)
{
	if (!p)
		return;
	bell_free(p->bell);
	forget(p);
	free(p->answer);
	free(p);
}

void published_begin(struct published *p)
{
	forget(p);
	p->asked = false;
	tell_now(p);
}

void published_synced(struct published *p, int64_t number)
{
	if (!p->asked || number != p->sync)
		return;
	p->asked = false;
	p->known = p->told;
	p->in_force = MAX(p->in_force, p->telling);
	barrier_look(&p->barrier);
	table_changed(p);
	if (p->fronts)
		fronts_tell(p->fronts);
}

void published_cluster(struct published *p, const struct cluster *cluster, struct fronts *fronts)
{
	p->cluster = cluster;
	p->fronts = fronts;
}

/* Where no answer has changed, entries are in force as soon as the store has them. */
uint64_t published_in_force(struct published *p)
{
	uint64_t applied = cluster_applied(p->cluster);

	if (store_changes(p->store, TABLE_challenge) == p->known)
		p->in_force = MAX(p->in_force, applied);
	return p->in_force;
}

void published_moved(struct published *p)
{
	barrier_look(&p->barrier);
}

struct barrier *published_barrier(struct published *p)
{
	return &p->barrier;
}
