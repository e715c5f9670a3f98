/*
 * etcd, by its JSON gateway (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/): requests to whichever member
 * answers.  When one does not, the next request goes to the next.  A password becomes a token, which is fetched anew
 * when the members have forgotten it.
 *
 * All on one loop.  int64 are strings in etcd's JSON, and what is 0, false or empty is left out: see etcd_json.h.
 */
#ifndef DAEMON_CLUSTER_ETCD_H
#define DAEMON_CLUSTER_ETCD_H

#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"

struct etcd;
struct etcd_call; /* one request under way */

struct etcd_options {
	const char *endpoints;       /* URLs, separated by blanks */
	const char *ca_file;         /* "": the system's roots */
	const char *user, *password; /* "": none is needed */
};

struct etcd *etcd_new(struct loop *, const struct etcd_options *); /* copies them */
void etcd_free(struct etcd *);                                     /* cancels what is under way; NULL is fine */

/* The answer and the error are valid during the callback only; one of them is NULL. */
typedef void etcd_cb(void *arg, const json_t *answer, const struct err *);
/*
 * POST /v3/<path>.  body: taken over.  The callback comes later, never from inside, and never after etcd_cancel().
 *	ERR_NETWORK: no answer, or it was no member with a quorum: the request may have been executed, or will be
 *	ERR_LIMIT: etcd's quota is used up (NOSPACE)
 *	others: refused
 */
struct etcd_call *etcd_ask(struct etcd *, const char *path, json_t *body, int timeout_ms, etcd_cb *, void *arg);
/* The same to the member at this place in the list of endpoints, whatever it says of others. */
struct etcd_call *etcd_ask_member(struct etcd *, size_t member, const char *path, json_t *body, int timeout_ms,
				  etcd_cb *, void *arg);
/*
 * An answer without an end: the callback comes with each message of the stream, which it must not cancel then, and at
 * last with an error.
 */
struct etcd_call *etcd_stream(struct etcd *, const char *path, json_t *body, etcd_cb *, void *arg);
void etcd_cancel(struct etcd_call *); /* NULL is fine */

const char *etcd_endpoint(const struct etcd *, size_t member); /* NULL: there are no more */

/* Do all endpoints use TLS, or are they of this machine?  -1: which one does not. */
int etcd_check_endpoints(const char *endpoints, struct err *);

#endif
