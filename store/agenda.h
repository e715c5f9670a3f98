/*
 * The agenda: one row for everything that happens later, ordered by due time.
 *
 * There is at most one row of a kind for an id; setting it again moves it.  An intent ("issue this
 * now") is a row that is due at once.
 */
#ifndef STORE_AGENDA_H
#define STORE_AGENDA_H

#include "store/db/store.h"

enum agenda_kind {
#define AGENDA_KIND(kind, number, doc) AGENDA_##kind = number,
#include "store/agenda.def"
#undef AGENDA_KIND
};

struct agenda_row {
	int64_t due;		/* unix seconds */
	enum agenda_kind kind;
	char id[64];
};

int agenda_set(struct txn *, enum agenda_kind, const char *id, int64_t due, struct err *);
int agenda_delete(struct txn *, enum agenda_kind, const char *id, struct err *);
int agenda_due(struct txn *, enum agenda_kind, const char *id, int64_t *due, struct err *);	/* 1 found, 0 not, -1 */
/* Up to `max` rows in order of due time.  Returns how many, or -1. */
int agenda_first(struct txn *, struct agenda_row *, int max, struct err *);
/*
 * Walks the rows that are due, in order.  fn: 0 go on, 1 stop, -1 fail with e; AGENDA_PASS: go on, and fn need not see
 * more rows of that kind and time.  *next: when the first row behind them is due, INT64_MAX if there is none or fn
 * stopped.
 */
#define AGENDA_PASS 2
typedef int agenda_each_fn(void *arg, const struct agenda_row *, struct err *);
int agenda_each_due(struct txn *, int64_t now, agenda_each_fn *, void *arg, int64_t *next, struct err *);
const char *agenda_kind_name(enum agenda_kind);
const char *agenda_kind_text(enum agenda_kind);	/* "issue or renew a certificate, ..." */

#endif
