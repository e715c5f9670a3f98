/*
 * Answers to http-01 challenges (RFC 8555 section 8.3), and probes that are fetched like them: what is stored is
 * served.
 */
#ifndef DAEMON_CHALLENGE_ANSWERS_H
#define DAEMON_CHALLENGE_ANSWERS_H

#include "store/record/record.h"

/* owner: the id of an order, or "check/" and that of a certificate. */
int answers_put(struct txn *, const char *owner, const char *token, const char *answer, struct err *);
/* No answer of the owner, or of "owner/...", is served any more. */
int answers_delete(struct txn *, const char *owner, struct err *);

#endif
