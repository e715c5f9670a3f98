/*
 * Requests and answers as bytes, between who holds the connections (the front) and who answers (the desk): packets on a
 * stream, several requests at once, each under an id.
 *
 *	front → desk:	REQUEST		GONE: its client is
 *	between nodes also NOTE (of no request: what was noted aside), and immediately before their REQUEST:
 *			VOUCHER, BODY ... (what the request's packet has no room for)
 *	desk → front:	ANSWER (its body goes on in PARTs, if it is long)
 *			BEGIN, PART, ... END		for a body whose length nobody knows
 *			DROP: there will be no (more) answer	LOOK: is the client still there?
 *	between nodes also BACK: this node does not lead, and has not looked at it
 *
 * The same packets go from a follower of a cluster to its leader (daemon/cluster/forward.h).
 *
 * An id is the front's, from REQUEST until it has the end of the answer.  All decoders are strict, and what they hand
 * out refers to the packet.  The desk takes nothing on trust: the texts of a request are checked once more, and the
 * control socket is none of the front's faces.
 */
#ifndef BASE_HTTP_PACKET_H
#define BASE_HTTP_PACKET_H

#include "base/http/answer.h"

#define PACKET_IDS 65536		/* ids are smaller: also a page that only watches has one */
#define PACKET_MOST (128 * 1024)	/* bytes of one */
#define PACKET_BODY_MOST (64 * 1024)	/* of a request, and of what one packet has of an answer's body */
#define PACKET_BODIES_MOST (1024 * 1024)	/* of a request between nodes: as much as the control socket takes */
#define PACKET_VOUCHER_MOST 256
#define PACKET_ANSWER_MOST (256 * 1024 * 1024)	/* of an answer's body in all */

enum packet_kind {
	PACKET_REQUEST = 1, PACKET_GONE,
	PACKET_ANSWER, PACKET_BEGIN, PACKET_PART, PACKET_END, PACKET_DROP, PACKET_LOOK,
	PACKET_VOUCHER, PACKET_BODY, PACKET_NOTE, PACKET_BACK,
	PACKET_KINDS
};

struct packet {
	enum packet_kind kind;
	uint32_t id;
	struct slice content;
};

/* The first packet: its size in bytes; 0: it is not whole; -1: these bytes are none. */
ssize_t packet_take(struct packet *, struct slice bytes);
/*
 * Hands each whole packet to one() and returns how many bytes these had; what is left is the begin of the next.  -1:
 * these bytes are no packets, or one() returned -1.  1: enough for now, what follows is left, too.
 */
ssize_t packet_each(struct slice bytes, int (*one)(void *arg, const struct packet *), void *arg);
/* One without content of its own form: GONE, PART, END, DROP, LOOK. */
void packet_add(struct buf *, enum packet_kind, uint32_t id, struct slice content);

/*
 * Only the headers that travel (field.def), with texts and a body as the reader lets them through.  One that is vouched
 * for (and then is the control socket's) travels as https without a peer: who has it says what it is.
 */
void packet_add_request(struct buf *, uint32_t id, const struct http_request *);
/* How much text http_request will refer to, at most. */
size_t packet_text_size(const struct packet *);
/* text: so much room, the caller's as long as the request is.  -1: it is none. */
int packet_request(const struct packet *, struct http_request *, char *text);

/* ANSWER with all PARTs, or BEGIN. */
void packet_add_answer(struct buf *, uint32_t id, const struct http_answer *, bool parts);
/* answer.body: what the packet has of it; *len: how long it is in all (BEGIN: 0).  -1: it is none. */
int packet_answer(const struct packet *, struct http_answer *, size_t *len);

#endif
