/*
 * Removing as many records as there are: what belonged to something that is removed, or to a user who is.
 *
 * The transaction that removes the thing itself removes the first of them; what does not fit into it is left to a row
 * of the agenda, which goes on in steps (daemon/engine/sweep.c).
 */
#ifndef STORE_LEFTOVER_H
#define STORE_LEFTOVER_H

#include "store/record/record.h"

/* The records of that type whose ids begin with the prefix. */
int leftover_remove(struct txn *, const struct record_type *, const char *prefix, struct err *);
/* "parent/...": all children of one. */
int leftover_remove_children(struct txn *, const struct record_type *, const char *parent, struct err *);
/* What a removed user had is nobody's; tokens, sessions, and alerts to this user alone, end. */
int leftover_leave(struct txn *, const char *user_id, struct err *);

/* The rows AGENDA_leftover and AGENDA_departed, by their ids: one step.  The row goes, or is due for the next step. */
int leftover_go_on(struct txn *, const char *id, struct err *);
int leftover_leave_on(struct txn *, const char *user_id, struct err *);

#endif
