/* TXT records for dns-01 (RFC 8555 section 8.4) and dns-account-01: what a hook is told about one, and running it. */
#ifndef DAEMON_CHALLENGE_TXT_H
#define DAEMON_CHALLENGE_TXT_H

#include "daemon/engine/engine.h"
#include "daemon/hook/hook.h"

#define TXT_LABEL "_acme-challenge"

/*
 * The record by which a challenge of that type proves the name; NULL: it needs none.  With dns-account-01
 * (draft-ietf-acme-dns-account-label) each account has a label of its own, which can be delegated for itself.  Owned.
 */
char *txt_record(const char *type, const char *account_url, const char *name);
char *txt_value(const char *key_auth);		/* what the record must say; owned */

/*
 * Splits a record's name into the registrable domain (by the public suffix list) and the rest: "_acme-challenge.www"
 * and "example.co.uk"; "@" if nothing is left.  Both owned.
 */
void txt_split(const char *full_record, char **record, char **domain);

/* What stands for {{FullRecord}} and its like, and for CERTERA_FULL_RECORD. */
struct txt_words {
	const char *action, *full_record, *subject, *domain, *record, *value, *zone, *certificate;
};
/* -1: there is no such placeholder. */
int txt_expand(const struct txt_words *, const char *text, struct buf *out, struct err *);
/* Adds them to an environment, replacing what is there. */
void txt_environment(const struct txt_words *, char ***environment);

/* Runs the script that sets or removes the record.  Copies the record; as hook_start(). */
struct txt_run;
struct txt_run *txt_run(struct engine *, const struct rec_txt *, bool set, hook_cb *, void *arg);
void txt_cancel(struct txt_run *);

/*
 * The records of an order or trial that is over are to be removed (now).  Without any, nothing happens.
 */
int txt_discard(struct txn *, const char *owner, struct err *);

#endif
