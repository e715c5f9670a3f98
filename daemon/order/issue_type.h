/*
 * Issuing from inside: for issue.c (the job), issue_key.c (its key), issue_turn.c (when it may ask for an order) and
 * issue_publish.c (its challenge answers).
 */
#ifndef DAEMON_ORDER_ISSUE_TYPE_H
#define DAEMON_ORDER_ISSUE_TYPE_H

#include "daemon/ca/ca.h"
#include "daemon/challenge/publish.h"
#include "daemon/order/by_hand_look.h"
#include "daemon/order/check.h"

struct issue {
	struct job job;
	struct rec_cert cert;		/* as of the begin; reread before it is changed */
	struct rec_account account;
	struct rec_order order;
	struct rec_key_version key;	/* of the certificate request; of a person's own request only its spki */
	struct order *acme;		/* NULL before there is an order */
	bool unchecked;			/* its web servers are to be checked before it is ordered */
	struct check *check;
	bool reopened;			/* the order was kept from an attempt that failed */
	struct keeper_question *question;
	struct publication *publication;
	struct by_hand_look *look;		/* at what a person has published */
	bool wished, fresh;		/* by a person; it is new, not taken up again */
	struct held told;
	acme_bytes_cb *promised;	/* acme/ waits for it: its turn, or its answers; NULL: it does not */
	void *promised_arg;
	struct timer pause;
	struct timer place;		/* until another one has its place */
};

/* The job is over.  stored < 0: the store failed with e; the row stays due. */
void issue_end(struct issue *, int stored, const struct err *);

/* The key of an order, into is->key: of a person's own request, or a generation of one of ours. */
int issue_read_own_csr(struct issue *, struct err *);
int issue_read_key(struct issue *, struct txn *, const char *key_id, int64_t number, struct err *);
int issue_read_key_of_order(struct issue *, struct txn *, const struct rec_order *, struct err *);
/* Does the order need a generation of the key that is not there yet?  1: yes. */
int issue_needs_new_key(struct txn *, const struct rec_cert *, const struct rec_key *, struct err *);
/* The keeper has made it. */
int issue_save_key(struct issue *, const struct keeper_answer *, struct err *);
int issue_check_own_csr(struct issue *, struct txn *, struct err *);
/* 1: its order, if there is one, may go on; 0: it is closed, because others know the key that it is for. */
int issue_give_up_compromised(struct issue *, struct txn *, struct err *);
/* May the request be made with its key? */
int issue_check_key(struct issue *, struct err *);

/* As in struct order_calls. */
void issue_turn(void *engine, struct order *, acme_bytes_cb *, void *cb_arg);
void issue_publish(void *engine, struct order *, const struct acme_answer *, size_t count, acme_bytes_cb *,
		   void *cb_arg);

#endif
