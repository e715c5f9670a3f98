/* The inside of struct acme_request: what requests about accounts and certificates have in common. */
#ifndef ACME_REQUEST_H
#define ACME_REQUEST_H

#include "acme/ca.h"
#include "acme/post.h"
#include "acme/ticket.h"

struct acme_request {
	struct acme *acme;
	struct acme_account account; /* who signs; owned */
	const char *doing;	     /* a constant: "changing the contacts" */
	acme_request_cb *done;
	void *arg;

	void (*begin)(struct acme_request *); /* runs once the directory is known */
	void (*replied)(struct acme_request *, const struct reply *);
	struct acme_account fresh; /* rollover: the new key; owned */
	char *payload;
	char *url;	/* relinquish: the authorization */
	char *inner;	/* rollover: the JWS that is being signed */
	json_t *orders; /* orders: those of the pages so far */
	unsigned pages;

	struct ca_waiter waiter;
	struct timer turn, late;
	int64_t deadline;
	struct ticket *ticket;
	struct post *post;
	struct err err;
	bool over; /* the callback runs */
};

/* begin() comes later; what is not yet set may be set until then. */
struct acme_request *request_new(struct acme *, const struct acme_account *, const char *doing,
				 void (*begin)(struct acme_request *), acme_request_cb *, void *arg);
/* Asks the CA: a word of its directory, or a URL.  The answer ends the request unless r->replied is set. */
void request_post(struct acme_request *, const char *resource, const char *url, const char *payload);
/* The last thing that is done with it: the callback gets the answer, or r->err if that is set. */
void request_end(struct acme_request *, const json_t *answer);

#endif
