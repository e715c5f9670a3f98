/* What a CA offers an account: what its directory says, and what its orders have shown. */
#ifndef DAEMON_CA_OFFERS_H
#define DAEMON_CA_OFFERS_H

#include "daemon/engine/engine.h"
#include "pki/cert.h"

/* Keeps what the CA's directory says, if that has been read. */
void offers_read(struct rec_account *, const struct acme *);
/* An order of this account brought this certificate: what does that show?  1: something new. */
int offers_learn(struct rec_account *, const struct order *, const struct cert *leaf);

#endif
