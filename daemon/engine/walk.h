/*
 * Walks over all records of a type, on the engine's loop: a step a turn, so that orders and answers get their turn
 * between two, and none gets far ahead of the disk.
 */
#ifndef DAEMON_ENGINE_WALK_H
#define DAEMON_ENGINE_WALK_H

#include "daemon/engine/engine.h"

struct walk_of {
	const struct record_type *type;
	record_step_fn *fn;		/* one record, in a transaction; see record_each_in_steps() */
	void (*done)(void *arg, const struct err *failed);	/* failed NULL: all are done */
	void *arg;			/* of both */
};
struct engine_walk;
struct engine_walk *walk_start(struct engine *, const struct walk_of *);
void walk_cancel(struct engine_walk *);	/* NULL is fine */

/*
 * Planners: what gets records a row of the agenda that have none, because a former program knew no such rows or a
 * setting has changed.  The store remembers what was planned for (a mark); a start that finds it as it must be looks at
 * no record.
 */
struct planner {
	const char *id;
	const struct record_type *type;
	/*
	 * For fn, to be freed by free(); and what it depends on besides the records, as text.  That begins with a
	 * number, which grows when fn plans differently.  -1: e.
	 */
	int (*begin)(struct engine *, struct txn *, void **arg, struct buf *mark, struct err *);
	record_step_fn *fn;
};
void planning_init(struct engine *);
void planning_release(struct engine *);		/* also of one that has none */
void planning_begin(struct engine *);		/* all planners, one after the other; what is under way begins again */

#endif
