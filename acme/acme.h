/*
 * The ACME client (RFC 8555): accounts and orders as asynchronous steps on one loop.
 *
 * It knows nothing of storage, the web or keys.  What it needs it is given in struct acme_env,
 * whose functions must not call back from inside.
 */
#ifndef ACME_ACME_H
#define ACME_ACME_H

#include "base/buf.h"
#include "base/err.h"
#include "base/fetch.h"
#include "base/json.h"
#include "base/loop.h"

struct order;

/* An asynchronous answer: bytes, or an error.  Both are valid during the call only. */
typedef void acme_bytes_cb(void *arg, const struct slice *bytes, const struct err *err);

/* What proves control of one identifier.  All borrowed for the call. */
struct acme_answer {
	const char *type;	/* "http-01" or "dns-01" (RFC 8555 sections 8.3, 8.4) */
	const char *name;	/* the identifier, "*.x" for a wildcard */
	const char *token;
	const char *key_auth;	/* key authorization */
};

struct acme_env {
	struct loop *loop;
	struct fetcher *fetcher;
	int timeout_ms;		/* longest wait for one reply; 0: 30 s */
	int patience_ms;	/* longest wait in one step with all tries, where order.def has more; 0: as order.def */
	void *arg;		/* first argument of all below */

	/*
	 * sign, hmac, csr and publish call back exactly once, later, whatever happens meanwhile; if the order or
	 * registration is gone by then, the answer goes nowhere.
	 */

	/* JWS signature by the account key `key` (a name the caller chose), raw bytes. */
	void (*sign)(void *arg, const char *key, struct slice data, acme_bytes_cb *, void *cb_arg);
	/* HMAC-SHA-256 with the external account binding's MAC key `key`. */
	void (*hmac)(void *arg, const char *key, struct slice data, acme_bytes_cb *, void *cb_arg);

	/* The order has changed: order_save() it before anything else happens. -1 ends the order with e. */
	int (*save)(void *arg, struct order *, struct err *e);
	/*
	 * Publish these answers, all of the order's that are not proved yet, and call back (with no bytes) when the
	 * CA may look for them.  It may take minutes or days; the order has no deadline for it.  Called again with
	 * the same answers after a restart.
	 */
	void (*publish)(void *arg, struct order *, const struct acme_answer *, size_t count, acme_bytes_cb *, void *cb_arg);
	/* The certificate request for the order's names, DER. */
	void (*csr)(void *arg, struct order *, acme_bytes_cb *, void *cb_arg);
	/* The order is over: chain PEM (checked) or an error.  The caller stops serving its answers and frees it
	 * (order_free() is allowed inside). */
	void (*done)(void *arg, struct order *, const char *chain, const struct err *);
};

/* One CA directory: its URLs, cached, and its pool of nonces. */
struct acme;
/* ca_file NULL: the system's. */
struct acme *acme_new(const struct acme_env *, const char *directory, const char *ca_file);
void acme_free(struct acme *);		/* after its orders and registrations; NULL is fine */
const char *acme_directory(const struct acme *);

/* Who signs. */
struct acme_account {
	const char *key;	/* given to env->sign */
	const char *jwk;	/* pki/key.h spki_jwk() */
	const char *alg;	/* "ES256" */
	const char *kid;	/* account URL; NULL while registering */
};

/* Registers, or finds the account that has this key (RFC 8555 section 7.3). */
struct acme_registration {
	struct acme_account account;
	char *const *contact;		/* "mailto:..."; may be NULL */
	bool terms_agreed;		/* a person agreed to the CA's terms of service */
	const char *eab_kid;		/* NULL: no external account binding */
	const char *eab_key;		/* given to env->hmac */
};
struct acme_registered {
	const char *kid;		/* account URL */
	const char *terms;		/* URL of the terms; NULL: none */
	bool existing;			/* the CA knew this key already */
};
struct acme_register;			/* one under way */
struct acme_register *acme_register_start(struct acme *, const struct acme_registration *,
	void (*done)(void *arg, const struct acme_registered *, const struct err *), void *arg);
void acme_register_cancel(struct acme_register *);

/* Orders. */
struct order_params {
	struct acme_account account;	/* with kid */
	char *const *names;		/* normal identifiers */
	char *const *challenges;	/* challenge type for each of them, in the same order; NULL: http-01 for all */
	struct slice spki;		/* public key the certificate must be for */
};
/* owner: handed back by order_owner(), for the env's functions.  Copies everything. */
struct order *order_new(struct acme *, const struct order_params *, void *owner);
/* Takes up a saved order where it stood.  NULL and e if `state` is not what order_save() made. */
struct order *order_load(struct acme *, const struct order_params *, void *owner, const char *state, struct err *e);
void order_start(struct order *);		/* the first thing happens later, from the loop */
void order_free(struct order *);		/* cancels what is under way; NULL is fine */
/*
 * It has ended with this error.  Is it as well as before at the CA, so that it had better be saved and taken up again
 * later than replaced by a new one?
 */
bool order_goes_on(const struct order *, const struct err *);
void *order_owner(const struct order *);
char *order_save(const struct order *);		/* all that is needed to go on, JSON; owned */
const char *order_url(const struct order *);	/* at the CA; NULL until it has one */
const char *order_step_name(const struct order *);	/* a word of order.def */
/* "waiting for the CA to validate: www.example.org (2 of 3)"; borrowed. */
const char *order_activity(const struct order *);

/* order.def as data, for progress bars: number of steps, and the position (0..) and sentence of one. */
int order_steps(void);
int order_step_index(const char *name);		/* -1: no such step */
const char *order_step_text(const char *name);

/* problem.def as data. */
enum problem_policy { PROBLEM_RETRY, PROBLEM_WAIT, PROBLEM_FRESH, PROBLEM_PERSON };
/* By the word behind "urn:ietf:params:acme:error:"; unknown ones are PROBLEM_FRESH. */
enum problem_policy problem_policy(const char *code);
const char *problem_hint(const char *code);	/* NULL: unknown */

#endif
