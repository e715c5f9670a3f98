/*
 * Which API keys may have which private key: the keeper holds that in the access blobs (see Secrets in
 * ARCHITECTURE.md); here they are asked for and put into the store.
 */
#ifndef WEBUI_KEY_GRANT_H
#define WEBUI_KEY_GRANT_H

#include "webui/http/handler.h"

/* The certificates that use a key, and `another` (NULL: none), as key_grant wants them. */
int permit_certificates(struct txn *, const char *key_id, const char *another, struct buf *ids, struct err *);
/*
 * Asks for a key's new access blob.  proof: one of its API keys, or KEEPER_PROOF_PEER.  The answer's only field
 * is the blob; permit_put() it where the key still has the one that was read.
 */
int permit_ask(struct request *, const char *key_id, struct slice access, struct slice ids, const char *proof,
	       answer_fn *);
int permit_put(struct txn *, const char *key_id, struct slice before, struct slice access, struct err *);

#endif
