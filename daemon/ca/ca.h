/* Who talks to CAs: one client a directory, and the account keys that sign for it. */
#ifndef DAEMON_CA_CA_H
#define DAEMON_CA_CA_H

#include "daemon/engine/engine.h"

/* The functions of struct acme_env that are about an order (daemon/order has them). */
struct order_calls {
	int (*save)(void *engine, struct order *, struct err *);
	void (*turn)(void *engine, struct order *, acme_bytes_cb *, void *cb_arg);
	void (*publish)(void *engine, struct order *, const struct acme_answer *, size_t count, acme_bytes_cb *,
			void *cb_arg);
	void (*csr)(void *engine, struct order *, acme_bytes_cb *, void *cb_arg);
	void (*done)(void *engine, struct order *, const char *chain, const struct err *);
};

struct ca {
	struct ca *next;
	struct acme *acme;
	char *directory, *ca_file;
};
struct acme *ca_client(struct engine *, const struct rec_account *);
void ca_release(struct engine *);
/* What acme/ needs to know of an account; strings borrowed from the record and from the engine. */
int ca_account(struct engine *, struct txn *, const struct rec_account *, struct acme_account *out, struct err *);
/* The same of a generation of a key by itself (id: of the key version), without kid. */
int ca_key(struct engine *, struct txn *, const char *key_version_id, struct acme_account *out, struct err *);
/* The account has another key now: it is read again before its next use. */
void ca_forget_account(struct engine *, const char *account_id);
void ca_forget_accounts(struct engine *);	/* all of them */
/* Asks the keeper and hands field `field` of its answer on. */
void ca_ask(struct engine *, enum keeper_op, const struct slice *, size_t count, size_t field, acme_bytes_cb *,
	    void *cb_arg);
/* Answers from the loop with these bytes. */
void ca_give_later(struct engine *, struct slice, acme_bytes_cb *, void *cb_arg);
/* Answers from the loop: with no bytes, but the error. */
void ca_refuse_later(struct engine *, const struct err *, acme_bytes_cb *, void *cb_arg);

#endif
