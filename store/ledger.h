/*
 * The ledger of rate limits: what each account used of its CA's limits and when, so that an order that would
 * be refused is not sent.  limit.def has the limits known beforehand; a refusal teaches others.
 *
 *	orders	new orders of the account
 *	domain	certificates for one registered domain; a renewal with the same names does not count
 *	set	certificates for exactly these names
 *	failed	failed validations of one name
 *
 * What it keeps are records `usage`.  A limit is taken for a sliding window, which is the strictest reading: no CA that
 * counts in fixed windows or refills a bucket refuses what fits in it.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "store/record/record.h"

enum limit { LIMIT_orders, LIMIT_domain, LIMIT_set, LIMIT_failed, LIMITS };

struct ledger_order {		/* one that is to be sent, or was; all borrowed */
	const char *account_id, *directory;
	char *const *names;
	bool renewal;		/* of a certificate with the same names */
	bool exempt;		/* the CA lets it pass all limits (RFC 9773 section 5: renewed when it suggested to) */
};

/* What an order does that is ready, but has not its turn yet to ask the CA: the ledger does not have it. */
#define ORDER_AWAITS_TURN "waiting for its turn"

struct ledger_answer {
	int64_t when;		/* it may be sent: now, or later */
	enum limit limit;	/* if later: because of this one */
	char why[400];		/* a sentence without its full stop */
};

/* When it may be sent, with `ahead` others of the account waiting for their turn before it. */
int ledger_ask(struct txn *, const struct ledger_order *, int64_t now, int64_t ahead, struct ledger_answer *,
	       struct err *);
/* It is being sent. */
int ledger_sent(struct txn *, const struct ledger_order *, int64_t now, struct err *);
/* Its validation failed: counts for the names that `why` speaks of, or all. */
int ledger_failed(struct txn *, const struct ledger_order *, const struct err *why, int64_t now, struct err *);
/*
 * The CA refused it, being sent, for a rate limit: nothing of that kind before why->retry_at,
 * and the limit is learned.
 */
int ledger_refused(struct txn *, const struct ledger_order *, const struct err *why, int64_t now, struct err *);

/*
 * What is used and left of an account's limits.
 * Owned: an array of {limit, of (a domain, a name, names), used, most, window, learned, free_at}.
 */
json_t *ledger_json(struct txn *, const char *account_id, const char *directory, int64_t now);
/* The same of what this order would touch; owned. */
json_t *ledger_order_json(struct txn *, const struct ledger_order *, int64_t now);
/* Forgets what no limit looks at any more. */
int ledger_prune(struct store *, int64_t now, struct err *);

/* "a.example, b.example and 3 more"; owned. */
char *ledger_names(char *const *names);
/* "example.org" of "www.example.org", by the public suffix list; the name itself if it has none.  Owned. */
char *ledger_domain(const char *name);

#endif
