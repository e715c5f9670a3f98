/*
 * One request as the handlers see it, and the ways to answer it.  Private to webui/.
 *
 * A handler (page_fn) answers with one of the reply functions and returns 0, or asks the keeper and goes
 * on in an answer_fn, or returns -1 with e, which is then the answer.  A reply ends the request: it is
 * not to be used any more.
 */
#ifndef WEBUI_REQUEST_H
#define WEBUI_REQUEST_H

#include "base/json.h"
#include "store/record.h"
#include "webui/gate.h"

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
	struct evhttp_request *ev;	/* evhttp's; webui.c alone uses it */
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
	json_t *plan;			/* what a form would do, asked with dry_run: its page is being shown again with this */
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
 * What shows the keeper that this visitor may have private keys, and the socket that goes along (-1: none): the other end
 * of the control socket, or the keeper's own word, given in the last minutes, that the visitor knows the password.
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

/* One more header of the answer. */
void reply_header(struct request *, const char *name, const char *value);
/* The answer.  All return 0, so that `return reply(...)` reads well. */
int reply(struct request *, int status, const char *type, struct slice body);
int reply_text(struct request *, int status, const char *text);
/* The value, which it takes: as JSON, or for a browser in the template of its row. */
int reply_json(struct request *, int status, json_t *value);
int reply_see_other(struct request *, const char *path);		/* 303: the browser goes on there with GET */
int reply_empty(struct request *, int status);
/*
 * Events for a page (text/event-stream) until more() says that it is over, which it is asked now and every half second:
 * adds what is to be sent; 0: go on, 1: that was the end.  ERR_LIMIT: there are too many already.
 */
int reply_stream(struct request *, int (*more)(struct request *, struct buf *), struct err *);
/* As a sentence, or as an RFC 9457 problem for admins and who asks for it.  What is wrong inside goes to the log. */
int reply_error(struct request *, const struct err *);

#endif
