/*
 * Messages between the daemon and the keeper.  One message is one packet of a channel:
 *
 *	u32 id, u8 code, u8 count, then `count` times: u32 length, the bytes, one NUL
 *
 * all big-endian.  The answer carries the id of its question.  Names and order of the
 * fields are proto.def's; the NUL behind each lets text be read as a string in place.
 */
#ifndef KEEPER_PROTO_H
#define KEEPER_PROTO_H

#include "keeper/keeper.h"

#define PROTO_HEADER 6

/* The code of a question is its op; that of an answer one of these. */
enum proto_status {
	PROTO_OK,
	PROTO_ERROR,	/* fields: kind, message, hint, code */
};

/*
 * In place of an op: whoever asked the question with this id does not want its answer any more.  Nothing is answered;
 * what has not been begun is dropped.
 */
#define PROTO_FORGET 0xff

struct message {
	uint32_t id;
	unsigned char code;
	size_t count;
	struct slice field[KEEPER_FIELDS];	/* borrowed: from the packet when decoded */
};

int proto_encode(struct buf *packet, const struct message *, struct err *);
void proto_encode_err(struct buf *packet, uint32_t id, const struct err *);
/* On failure id and code are set, if the packet has at least PROTO_HEADER bytes. */
int proto_decode(struct message *, struct slice packet, struct err *);
void proto_decode_err(const struct message *, struct err *);

enum proto_lane {
	FAST,
	SIGN_IN,	/* passwords */
	RENEWAL,	/* keys that the engine waits for */
	SLOW,		/* keys, and files with keys, that people wait for */
	UPLOAD,		/* files that people bring: nobody knows what reading them takes */
	LANES
};

/* Who asks, by the channel that a question comes by. */
enum proto_asker { ENGINE = 1, DESK = 2, BOTH = ENGINE | DESK };

struct proto_op {
	const char *name;
	enum proto_lane lane;
	enum proto_asker who;
	const char *question, *answer;	/* names of the fields */
};
const struct proto_op *proto_op(unsigned code);	/* NULL: there is none */

size_t proto_arity(const char *names);
/* Which of the names it is; asking for another is a bug and dies. */
size_t proto_index(const char *names, const char *name);

#endif
