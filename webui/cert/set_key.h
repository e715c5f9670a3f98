/* A different key for a certificate that is there: one that exists, or a new one, which the keeper makes. */
#ifndef WEBUI_CERT_SET_KEY_H
#define WEBUI_CERT_SET_KEY_H

#include "webui/http/handler.h"

/*
 * Stands first in the state of a request that changes a certificate.  What is in the body's members "key" and "new_key"
 * is asked of the keeper before anything is changed; put into the store it is by the transaction of the change itself.
 */
struct set_key {
	struct rec_key key;		/* the one to be used; no name: the key stays */
	bool is_new;
	struct buf field[6];		/* of a new one: what the keeper answered when it made it */
	struct buf before, access;	/* its access blob as it was, and the one that names the certificate */
	char *cert_id;
	int (*then)(struct request *, struct err *);
};

void set_key_release(struct set_key *);
/* Goes on with then(), at once if the body names no other key. */
int set_key_ask(struct request *, struct set_key *, const json_t *body, int (*then)(struct request *, struct err *),
		struct err *);
/* In the transaction of the change: 1: the certificate has the key now; 0: it stays as it was. */
int set_key_put(struct request *, struct txn *, const struct set_key *, struct rec_cert *, struct err *);
/*
 * The key that a certificate may use by this name: in the visitor's scope, for certificates, confirmed by a password.
 */
int set_key_find(struct request *, struct txn *, const char *name, bool site, struct rec_key *, struct err *);
/*
 * May its names or its key be others?  Not while an order is under way, nor if they are those of a file or of a
 * request.
 */
int set_check_reissue(const struct rec_cert *, struct err *);

#endif
