/* The inside of struct acme, for the files of this folder: one CA's directory and its nonces. */
#ifndef ACME_CA_H
#define ACME_CA_H

#include <sys/queue.h>

#include "acme/acme.h"

#define CA_DIRECTORY_MS (3600 * 1000)	/* how long a directory is believed */
#define CA_NONCES 64			/* kept at most */

/* Somebody who needs the directory; lives inside its owner. */
struct ca_waiter {
	/* err NULL: it is here.  Only takes note: frees nothing, asks for nothing. */
	void (*fn)(void *arg, const struct err *err);
	void *arg;
	bool waiting;
	TAILQ_ENTRY(ca_waiter) link;
};

struct acme {
	struct acme_env env;
	char *url;		/* of the directory */
	char *ca_file;

	json_t *directory;	/* NULL: not known */
	bool outside;		/* it has a public address, and leads to no other */
	int64_t directory_until;	/* clock_mono_ms() */
	struct fetch *fetch;	/* the directory under way */
	TAILQ_HEAD(, ca_waiter) waiters;

	char *nonce[CA_NONCES];	/* the newest last */
	size_t nonces;
};

/* Is the directory known?  If not, it is fetched (once for all who ask) and w->fn called later. */
bool ca_ready(struct acme *, struct ca_waiter *w);
void ca_unwait(struct acme *, struct ca_waiter *);
/* Once it is ready, borrowed until the next turn of the loop: the URL of a resource ("newOrder"); the CA's description
 * of itself, NULL if it has none. */
const char *ca_url(const struct acme *, const char *resource);
const json_t *ca_meta(const struct acme *);
/* It led astray: it is fetched again before its next use. */
void ca_forget(struct acme *);

/* The newest nonce, owned; NULL: none left. */
char *ca_nonce_take(struct acme *);
/* Keeps a reply's Replay-Nonce.  NULL and what is no nonce (RFC 8555 section 6.5.1) are ignored. */
void ca_nonce_put(struct acme *, const char *);
bool ca_nonce_is(const char *);

/* Longest wait for one reply, milliseconds. */
int ca_timeout_ms(const struct acme *);
/* Longest wait for something that may take so many seconds, with all tries. */
int ca_patience_ms(const struct acme *, int seconds);

#endif
