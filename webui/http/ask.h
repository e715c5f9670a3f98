/* Asking the keeper for a request. */
#ifndef WEBUI_HTTP_ASK_H
#define WEBUI_HTTP_ASK_H

#include "keeper/keeper.h"
#include "webui/http/request.h"

/*
 * Goes on with the keeper's answer: its fields as in proto.def.  If it fails, that is the answer.  If the client closes
 * the connection, even half, there is no answer, and what the keeper has not begun is dropped.
 */
typedef int answer_fn(struct request *, const struct slice *field, struct err *);
int request_ask(struct request *, enum keeper_op, const struct slice *fields, size_t count, int proof_fd, answer_fn *);
#define REQUEST_ASK(r, op, proof_fd, answered, ...) \
	request_ask(r, KEEPER_##op, (const struct slice[]){ __VA_ARGS__ }, \
		    sizeof((const struct slice[]){ __VA_ARGS__ }) / sizeof(struct slice), proof_fd, answered)

#endif
