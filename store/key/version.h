/* Another version of a key: made for a certificate or an account, or brought along. */
#ifndef STORE_KEY_VERSION_H
#define STORE_KEY_VERSION_H

#include "store/record/record.h"

/*
 * Puts it, as the key's newest one, and the key.  type: a word of pki/key.def; material: sealed by the keeper.  Which
 * version is in force (key->current) is the caller's to say.  Fills *version, which is empty before.
 */
int key_version_add(struct txn *, struct rec_key *key, const char *type, struct slice material, struct slice spki,
		    struct rec_key_version *version, struct err *);

#endif
