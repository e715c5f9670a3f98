/* Problem documents of a CA (RFC 8555 section 6.7, RFC 9457) as errors of ours. */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include "base/err.h"
#include "base/json.h"

/* Words of problem.def that no CA sends. */
#define PROBLEM_ORDER_GONE   "orderGone"
#define PROBLEM_NO_CHALLENGE "noChallenge"

/* Is this JSON a problem document? */
bool problem_is(const json_t *);
/*
 * Fills e from a problem: message "fmt: 403 unauthorized" (no number if status is 0), code the word of
 * its type, detail the CA's own words with those of its subproblems, parts those that name an identifier, hint out of
 * problem.def.
 */
int problem_read(const json_t *problem, int status, struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Sets a word of problem.def and its hint on an error that has its sentence already. */
int problem_code(struct err *e, const char *code);

#endif
