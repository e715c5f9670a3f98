/*
 * Between the wire and mbedTLS: handshake messages that the other side has split over records (RFC 8446 section 5.1)
 * are put together, one message a record, because mbedTLS reads no others.  Only what is not encrypted yet is looked
 * at; from then on all passes through.
 */
#ifndef PKI_REGROUP_H
#define PKI_REGROUP_H

#include "base/buf.h"

struct regroup {
	struct buf in;		/* the record that is arriving */
	struct buf message;	/* handshake bytes that are no whole message yet */
	struct buf out;		/* whole records */
	size_t given;		/* of out */
	bool through;		/* nothing more is looked at */
	bool too_long;		/* a message has no room in a record: the handshake must fail */
};
void regroup_release(struct regroup *);

/* Reads from the wire; like recv(): bytes, 0 at the end, -1. */
typedef ssize_t regroup_get(void *arg, void *data, size_t len);
/* The same for mbedTLS; what get() answers if that is not positive.  Never reads further than it must. */
ssize_t regroup_read(struct regroup *, void *data, size_t len, regroup_get *, void *arg);

#endif
