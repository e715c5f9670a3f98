/* Problem documents of a CA (RFC 8555 section 6.7, RFC 9457) as errors of ours. */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include "base/err.h"
#include "base/json.h"

/* Words of problem.def that no CA sends. */
#define PROBLEM_ORDER_GONE   "orderGone"
#define PROBLEM_NO_CHALLENGE "noChallenge"
#define PROBLEM_NOT_OFFERED  "notOffered"
#define PROBLEM_PAUSED       "paused"

/* Is this JSON a problem document? */
bool problem_is(const json_t *);
/*
 * Fills e from a problem: message "fmt: 403 unauthorized" (no number if status is 0), code the word of
 * its type, detail the CA's own words with those of its subproblems, parts those that name an identifier, hint out of
 * problem.def.  Whatever type comes with 501, it is PROBLEM_NOT_OFFERED: some CAs have no better one for it.
 */
int problem_read(const json_t *problem, int status, struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Sets a word of problem.def and its hint on an error that has its sentence already. */
int problem_code(struct err *e, const char *code);
/*
 * A CA said it of a name that it looked at, by this type of challenge (NULL: not known): a hint out of proof.def, where
 * there is one.
 */
int problem_of_proof(struct err *e, const char *challenge);
/* It was said of an account or a certificate that is there, not of an order: hints about names are not true there. */
int problem_of_account(struct err *e);

#endif
