/*
 * Certificates that share a key.  A key is one thing for all that have it: at renewal it is kept, unless a person says
 * otherwise; and when one of them gets a new generation nevertheless, the others are ordered with that too.  In between
 * they have different generations in force, and who fetches the key says for which of them.
 */
#ifndef STORE_KEY_SHARING_H
#define STORE_KEY_SHARING_H

#include "store/record/record.h"

/* 1: the next renewal keeps the key, because a person says so or others have it; 0: it makes a new one; -1. */
int sharing_keeps_key(struct txn *, const struct rec_cert *, struct err *);
/*
 * A version with this key came into force.  Certificates that share it and have an older generation in force are
 * ordered, at once.  Reads and puts certificates: the caller has put his.
 */
int sharing_follow(struct txn *, const struct rec_key *, bool staging, struct err *);
/* Those that did not fit into that transaction: the row AGENDA_follow, by its id. */
int sharing_follow_all(struct store *, const char *id, struct err *);
/*
 * The certificates that are to have another key from their next version on, while the version in force has this one.
 * Return of fn: 0 go on, -1 stop.
 */
typedef int sharing_user_fn(void *arg, const struct rec_cert *, struct err *);
int sharing_each_former(struct txn *, const struct rec_key *, sharing_user_fn *, void *arg, struct err *);
/*
 * The generation of the key that fits the certificate in force: of the certificate `name`, or, NULL, of all that have
 * the key.  ERR_MISSING: no certificate of that name has it; ERR_CONFLICT: no generation fits all.
 */
int sharing_generation(struct txn *, const struct rec_key *, const char *name, bool staging, int64_t *generation,
		       struct err *);

#endif
