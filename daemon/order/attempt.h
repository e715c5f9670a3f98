/*
 * What an attempt to issue a certificate has come to, written into its record: the version in force and the next
 * renewal, or the error and the next attempt.  Each in one transaction, with all that follows; -1: the store failed.
 */
#ifndef DAEMON_ORDER_ATTEMPT_H
#define DAEMON_ORDER_ATTEMPT_H

#include "daemon/engine/engine.h"

/* Code of an error: others know the private key by now, so that another order is needed, at once. */
#define ATTEMPT_COMPROMISED "compromisedKey"

struct issue_attempt {			/* an order; all borrowed */
	struct engine *engine;
	const struct rec_cert *cert;	/* as of the order's begin; reread before it is changed */
	const struct rec_account *account;
	struct rec_order *order;	/* put, as it is left */
	const struct order *acme;
	bool reopened;			/* it was kept from an attempt that failed */
};
/* The order has ended: with a chain (PEM, checked), or the reason why not. */
int attempt_ended(const struct issue_attempt *, const char *chain, const struct err *why, struct err *);
/* The attempt failed before there was an order. */
int attempt_no_order(struct engine *, const char *cert_id, const struct err *why, struct err *);

#endif
