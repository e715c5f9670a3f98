/*
 * How many certificates were issued and failed on each of the last days (UTC), by account: from the audit log.  A
 * thread keeps what it counted and reads only the events since; what was before is counted a piece at a time, so no
 * request waits for a long log.  For those who see only a part it counts each time.
 */
#ifndef WEBUI_CERT_ISSUED_H
#define WEBUI_CERT_ISSUED_H

#include "store/record/record.h"

#define ISSUED_DAYS 30
#define ISSUED_ACCOUNTS 6	/* that have a number of their own; the last one's is that of all others */

struct scope;
struct issued;
struct issued *issued_new(void);
void issued_free(struct issued *);

struct issued_numbers {
	int64_t today;			/* days since 1970 */
	size_t accounts;
	struct issued_account {
		char id[64];		/* "": others, and accounts that are gone */
		int64_t issued[ISSUED_DAYS];	/* today, yesterday, ... */
	} account[ISSUED_ACCOUNTS];
	int64_t failed[ISSUED_DAYS];
	bool partial;			/* older events are not counted yet */
};
/* Of what is in the scope, as the transaction sees it.  Borrowed until the next call.  NULL and e on failure. */
const struct issued_numbers *issued_get(struct issued *, struct store *, struct txn *, const struct scope *,
					int64_t now, struct err *);

#endif
