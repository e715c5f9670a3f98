/*
 * The inside of an order: what runs it (order.c), its steps (order_apply.c, order_prove.c),
 * its memory (order_state.c).
 */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "acme/acme.h"
#include "acme/authz.h"
#include "acme/ca.h"
#include "acme/post.h"
#include "acme/ticket.h"

#define ORDER_AUTHZ_MAX 200	/* authorizations of one order */
#define ORDER_CHAINS_MAX 8	/* alternates that are looked at */

enum step {
#define STEP(name, text, seconds, late, saved) STEP_##name,
#include "acme/order.def"
#undef STEP
	STEPS,
	STEP_AGAIN = STEPS,	/* the same once more, after o->wait_ms */
	STEP_DONE,
	STEP_FAIL,		/* o->err says why */
};

struct order {
	struct acme *acme;
	void *owner;
	struct acme_account account;	/* owned */
	char *thumbprint;		/* of the account's key */
	char **names;
	char **challenges;		/* type for each name; NULL: the default for all */
	struct buf spki;
	char *replaces;			/* NULL: nothing, or the CA did not take it */
	bool chain_missed;			/* the CA does not offer that */
	char *profile, *preferred_chain;	/* NULL: as the CA likes */

	enum step step;
	int limit_ms;			/* of the step; 0: none */
	int64_t deadline;		/* of the step, clock_mono_ms() */
	struct timer late;		/* fires at the deadline */
	struct timer pause;		/* until the step is sent (again) */
	struct post *post;		/* at most one of these three is under way */
	struct ticket *ticket;
	struct ca_waiter waiter;

	bool its_turn;			/* it may ask for a new order, and what was saved before is durable */
	char *url, *finalize, *certificate;	/* at the CA; NULL until known */
	struct authz *authz;
	size_t authzs;
	char **offered;			/* types of challenges that they had, each once */
	struct buf csr;			/* DER; empty until made in this life */
	char *chain;			/* PEM; the result, or the best so far */
	char **alternates;		/* URLs of other chains for it */

	/* of the present step */
	size_t at;			/* the authorization it is at; of chains: 0 the CA's choice, then alternates */
	unsigned polls;			/* pauses made */
	int64_t wait_ms;
	int64_t retry_after;		/* the latest one in this round of polling */
	struct err refusal;		/* what the CA refused, while we look whether it had happened before */
	struct err trouble;		/* not final; explains a time-out */

	struct err err;			/* the last word */
	bool intact;			/* it ended without a verdict on the order */
	bool ran_out;			/* it ended when a step had had its time, at a CA that answers */
	bool finalized_again;		/* the CA had forgotten the request once in this life */
	char activity[512];
};

/* The step is sent (again), and its time begins. */
void order_again(struct order *);

/*
 * The steps.  Each may begin again after a crash, so order_send_x() tolerates that what it asks for has happened
 * already.  order_recv_x() fills e for STEP_FAIL.
 */
#define STEP(name, text, seconds, late, saved) \
	void order_send_##name(struct order *); \
	enum step order_recv_##name(struct order *, const struct reply *, struct err *);
#include "acme/order.def"
#undef STEP

/* The only callback: a reply, a time-out or a local completion arrives here, and goes to order_recv_x(). */
void order_resume(void *order, const struct reply *);

/* What order_send_x() may ask. */
void order_post(struct order *, const char *resource, const char *url, const char *payload, const char *accept);
void order_post_as_get(struct order *, const char *url);
void order_turn(struct order *);		/* nobody: the reply is empty */
/* True: what the CA offers is not known yet; the step is sent again when it is, or cannot be had. */
bool order_awaits_ca(struct order *);

/* What order_recv_x() may answer, besides the next step. */
enum step step_again(struct order *);
/* Again after Retry-After, or else a growing pause. */
enum step step_poll_again(struct order *, int64_t retry_after);
/*
 * It fails as the reply says.  What the CA gave us a URL for and does not know any more is gone, and the order with it.
 */
enum step step_failed(struct order *, const struct reply *, struct err *);
/* It fails as o->refusal says: what the CA refused before had not happened, as we have seen since. */
enum step step_refused(struct order *, struct err *);
/*
 * A CA may lose what it was told, with an answer of 2xx: how long its state is looked at before it is told again, ms.
 */
int64_t step_forgets_ms(const struct order *);

/* The authorizations that the order lists. */
int order_read_authz(struct order *, const struct reply *, struct err *);
/* All is proved already, in earlier orders: which authorizations that are is kept, but not needed. */
void order_note_proved(struct order *, const struct reply *);

void order_describe(struct order *);	/* brings the activity up to date */
void order_stop(struct order *);	/* lets go of all that could call back */
void order_set(char **field, const char *value);	/* a copy of it, instead of what was there */
void order_set_authz(struct order *, size_t count);	/* so many empty ones, replacing those it had */

#endif
