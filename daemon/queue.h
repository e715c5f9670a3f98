/*
 * Who may begin an order now.  A due certificate starts, is left due until there is room, or is put off to a known
 * time.
 *
 * Orders of one account form a lane: only one at a time asks its CA for a new order.  So what stops them all, a limit
 * nobody told us of or trouble with the account or the CA, is met by one and spares the others.
 */
#ifndef DAEMON_QUEUE_H
#define DAEMON_QUEUE_H

#include "daemon/engine.h"
#include "store/ledger.h"

struct lane {
	struct lane *next;
	char *account_id, *directory;
	int orders;		/* under way */
	bool asking;		/* one of them has no order URL yet */
	int64_t slots_from;	/* the first time handed out to those that wait for a limit; 0: none waits */
	int64_t ahead;		/* how many wait since */
};

enum verdict { QUEUE_START, QUEUE_LEAVE, QUEUE_PUT_OFF };

struct queue_wait {		/* one that is put off */
	char cert_id[64];
	int64_t until;
	char why[400];		/* a sentence without its full stop */
};

/* Counts what is under way: before a row is judged. */
void queue_count(struct engine *);
/* -1: the store failed.  QUEUE_START takes the place; QUEUE_PUT_OFF fills the wait. */
int queue_judge(struct engine *, struct txn *, const char *cert_id, int64_t now, struct queue_wait *, struct err *);
/* Writes down who waits for what. */
int queue_put_off(struct txn *, const struct queue_wait *, size_t count, struct err *);
void queue_release(struct engine *);

/* A job takes its place in the lane of an account, asking or with an order that has its URL; and when it has one. */
void queue_enter(struct job *, const struct rec_account *, bool asking);
void queue_asked(struct job *);

/* The account that orders a certificate now: its own or, after failures, the fallback.  ERR_MISSING: it is gone. */
int queue_account(struct engine *, struct txn *, const struct rec_cert *, int64_t now, struct rec_account *,
		  struct err *);
/* What the ledger wants to know of an order; borrows from both. */
struct ledger_order queue_order(struct txn *, const struct rec_cert *, const struct rec_account *);

/* The account works (again): its trouble is over, and who waited for that need wait no longer. */
int queue_account_works(struct txn *, struct rec_account *, struct err *);
/* An order failed for a reason all of the account share: no other is sent for a while. */
int queue_account_failed(struct txn *, const char *account_id, const struct err *why, int64_t now, struct err *);

#endif
