#include "webui/cert/issued.h"

#include <stdlib.h>

#include "store/db/bell.h"
#include "store/event/history.h"
#include "webui/http/scope.h"

#define DAY ((int64_t)24 * 60 * 60)
#define AT_ONCE 12000		/* events that are looked through, when none of them is to be counted */
#define COUNTED 5		/* one that is costs so many more */
#define LIMITED_MOST 60000	/* for those who see a part only */

struct counts {
	struct issued_numbers numbers;
	int64_t newest, oldest;	/* numbers of the events that were looked at; 0: none was */
};

struct issued {
	struct counts kept;
	struct issued_numbers given;
};

struct issued *issued_new(void)
{
	return xcalloc(1, sizeof(struct issued));
}

void issued_free(struct issued *i)
{
	free(i);
}

struct counting {
	struct counts counts;
	struct txn *txn;
	const struct scope *scope;
	int64_t left;		/* of AT_ONCE */
	bool backwards;		/* the newest first */
};

/* What was counted for today is yesterday's a day later. */
static void turn_days(struct issued_numbers *n, int64_t today)
{
	int64_t passed = MIN(MAX(today - n->today, 0), ISSUED_DAYS);
	size_t kept = (size_t)(ISSUED_DAYS - passed);

	n->today = today;
	for (size_t i = 0; passed && i <= n->accounts; i++) {
		int64_t *days = i < n->accounts ? n->account[i].issued : n->failed;

		memmove(days + passed, days, kept * sizeof(*days));
		memset(days, 0, (size_t)passed * sizeof(*days));
	}
}

static struct issued_account *find_account(struct issued_numbers *n, const char *id)
{
	for (size_t i = 0; i < n->accounts; i++)
		if (str_eq(n->account[i].id, id))
			return &n->account[i];
	if (n->accounts + 1 >= ISSUED_ACCOUNTS && *id)	/* one place is left for others */
		return find_account(n, "");
	snprintf(n->account[n->accounts].id, sizeof(n->account->id), "%s", id);
	return &n->account[n->accounts++];
}

static int count(void *arg, void *rec, struct err *e)
{
	const struct rec_event *event = rec;
	struct counting *c = arg;
	struct issued_numbers *n = &c->counts.numbers;
	int64_t ago = n->today - event->time / DAY, number = strtoll(event->id, NULL, 16);
	bool issued = str_eq(event->action, "certificate.issued"), failed = str_eq(event->action, "certificate.failed");
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

	if (c->left <= 0)
		return 1;
	c->left -= issued || failed ? 1 + COUNTED : 1;
	c->counts.newest = MAX(c->counts.newest, number);
	c->counts.oldest = c->backwards ? number : c->counts.oldest;
	n->partial = !c->backwards ? n->partial : number > 1 && ago < ISSUED_DAYS;
	if (c->backwards && ago >= ISSUED_DAYS)
		return 1;
	if (ago < 0 || ago >= ISSUED_DAYS || (!issued && !failed) || !scope_has_id(c->scope, c->txn, event->object))
		return 0;
	if (failed)
		n->failed[ago]++;
	else if (rec_cert_get(c->txn, &cert, event->object, NULL) == 0 && cert.account_id)
		find_account(n, cert.account_id)->issued[ago]++;
	else
		find_account(n, "")->issued[ago]++;
	return 0;
}

const struct issued_numbers *issued_get(struct issued *i, struct store *store, struct txn *t, const struct scope *scope,
					int64_t now, struct err *e)
{
	bool all = !scope_limited(scope);
	struct counting c = { .txn = t, .scope = scope, .left = all ? AT_ONCE : LIMITED_MOST };

	if (all)
		c.counts = i->kept;
	turn_days(&c.counts.numbers, now / DAY);
	if (c.counts.newest && history_each_after(t, c.counts.newest, count, &c, e) < 0)
		return NULL;
	c.backwards = true;
	if ((!c.counts.oldest || c.counts.numbers.partial) && history_each(t, NULL, c.counts.oldest, count, &c, e) < 0)
		return NULL;
	if (all && !store_seen(store))	/* what may be lost is not kept */
		i->kept = c.counts;
	i->given = c.counts.numbers;
	return &i->given;
}
