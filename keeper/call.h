/*
 * One question under way inside the keeper, for the files whose functions answer rows of proto.def.
 * Private to keeper/.
 */
#ifndef KEEPER_CALL_H
#define KEEPER_CALL_H

#include "keeper/access.h"
#include "keeper/ops.h"

/* Its fields go by their names in proto.def. */
struct call {
	const struct room *room;
	const struct proto_op *op;
	struct message question;
	int proof_fd;
	struct buf answer[KEEPER_FIELDS];
};

struct slice call_in(const struct call *, const char *name);
struct buf *call_out(struct call *, const char *name);
/* A field as a string; NULL if a NUL would hide part of it. */
const char *call_text(const struct call *, const char *name, struct err *);
/* Is the proof the other end of a connection of this machine? */
bool call_by_peer(const struct call *);

#define OP(name, lane, who, question, answer) int op_##name(struct call *, struct err *);
#include "keeper/proto.def"
#undef OP

#endif
