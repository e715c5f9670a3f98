/*
 * Work that waits inside the keeper, in lanes.  Not safe by itself: the server has a lock around it.
 *
 * A lane is first come, first served, but that of people's files: there visitors take turns, one file each.  Every lane
 * has room for so many, and that of files for so many of one visitor.
 */
#ifndef KEEPER_LANES_H
#define KEEPER_LANES_H

#include <sys/queue.h>

#include "keeper/proto.h"

struct lane_job {		/* a question that is not answered at once */
	TAILQ_ENTRY(lane_job) link;
	void *asker;		/* where the answer goes, */
	uint32_t id;		/* and under which number */
	enum proto_asker who;
	enum proto_lane lane;
	char *visitor;		/* of a file; NULL: it is none */
	uint64_t turn;
	struct buf question, answer;
	int proof_fd;
};
TAILQ_HEAD(jobs, lane_job);
void job_free(struct lane_job *);	/* wipes; NULL is fine */

struct lanes {
	struct jobs waiting[LANES];
	int count[LANES];		/* waiting or under way */
	uint64_t turn;			/* of the file taken last */
	char *visitor;			/* whose it was */
};
void lanes_init(struct lanes *);
/* Takes the job.  -1 with ERR_LIMIT: too many are there, and the job is still the caller's. */
int lanes_add(struct lanes *, struct lane_job *, struct err *);
/* The next of this lane; the caller's until lanes_over().  NULL: there is none. */
struct lane_job *lanes_take(struct lanes *, enum proto_lane);
/* A job that was taken is answered. */
void lanes_over(struct lanes *, const struct lane_job *);
/* The question is not wanted any more: it goes, unless it was taken. */
void lanes_forget(struct lanes *, const void *asker, uint32_t id);

#endif
