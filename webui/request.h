/*
 * One request as the handlers see it.  Private to webui/.
 *
 * A handler (page_fn) answers with one of the functions of reply.h and returns 0, or asks the keeper and goes
 * on in an answer_fn, or returns -1 with e, which is then the answer.
 */
#ifndef WEBUI_REQUEST_H
#define WEBUI_REQUEST_H

#include "store/record.h"
#include "webui/gate.h"
#include "webui/reply.h"

struct consumers;
struct evhttp_request;
struct face;
struct tally;

struct webui {
	struct loop *loop;
	struct keeper_client *keeper;
	const struct webui_env *env;
	const struct webui_settings *settings;
	struct consumers *consumers;
	struct tally *tally;
	struct face *faces;
	struct request *requests;	/* those not answered yet */
	int streams;			/* of these, those that reply_stream() answers */
};

struct request {
	struct webui *webui;
	struct evhttp_request *ev;	/* evhttp's; webui.c and reply.c alone use it */
	struct request *next;
	const struct route *route;	/* NULL: we have none for it */
	struct visitor visitor;
	char from[ADDRESS_TEXT];	/* the visitor's address, for people */
	struct params path;		/* what :x and *x in the route's path stood for */
	bool head;			/* the body of the answer is not wanted */
	bool html;			/* a browser asks: the answer is a page */
	json_t *form;			/* the texts of a browser's form by their names (form.h); NULL: it sent none */
	json_t *fault;			/* why it was not taken, a problem: its page is being shown again */
	int fault_status;
	json_t *plan;			/* what a form would do (dry_run): its page is being shown again with this */
	char *page, *page_query;	/* path and query of that page; NULL: what was asked for */
	struct keeper_question *question;
	int (*stream)(struct request *, struct buf *);	/* see reply_stream(); NULL: the answer is a whole */
	struct timer next_event;
	int (*answered)(struct request *, const struct slice *field, struct err *);
	void *state;			/* the handler's, see request_state() */
	void (*state_release)(void *);
};

const char *request_header(const struct request *, const char *name);	/* any case; NULL: it is not there */
struct slice request_body(const struct request *);
/* The path of the page, and with its query as it came (owned). */
const char *request_path(const struct request *);
char *request_here(const struct request *);
/* Add the parameters of the URL, and those of a form sent as the body. */
int request_query(const struct request *, struct params *, struct err *);
int request_form(const struct request *, struct params *, struct err *);
/* Goes on as if another page had been asked for. */
int request_show(struct request *, const char *path, const char *query, struct err *);
/*
 * What shows the keeper that this visitor may have private keys, and the socket that goes along (-1: none): the other
 * end of the control socket, or the keeper's own word, given in the last minutes, that the visitor knows the password.
 * "" if there is neither: ask admin_confirmed() before.
 */
const char *request_proof(const struct request *);
int request_proof_socket(const struct request *);
/* The connection's socket. */
int request_socket(const struct request *);

/* Memory that lives as long as the request, zeroed; release (may be NULL) gets it before it is wiped and freed. */
void *request_state(struct request *, size_t size, void (*release)(void *state));

/* Goes on with the keeper's answer: its fields as in proto.def.  If it fails, that is the answer. */
typedef int answer_fn(struct request *, const struct slice *field, struct err *);
int request_ask(struct request *, enum keeper_op, const struct slice *fields, size_t count, int proof_fd, answer_fn *);
#define REQUEST_ASK(r, op, proof_fd, answered, ...) \
	request_ask(r, KEEPER_##op, (const struct slice[]){ __VA_ARGS__ }, \
		    sizeof((const struct slice[]){ __VA_ARGS__ }) / sizeof(struct slice), proof_fd, answered)

/* For those who lead a request through (webui.c, attend.c, reply.c): its end, and that of the handler's memory. */
void request_free(struct request *);
void request_forget(struct request *);

#endif
