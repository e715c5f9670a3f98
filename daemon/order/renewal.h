/* When a certificate is renewed.  Pure policy: no clock, no store. */
#ifndef DAEMON_ORDER_RENEWAL_H
#define DAEMON_ORDER_RENEWAL_H

#include "daemon/config/config.h"
#include "store/record/record.h"

/*
 * When to renew a certificate valid from not_before to not_after.  before > 0: that many seconds before
 * the end, at most two thirds of its life; 0: when a third of its life is left (half if it lives less than ten
 * days).  `dice` (any random number) picks one second of the window that begins there and lasts a tenth of what
 * is left, so that certificates issued together are not renewed together.
 */
int64_t renewal_time(int64_t not_before, int64_t not_after, int64_t before, uint64_t dice);

/* Plans the renewal of a certificate without a word of its CA: sets renew_at. */
void renewal_plan(struct rec_cert *, const struct config *);
/*
 * It has just been issued; cert is still as it was before.  When each one is replaced as soon as it is there, because
 * its CA wants it so or because our clock is wrong, that is done twice, and then ever more slowly.
 */
void renewal_succeeded(struct rec_cert *cert, int64_t now);
/*
 * The CA's window is [start, end): any second of it, chosen by dice, or earlier if the certificate has a time of its
 * own; not before renewal_succeeded() allows it, and never so late that less than half of what should be left is (a
 * sixth of its life, or a quarter of a short one): windows may reach until its end, and renewing takes time.
 * True if renew_at has changed; while the window stays, so does the choice.
 */
bool renewal_choose(struct rec_cert *, int64_t start, int64_t end, uint64_t dice);

/* Is it the fallback's turn?  troubles: failures of the first account as a whole; after: how many are put up with. */
bool renewal_falls_back(const struct rec_cert *, int64_t troubles, int64_t after, int64_t now);

/* When its next order may begin as far as maintenance windows go: now, or when the next one opens. */
int64_t renewal_opens(const struct rec_cert *, const char *windows, int64_t now);

/*
 * An order the CA takes its time for is taken up again then; 0: it has been too long.  since: when it was ordered.
 */
int64_t renewal_patience(int64_t since, int64_t now);

#endif
