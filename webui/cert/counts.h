/*
 * How many certificates there are of each status, and which of them need somebody.  Counting walks through all of them,
 * so a thread keeps what it found until a certificate changes, or a minute is over: some statuses come with time alone.
 * For those who see only a part of them it counts each time.
 */
#ifndef WEBUI_CERT_COUNTS_H
#define WEBUI_CERT_COUNTS_H

#include "store/status.h"

#define TALLY_URGENT 64		/* certificates of a status that are named */
#define TALLY_DAYS 90		/* that are looked ahead */

struct scope;
struct tally;
struct tally *tally_new(void);
void tally_free(struct tally *);

struct tally_numbers {
	int64_t count[STATUSES], all;
	int64_t next_expiry;			/* of those that are valid and not switched off; 0: none */
	int64_t expiring[TALLY_DAYS];		/* how many end in so many days */
	int64_t renewing[TALLY_DAYS];		/* how many are to be renewed in so many days; 0: that is due, too */
	int64_t urgent_all;			/* how many need somebody */
	size_t urgent;				/* how many of them follow */
	struct tally_urgent {
		int64_t end;			/* until when it can be trusted; INT64_MAX: nobody misses it yet */
		char id[64];
	} urgent_cert[TALLY_URGENT * STATUSES];	/* what is compromised, then by end */
};
/* Of what is in the scope.  Borrowed until the next call.  NULL and e on failure. */
const struct tally_numbers *tally_get(struct tally *, struct store *, const struct scope *, struct err *);

#endif
