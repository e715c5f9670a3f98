/* Numbers of days before an end: "30 14 7 3 1". */
#ifndef BASE_DAYS_H
#define BASE_DAYS_H

#include "base/err.h"

#define DAYS_MOST 20	/* numbers */
#define DAYS_LARGEST 365

struct days {
	int64_t day[DAYS_MOST + 1];	/* the largest first, each once */
	int count;
};

/* Separated by blanks or commas, in any order; none is fine.  -1 with ERR_INVALID: it is something else. */
int days_read(struct days *, const char *text, struct err *);
/* Adds one that is not there; what does not fit is left out. */
void days_add(struct days *, int64_t day);
/* Is one of them in [from, below)? */
bool days_has_between(const struct days *, int64_t from, int64_t below);

#endif
