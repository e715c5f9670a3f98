/* What the keeper does with a question: one small function per row of proto.def. */
#ifndef KEEPER_OPS_H
#define KEEPER_OPS_H

#include "base/process/local_admin.h"
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
	struct local_admins admins;     /* and beside both */
	struct witnesses *witnesses;	/* who has just given a password, see person.h */
	struct at_hand *at_hand;	/* keys that signed last */
	struct log_mark *log_mark;	/* how far the audit log is known */
	struct marks *marks;	/* what is older than what the store held */
	struct buf nobody;	/* an access blob that belongs to no one, see access_check */
};
void room_init(struct room *, const unsigned char master_key[SEAL_KEY_SIZE], const char *origin, pid_t daemon);
void room_release(struct room *);	/* wipes */

/*
 * Answers one packet, whatever it holds: `answer` gets a whole packet for its id.
 * proof_fd stays the caller's.  Safe from any thread.
 */
void ops_answer(const struct room *, enum proto_asker, struct slice packet, int proof_fd, struct buf *answer);
/* Where it waits for its turn.  FAST also for what is no question: the answer says so. */
enum proto_lane ops_lane(const struct message *question);
/* Who brings the file: of an UPLOAD. */
struct slice ops_visitor(const struct message *question);

#endif
