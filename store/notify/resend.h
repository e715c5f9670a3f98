/* An alert once more, to whom a person says. */
#ifndef STORE_NOTIFY_RESEND_H
#define STORE_NOTIFY_RESEND_H

#include "store/record/record.h"

/*
 * The newest alert about this object once more, to this address alone and at once, through the channel of contacts
 * (own_channel.h).  -1 with ERR_MISSING: there was none.  m: the message; the agenda has it.
 */
int resend_last(struct txn *, const char *object, const char *recipient, struct rec_outbox *m, struct err *);

#endif
