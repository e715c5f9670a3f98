/*
 * The one way to ask a CA for something: a signed POST (RFC 8555 section 6.2).
 *
 * post_start() sees to the directory, a nonce and the signature, sends, and repeats by itself what is worth
 * repeating: refused nonces (re-signed), broken connections, a CA in trouble or asking to wait, as long as
 * the deadline leaves time.  Then comes one reply: the answer, or the last error.
 */
#ifndef ACME_POST_H
#define ACME_POST_H

#include "acme/acme.h"

struct reply {
	const struct err *err;	/* NULL: a 2xx answer, and JSON unless something else was asked for */
	int status;		/* HTTP status; 0: no answer arrived */
	const char *url;	/* that was asked */
	const json_t *json;	/* NULL: the body is not a JSON object */
	struct slice body;
	const char *location;	/* NULL: not given */
	int64_t retry_after;	/* unix seconds; 0: not given */
	const struct fetch_reply *http;	/* for other headers; NULL: no answer arrived */
};
/* All of the reply is valid during the call only. */
typedef void reply_cb(void *arg, const struct reply *);

struct post_request {
	const struct acme_account *account;	/* who signs; borrowed until the reply */
	const char *resource;	/* word of the directory: "newOrder", or NULL and ... */
	const char *url;
	const char *payload;	/* JSON text; "" makes it a POST-as-GET */
	const char *accept;	/* media type wanted; NULL: JSON */
	bool at_once;		/* it does not wait until what was saved before is durable */
	bool favoured;		/* it asks for more than it must; an answer of 500 that stays may be about that */
	int64_t deadline;	/* clock_mono_ms() behind which nothing is tried again */
};

struct post;
/* *handle is the caller's hold on it; it is NULL again when the callback runs.  Never calls back from inside. */
void post_start(struct post **handle, struct acme *, const struct post_request *, reply_cb *, void *arg);
void post_cancel(struct post **handle);		/* a handle of NULL is fine */
/* Why it has not succeeded so far; NULL: nothing went wrong yet, or there is none. */
const struct err *post_trouble(const struct post *);

/* A Retry-After further off is not believed; that of a rate limit may be longer: Let's Encrypt has limits of a week. */
#define RETRY_AFTER_MAX (24 * 3600)
#define LIMIT_MAX (8 * 24 * 3600)

#endif
