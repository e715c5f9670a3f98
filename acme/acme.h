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
#include "base/fetch/fetch.h"
#include "base/json.h"
#include "base/loop.h"

struct order;

/* An asynchronous answer: bytes, or an error.  Both are valid during the call only. */
typedef void acme_bytes_cb(void *arg, const struct slice *bytes, const struct err *err);

/* What proves control of one identifier.  All borrowed for the call. */
struct acme_answer {
	const char *type;	/* as in order_params.challenges, like "http-01" */
	const char *name;	/* the identifier, "*.x" for a wildcard */
	const char *token;
	const char *key_auth;	/* key authorization */
};

struct acme_env {
	struct loop *loop;
	struct fetcher *fetcher;
	int timeout_ms;		/* longest wait for one reply; 0: 30 s */
	int patience_ms;	/* longest wait, all tries of an order's step or another request; 0: as these say */
	void *arg;		/* first argument of all below */

	/*
	 * sign, hmac, csr, turn and publish call back exactly once, later, whatever happens meanwhile; if the order or
	 * registration is gone by then, the answer goes nowhere.
	 */

	/* JWS signature by the account key `key` (a name the caller chose), raw bytes. */
	void (*sign)(void *arg, const char *key, struct slice data, acme_bytes_cb *, void *cb_arg);
	/*
	 * HMAC with the external account binding's MAC key `key`;
	 * alg "HS256", "HS384" or "HS512" (RFC 7518 section 3.2).
	 */
	void (*hmac)(void *arg, const char *key, const char *alg, struct slice data, acme_bytes_cb *, void *cb_arg);

	/*
	 * The order has changed: order_save() it before anything else happens.  -1 ends the order with e.  It may
	 * become durable later: what must not leave before that waits at the fetcher's barrier, and publish
	 * (order.def).
	 */
	int (*save)(void *arg, struct order *, struct err *e);
	/*
	 * It wants to ask for a new order: call back (with no bytes) when it may, which is not before all that was
	 * saved is durable.  It may take long; the order has no deadline for it.  NULL: it may at once.
	 */
	void (*turn)(void *arg, struct order *, acme_bytes_cb *, void *cb_arg);
	/*
	 * Publish these answers, all of the order's that are not proved yet, and call back (with no bytes) when the
	 * CA may look for them, which is not before all that was saved is durable.  It may take minutes or days; the
	 * order has no deadline for it.  Called again with the same answers after a restart.
	 */
	void (*publish)(void *arg, struct order *, const struct acme_answer *, size_t count, acme_bytes_cb *,
			void *cb_arg);
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
/* Other limits from now on, in the units of struct acme_env. */
void acme_set_limits(struct acme *, int timeout_ms, int patience_ms);
void acme_free(struct acme *);		/* after its orders and requests; NULL is fine */
/*
 * What the CA says of itself, as far as its directory was read already (every request does): does it offer this
 * resource ("renewalInfo"), its profiles as {name: description}, its terms of service.  NULL: none, or not known yet.
 * Borrowed until the next turn of the loop.
 */
bool acme_offers(const struct acme *, const char *resource);
const json_t *acme_profiles(const struct acme *);
const char *acme_terms(const struct acme *);
const json_t *acme_meta(const struct acme *);	/* RFC 8555 section 7.1.1; mind that its words are a stranger's */

/* Who signs. */
struct acme_account {
	const char *key;	/* given to env->sign */
	const char *jwk;	/* pki/key.h spki_jwk() */
	const char *alg;	/* "ES256" */
	const char *kid;	/* account URL; NULL while registering */
	int64_t key_changed;	/* when the CA got this key instead of another, unix seconds; 0: never */
};

/* Registers, or finds the account that has this key (RFC 8555 section 7.3). */
struct acme_registration {
	struct acme_account account;
	char *const *contact;		/* "mailto:..."; may be NULL */
	bool terms_agreed;		/* a person agreed to the CA's terms of service */
	const char *eab_kid;		/* NULL: no external account binding */
	const char *eab_key;		/* given to env->hmac */
	const char *eab_alg;		/* NULL: HS256 */
	bool only_existing;		/* find it, never make one: accountDoesNotExist if the CA knows no such key */
};
struct acme_registered {
	const char *kid;		/* account URL */
	const char *terms;		/* URL of the terms; NULL: none */
	bool existing;			/* the CA knew this key already */
	const json_t *account;		/* as the CA has it: status, contact, ... */
};
struct acme_register;			/* one under way */
struct acme_register *acme_register_start(struct acme *, const struct acme_registration *,
	void (*done)(void *arg, const struct acme_registered *, const struct err *), void *arg);
void acme_register_cancel(struct acme_register *);

/*
 * One request about an account or a certificate that is there.
 * The answer (NULL: it had none) is valid during the call only.
 */
struct acme_request;
typedef void acme_request_cb(void *arg, const json_t *answer, const struct err *);
void acme_request_cancel(struct acme_request *);	/* NULL, or from its own callback: harmless */

/* Sets the contacts (RFC 8555 section 7.3.2); an empty list removes them. */
struct acme_request *acme_contact_start(struct acme *, const struct acme_account *, char *const *contact,
					acme_request_cb *, void *arg);
/* A person agreed to the CA's changed terms (section 7.3.3). */
struct acme_request *acme_agree_start(struct acme *, const struct acme_account *, acme_request_cb *, void *arg);
/* For ever (section 7.3.6). */
struct acme_request *acme_deactivate_start(struct acme *, const struct acme_account *, acme_request_cb *, void *arg);
/*
 * The account's key becomes `fresh` (section 7.3.5), whose kid is not used.  Save it before: if the reply gets lost,
 * only acme_register_start() with the new key and only_existing tells which of the two the CA has.
 */
struct acme_request *acme_rollover_start(struct acme *, const struct acme_account *, const struct acme_account *fresh,
					 acme_request_cb *, void *arg);
/*
 * The account's orders (section 7.1.2.1), all pages: the answer is {"orders": [URL, ...]}.  ERR_MISSING: the CA
 * does not list them.
 */
struct acme_request *acme_orders_start(struct acme *, const struct acme_account *, acme_request_cb *, void *arg);

/* The account may issue for this authorization's name no more without proving it again (section 7.5.2). */
struct acme_request *acme_relinquish_start(struct acme *, const struct acme_account *, const char *authorization,
					   acme_request_cb *, void *arg);

/*
 * Revokes a certificate (section 7.6), signed by the account, or by the certificate's own key if `who` has no kid.
 * reason: a word of pki/revocation/reason.def.  "alreadyRevoked" is an error here: the caller knows what to make of it.
 */
struct acme_request *acme_revoke_start(struct acme *, const struct acme_account *who, struct slice der,
				       const char *reason, acme_request_cb *, void *arg);

/* When the CA wants a certificate renewed (RFC 9773). */
struct acme_renewal_info;		/* one request under way */
struct acme_window {
	int64_t start, end;		/* start < end */
	const char *explanation;	/* URL of a page for people; NULL: none */
	int64_t check_at;		/* when to ask again: in a minute at the earliest, in a day at the latest */
};
/*
 * Names a certificate to the CA: base64url(AKI) "." base64url(serial); both in hex, as in struct cert.
 * Owned; NULL: no AKI.
 */
char *acme_cert_id(const char *aki, const char *serial);
/*
 * Asks, without an account and once.  Error: e->kind ERR_MISSING if the CA offers no renewal information; e->retry_at
 * says when asking again makes sense (6 h if it would not help sooner; 0: the caller's backoff).
 */
struct acme_renewal_info *acme_renewal_info_start(struct acme *, const char *cert_id,
	void (*done)(void *arg, const struct acme_window *, const struct err *), void *arg);
void acme_renewal_info_cancel(struct acme_renewal_info *);

/* Orders. */
struct order_params {
	struct acme_account account;	/* with kid */
	char *const *names;		/* normal identifiers */
	char *const *challenges;	/* challenge type for each of them, in the same order; NULL: http-01 for all */
	struct slice spki;		/* public key the certificate must be for */
	/* acme_cert_id() of the certificate it renews; left out where the CA has no use for it; may be NULL. */
	const char *replaces;
	const char *profile;		/* a name of acme_profiles(); NULL: the CA's choice */
	/*
	 * Which of the chains the CA offers: the common name of the issuer at its top, or the SHA-256 fingerprint (hex)
	 * of one of its certificates.  NULL, or none is so: the CA's own choice.
	 */
	const char *preferred_chain;
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
/* Is it at a step where others are waited for: the publisher, or what the CA does in its own time? */
bool order_waits(const struct order *);
/* It has ended when a step had had its time, at a CA that can be reached. */
bool order_ran_out(const struct order *);
void *order_owner(const struct order *);
char *order_save(const struct order *);		/* all that is needed to go on, JSON; owned */
char *const *order_offered(const struct order *);	/* types of challenges that its authorizations had; borrowed */
char **order_authorizations(const struct order *);	/* their URLs at the CA, as far as they are known; owned */
bool order_chain_missed(const struct order *);	/* the chain preferred was not offered; another one is used */
const char *order_url(const struct order *);	/* at the CA; NULL until it has one */
const char *order_step_name(const struct order *);	/* a word of order.def */
/* "waiting for the CA to validate: www.example.org (2 of 3)"; borrowed. */
bool order_asks_first(const struct order *);		/* for itself: env.turn() says when */
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
enum problem_about { ABOUT_ACCOUNT, ABOUT_RIGHTS, ABOUT_CA, ABOUT_LIMIT, ABOUT_NAME, ABOUT_ORDER };
/* What it is about, as problem.def says; unknown ones: what is ordered. */
enum problem_about problem_about(const char *code);

#endif
