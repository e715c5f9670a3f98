/*
 * Channels that nobody adds: they are there as soon as something goes through them.  An administrator says of them
 * which alerts go out, and sees in the outbox what became of each message; they can be disabled, but not removed.
 */
#ifndef STORE_NOTIFY_OWN_CHANNEL_H
#define STORE_NOTIFY_OWN_CHANNEL_H

#include "store/record/record.h"

/* Their ids. */
#define OWN_CONTACTS "contacts"	/* what contacts of certificates get, beside their owner; an alert that is sent again */
#define OWN_LISTS "lists"	/* lists that users have mailed to them */

/* Its recipients, for people; NULL: it is none of these. */
const char *own_channel_purpose(const struct rec_channel *);
/* The one with this id; made if it is not there. */
int own_channel(struct txn *, const char *id, struct rec_channel *, struct err *);

#endif
