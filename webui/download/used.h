/* Who downloaded with an API key: what stops when it is replaced. */
#ifndef WEBUI_DOWNLOAD_USED_H
#define WEBUI_DOWNLOAD_USED_H

#include "base/json.h"
#include "store/db/store.h"

#define USED_MOST 50	/* addresses */

/*
 * Each address that used this API key (0: either of the two) of a certificate or key since it was made, with the newest
 * version it got and when: { slot, address, version, time, with_key (it got the private key, too) }, the newest first.
 * From the audit log, as far back as its last few thousand events of this object go, and the last use of the key, which
 * may be newer.  Downloads are noted some seconds later (consumer.h): one just before the key was replaced counts for
 * the new one.  New reference; NULL: the store failed.
 */
json_t *used_list(struct txn *, const char *id, int slot, struct err *);
/*
 * Members "slot", "purpose" (server or spare), "used" (by that key) and "other_used" (by the other one).  -1: slot is
 * neither 1 nor 2, or the store failed.
 */
int used_put(json_t *, struct txn *, const char *id, const char *slot, struct err *);

#endif
