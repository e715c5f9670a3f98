/* The dialogues that lead to TLS in protocols that begin without it: starttls.def, without any I/O. */
#ifndef DAEMON_TRACK_STARTTLS_H
#define DAEMON_TRACK_STARTTLS_H

#include "base/buf.h"
#include "base/err.h"

#define STARTTLS_ANSWER_MAX 16384	/* bytes of one answer */

struct starttls {
	const char *protocol;	/* of starttls.def; borrowed */
	const char *host;	/* who is asked for; borrowed */
	const char *own;	/* who we are; borrowed */
	int step;
};
/* Of a protocol of starttls.def; anything else ("") is over before it begins. */
void starttls_init(struct starttls *, const char *protocol, const char *host, const char *own);
bool starttls_is_over(const struct starttls *);		/* TLS begins */
/* Adds what is to be sent now; nothing, where the other side speaks first. */
void starttls_say(const struct starttls *, struct buf *out);
/*
 * Reads what was received: 1: the answer is there and taken off (the next step is to be said), 0: more is needed,
 * -1: refused, or not understood; e says which and holds the other side's own words in its detail.
 */
int starttls_hear(struct starttls *, struct buf *in, struct err *);

#endif
