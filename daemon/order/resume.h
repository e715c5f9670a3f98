/*
 * The end of an order's attempt.  It is closed: nothing of it is gone on with, its answers are served no longer.  Or
 * trouble interrupted it, and the CA still has it as it was: then it is kept (cert.kept_order), and the next attempt
 * takes it up instead of asking for another.
 */
#ifndef DAEMON_ORDER_RESUME_H
#define DAEMON_ORDER_RESUME_H

#include "store/record/record.h"

/* Is this order still what the certificate needs, and young enough? */
bool resume_fits(const struct rec_order *, const struct rec_cert *, const struct rec_account *);
/*
 * The kept order is under way again (1: as open_order), or closed (0) and replaced, because another is needed by now.
 * Puts the certificate.
 */
int resume_take_up(struct txn *, struct rec_cert *, const struct rec_account *, struct err *);
/* What it has of an order, open or kept, is of no use any more. */
int resume_drop(struct txn *, struct rec_cert *, struct err *);
int resume_close(struct txn *, struct rec_order *, const char *result, struct err *);

#endif
