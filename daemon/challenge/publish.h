/*
 * Publishing challenge answers: http-01 by serving them, dns-01 and dns-account-01 by hooks, then waiting until every
 * authoritative server shows the records.
 *
 * Each record a hook is called for is saved before (rec_txt), with a row of the agenda that removes it again: so
 * nothing stays behind, whatever crashes.
 */
#ifndef DAEMON_CHALLENGE_PUBLISH_H
#define DAEMON_CHALLENGE_PUBLISH_H

#include "daemon/engine/engine.h"
#include "store/record/steps.h"

struct publish_of {			/* all borrowed for as long as it lasts */
	const char *owner;		/* id of the order, or of a trial */
	const struct rec_cert *cert;	/* its hooks; an empty one has none of its own */
	const char *account_url;	/* at its CA, for dns-account-01 */
	bool only_look;			/* a person has published: look whether it is there, set nothing */
	void (*note)(void *arg, enum steps_of, char *const *lines);	/* what happens, for people */
	void (*done)(void *arg, const struct err *);	/* NULL: the CA may look */
	void *arg;
};

/* The answers are copied.  done() comes later, never from inside, and never after publish_cancel(). */
struct publication;
struct publication *publish_start(struct engine *, const struct publish_of *, const struct acme_answer *, size_t count);
void publish_cancel(struct publication *);

#endif
