/*
 * The planner: when something is done next for a certificate, and why not before.  It alone writes the fields that
 * say so, and the certificate's row of kind "issue"; cert_plan.def lists what can happen, and what follows from it.
 */
#ifndef STORE_CERT_PLAN_H
#define STORE_CERT_PLAN_H

#include "store/record/record.h"

enum cert_plan {
#define CERT_PLAN(what, wanted, failures, waits, order, hand, row, text) CERT_##what,
#include "store/cert_plan.def"
#undef CERT_PLAN
};

/* Plans it, and puts the certificate. */
int cert_plan(struct txn *, struct rec_cert *, enum cert_plan what, struct err *);
/*
 * The same where UNTIL wants a time; waits_for: for what it waits until then, without a full stop; NULL: for nothing.
 */
int cert_plan_at(struct txn *, struct rec_cert *, enum cert_plan what, int64_t at, const char *waits_for, struct err *);
/*
 * Another version is wanted now.  1: the order under way is of exactly what is wanted, and will do; 0: it is ordered,
 * where an order of something else is under way, after that.
 */
int cert_wish(struct txn *, struct rec_cert *, struct err *);
/* It is there no more: nor is its row. */
int cert_plan_gone(struct txn *, const char *cert_id, struct err *);

/*
 * The end of a job: begins a write and reads the certificate anew, before it is changed.
 * 1; 0: it was removed meanwhile; -1: the store failed.
 */
int cert_reread(struct store *, const char *cert_id, struct txn **, struct rec_cert *, struct err *);

#endif
