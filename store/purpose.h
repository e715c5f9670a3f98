/* What an order is for: all that decides what is ordered of whom.  Whoever changes any of it needs another order. */
#ifndef STORE_PURPOSE_H
#define STORE_PURPOSE_H

#include "store/record/record.h"

/* A digest of that; owned. */
char *purpose_of(const struct rec_cert *, const struct rec_account *);
/* Is this order, begun with such a purpose by this account, of what the certificate needs now? */
bool purpose_is(const struct rec_order *, const struct rec_cert *, const struct rec_account *);

#endif
