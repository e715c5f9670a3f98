/*
 * Private keys that others know.  A certificate was revoked for that (keyCompromise), by a person or by its CA; from
 * then on its public key is never used again, wherever it turns up: not for an order, not by a request of a person's
 * own, not imported, not for an account, not by rolling back.  What has it in force is replaced
 * (daemon/ca/compromise.c).
 *
 * A digest is that of pki/key.h: spki_digest().
 */
#ifndef STORE_KEY_COMPROMISE_H
#define STORE_KEY_COMPROMISE_H

#include "store/record/record.h"

/* 1: others know the private key; 0: nothing of that is known; -1. */
int compromise_known(struct txn *, const char *digest, struct err *);
/* -1, with ERR_CONFLICT and what to do, if it is known; for what a person wants to use. */
int compromise_refuse(struct txn *, const char *digest, struct err *);
/*
 * This version is (to be) revoked for it.  The engine is planned to replace what else has the key; who adds wakes it.
 */
int compromise_add(struct txn *, const char *digest, const struct rec_version *, struct err *);
/* What there is to do about a certificate whose version in force has such a key: a sentence. */
const char *compromise_next(const struct rec_cert *);

#endif
