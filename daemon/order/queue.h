/*
 * Who may begin an order now.  A due certificate starts, is left due until there is room, or is put off to a known
 * time.
 *
 * Places are for orders that do something.  One that waits for its CA, or for DNS, gives its place up after a while, so
 * that no CA that takes its time holds up the others, nor its own.
 *
 * Orders of one account form a lane with a door: only one at a time asks its CA for a new order.  So what stops them
 * all, a limit nobody told us of or trouble with the account or the CA, is met by one and spares the others.  Behind
 * the one that asks, some are made ready to: they are durable, so that none waits for the disk while all wait for it.
 */
#ifndef DAEMON_ORDER_QUEUE_H
#define DAEMON_ORDER_QUEUE_H

#include "daemon/engine/engine.h"
#include "store/ledger.h"

struct lane {
	struct lane *next;
	char *account_id, *directory;
	int orders;		/* under way, with a place */
	int asking;		/* so many of them have no order URL yet */
	struct job *inside;	/* the one that asks for it */
	struct timer door;	/* the next one may */
	struct engine *engine;
	int64_t slots_from;	/* the first time handed out to those that wait for a limit; 0: none waits */
	int64_t ahead;		/* how many wait since */
};

/* Counts what is under way: before a row is judged. */
void queue_count(struct engine *);
/* -1: the store failed.  VERDICT_START takes the place; VERDICT_PUT_OFF fills the wait. */
int queue_judge(struct engine *, struct txn *, const char *cert_id, int64_t now, struct put_off *, struct err *);
/* Writes down what one waits for. */
int queue_put_off(struct txn *, const struct put_off *, struct err *);
void queue_release(struct engine *);	/* when no order is under way */

/* A job takes its place in the lane of an account, asking or with an order that has its URL; and when it has one. */
void queue_enter(struct job *, const struct rec_account *, bool asking);
void queue_asked(struct job *);
/* It is ready to ask: fn, later, when it may.  Then queue_judge_again() says whether it still should. */
void queue_at_door(struct job *, void (*fn)(struct job *));
int queue_judge_again(struct job *, struct txn *, const struct rec_cert *, bool wished, int64_t now, struct put_off *,
		      struct err *);
void queue_leave(struct job *);		/* it is over; harmless elsewhere */

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
