/* What the keeper does with a question: one small function per row of proto.def. */
#ifndef KEEPER_OPS_H
#define KEEPER_OPS_H

#include "keeper/proto.h"
#include "keeper/seal.h"

struct witnesses;
/*
 * What the keeper knows; fixed once it serves,
 * so that all its threads may read it (witnesses has a lock of its own).
 */
struct room {
	struct seal seal;
	pid_t daemon;		/* whom no proof comes from */
	uid_t user;		/* who may prove, beside root */
	struct witnesses *witnesses;	/* who has just given a password, see person.h */
	struct buf nobody;	/* an access blob that belongs to no one, see access_check */
};
void room_init(struct room *, const unsigned char master_key[SEAL_KEY_SIZE], const char *origin, pid_t daemon);
void room_release(struct room *);	/* wipes */

/*
 * Answers one packet, whatever it holds: `answer` gets a whole packet for its id.
 * proof_fd stays the caller's.  Safe from any thread.
 */
void ops_answer(const struct room *, struct slice packet, int proof_fd, struct buf *answer);
/* Is it work for another thread? */
bool ops_slow(struct slice packet);

#endif
