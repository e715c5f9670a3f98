/*
 * One request as the handlers see it.  Private to webui/.
 *
 * A handler (page_fn) answers with one of the functions of face.h and reply.h and returns 0, or asks the keeper and
 * goes on in an answer_fn (ask.h), or returns -1 with e, which is then the answer.
 */
#ifndef WEBUI_HTTP_REQUEST_H
#define WEBUI_HTTP_REQUEST_H

#include "base/http/answer.h"
#include "store/record/record.h"
#include "webui/elsewhere.h"
#include "webui/gate/gate.h"

#define CHANGED_MOST 4

struct bell;
struct consumers;
struct issued;
struct facet_cache;
struct refusals;
struct tally;
struct troubles;

struct webui {
	struct loop *loop;
	struct keeper_client *keeper;
	const struct webui_env *env;
	const struct webui_settings *settings;
	struct consumers *consumers;
	struct tally *tally;
	struct issued *issued;
	struct troubles *troubles;
	struct facet_cache *facets;
	struct refusals *refusals;
	struct request *requests;	/* those not answered yet */
	struct request *held;		/* of these, those whose answer waits until it is durable */
	struct bell *bell;		/* of those */
	struct bell *stream_bell;	/* what streams show has changed */
	struct timer stream_pause;	/* until they look */
	int streams;			/* of these, those that are streams */
	webui_take_fn *take;		/* see webui_elsewhere(); NULL: there are no other nodes */
	webui_note_fn *note;
	void *elsewhere;		/* for both */
};

struct request {
	struct webui *webui;
	struct http_exchange *exchange;	/* the request as it came, and the way back */
	struct request *next, *next_held;
	uint64_t seen;			/* the newest batch of the store that it has to do with, see store/db/bell.h */
	int status;			/* its answer, while that waits until it is durable */
	char *type;
	struct buf body;
	const struct route *route;	/* NULL: we have none for it */
	struct visitor visitor;
	char from[ADDRESS_TEXT];	/* the visitor's address, for people */
	struct params path;		/* what :x and *x in the route's path stood for */
	struct buf fields;		/* headers of the answer */
	bool head;			/* the body of the answer is not wanted */
	bool html;			/* a browser asks: the answer is a page */
	bool api;			/* something under /api/v1 that does not exist: the answer is a problem */
	json_t *form;			/* the texts of a browser's form by their names (form.h); NULL: it sent none */
	json_t *fault;			/* why it was not taken, a problem: its page is being shown again */
	int fault_status;
	json_t *plan;			/* what a form would do (dry_run): its page is being shown again with this */
	char *list_query;		/* of a list that is to be mailed, in place of the URL's; NULL: none is */
	char *page, *page_query;	/* path and query of that page; NULL: what was asked for */
	struct keeper_question *question;
	struct timer look;		/* while it is under way: is anybody there to be answered? */
	int (*stream)(struct request *, struct buf *);	/* see stream.h; NULL: the answer is a whole */
	struct timer next_event;
	/* list.h */
	int (*take_csv)(struct request *, const struct buf *csv, int64_t shown, int64_t total, struct err *);
	int (*take_ids)(struct request *, char **taken, int64_t total, struct err *);	/* of a list: only which rows */
	/* of the list: all of it, as many rows as this; 0: the page that is asked for */
	int64_t ids_most;
	/* clock_mono_ms() when it is asked for the last time; 0: when it says so itself */
	int64_t stream_ends;
	int (*answered)(struct request *, const struct slice *field, struct err *);
	char *changed[CHANGED_MOST];	/* ids: the keeper was asked for a new blob of these, see settle.h */
	void *state;			/* the handler's, see request_state() */
	void (*state_release)(void *);
};

/* All that wait for an answer end without one. */
void requests_drop(struct webui *);

const char *request_header(const struct request *, enum http_field);	/* NULL: it is not there */
/* The value of a cookie; owned, NULL: there is none. */
char *request_cookie(const struct request *, const char *name);
struct slice request_body(const struct request *);
/* "https://certera.example.org", with the port unless it is 443; owned. */
char *request_server(const struct request *);
/* The path of the page, and with its query as it came (owned). */
const char *request_path(const struct request *);
char *request_here(const struct request *);
/* Add the parameters of the URL, and those of a form sent as the body. */
int request_query(const struct request *, struct params *, struct err *);
int request_form(const struct request *, struct params *, struct err *);
/*
 * What shows the keeper that this visitor may have private keys, and the socket that goes along (-1: none): the other
 * end of the control socket, or the keeper's own word, given in the last minutes, that the visitor knows the password.
 * "" if there is neither: ask admin_confirmed() before.
 */
const char *request_proof(const struct request *);
int request_proof_socket(const struct request *);
/* That of the control socket's connection; -1: it is another face, or gone. */
int request_socket(const struct request *);

/* Memory that lives as long as the request, zeroed; release (may be NULL) gets it before it is wiped and freed. */
void *request_state(struct request *, size_t size, void (*release)(void *state));

/* For those who lead a request through: its end, and that of the handler's memory. */
void request_free(struct request *);
void request_forget(struct request *);

/* `_cleanup_body_ json_t *`: secrets may be in it, so its strings are wiped. */
#define _cleanup_body_ _cleanup_(cleanup_body)
void cleanup_body(json_t **);

#endif
