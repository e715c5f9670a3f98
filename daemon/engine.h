/*
 * The engine: works off the agenda.  Single-threaded, on the main loop; owns every order and
 * all outgoing HTTP.
 *
 * A row of the agenda stays due until the transaction that writes its result replaces it.  So what
 * was under way at a crash is due at the next start, and nothing has to be remembered elsewhere.
 */
#ifndef DAEMON_ENGINE_H
#define DAEMON_ENGINE_H

#include "acme/acme.h"
#include "daemon/config.h"
#include "keeper/keeper.h"
#include "store/agenda.h"
#include "store/record.h"

struct engine;

/* One row under way.  The kinds embed it first in a struct of their own. */
struct job {
	struct job *next;
	struct engine *engine;
	enum agenda_kind kind;
	char id[64];			/* of the row */
	void (*cancel)(struct job *);	/* stops and frees it, leaving the row due */
	struct lane *lane;		/* queue.c: of an order, once it has an account */
	bool asking;			/* it has no order URL yet */
	bool doubtful;			/* the last attempt failed */
	bool slow;			/* track.c: it has had its time, and its place is another's now */
};

struct engine {
	struct loop *loop;
	struct store *store;
	struct keeper_client *keeper;
	struct fetcher *fetcher;
	const struct config *config;
	void (*site_changed)(void *arg);	/* a certificate of our own site was issued */
	void *arg;

	struct hooks *hooks;
	struct dns *dns;
	struct ca *cas;			/* ca.c: clients, one a directory */
	struct signer *signers;		/* ca.c: accounts' sealed keys */
	struct relay *relays;		/* ca.c: questions the keeper has not answered yet */
	struct job *jobs;
	struct lane *lanes;		/* queue.c: one an account */
	int orders, doubtful;		/* of the jobs: orders; of these, those that failed before; by queue_count() */
	struct mailer *mailer;
	struct passed *passed;		/* check.c: certificates whose web servers were found ready */
	struct crl *crls;		/* crl.c: CRLs being asked for */
	struct track *track;		/* track.c */
	struct timer turn;
	bool woken;			/* since the turn under way began */
	int64_t held_until;		/* clock_mono_ms() before which nothing begins: the store failed */
};

void engine_init(struct engine *);	/* the fields up to arg are the caller's to set first */
void engine_release(struct engine *);	/* cancels all jobs; their rows stay due */
void engine_wake(struct engine *);	/* the agenda may have changed; on the engine's own thread */

/* For the kinds: a job begins and ends.  engine_end() unlinks it and turns the agenda again; the kind frees it. */
void engine_begin(struct engine *, struct job *, const struct agenda_row *, void (*cancel)(struct job *));
void engine_end(struct job *);
/* The store failed: the row stays due; look again in a while instead of at once. */
void engine_hold(struct engine *, const struct err *);

/* The kinds (each in a file of its name, or replan.c): do the due row, now or as a job. -1: the store failed. */
int issue_due(struct engine *, const struct agenda_row *, struct err *);
int register_due(struct engine *, const struct agenda_row *, struct err *);
int cleanup_due(struct engine *, const struct agenda_row *, struct err *);
int trial_due(struct engine *, const struct agenda_row *, struct err *);
int renewal_due(struct engine *, const struct agenda_row *, struct err *);
int check_due(struct engine *, const struct agenda_row *, struct err *);
int account_due(struct engine *, const struct agenda_row *, struct err *);
int relinquish_due(struct engine *, const struct agenda_row *, struct err *);
int revoke_due(struct engine *, const struct agenda_row *, struct err *);
/* Plans the next backup as configured. */
void upkeep_plan(struct engine *);
int upkeep_due(struct engine *, const struct agenda_row *, struct err *);
int recheck_due(struct engine *, const struct agenda_row *, struct err *);
int deploy_due(struct engine *, const struct agenda_row *, struct err *);
int revocation_due(struct engine *, const struct agenda_row *, struct err *);
int rotation_due(struct engine *, const struct agenda_row *, struct err *);
int outbox_due(struct engine *, const struct agenda_row *, struct err *);
int expiry_due(struct engine *, const struct agenda_row *, struct err *);
/* Has certificates watched that are not yet. */
void expiry_plan(struct engine *);
int scan_due(struct engine *, const struct agenda_row *, struct err *);
int live_due(struct engine *, const struct agenda_row *, struct err *);
/* Certificates that are to be looked for and have no row get one. */
int live_plan(struct engine *, struct err *);
/* Plans the recheck as configured. */
void recheck_plan(struct engine *);
/* Plans to ask about certificates whose rows a former program did not write. */
void revocation_plan(struct engine *);
void rotation_plan(struct engine *);

/* ca.c: who talks to CAs. */
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
/* Asks the keeper and hands field `field` of its answer on. */
void ca_ask(struct engine *, enum keeper_op, const struct slice *, size_t count, size_t field, acme_bytes_cb *,
	    void *cb_arg);
/* Answers from the loop with these bytes. */
void ca_give_later(struct engine *, struct slice, acme_bytes_cb *, void *cb_arg);

/* An error as the record fields called "error" hold it; owned. */
char *error_text(const struct err *);

#endif
