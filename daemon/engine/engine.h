/*
 * The engine: works off the agenda.  Single-threaded, on the main loop; owns every order and
 * all outgoing HTTP.
 *
 * A row of the agenda stays due until the transaction that writes its result replaces it.  So what
 * was under way at a crash is due at the next start, and nothing has to be remembered elsewhere.
 */
#ifndef DAEMON_ENGINE_ENGINE_H
#define DAEMON_ENGINE_ENGINE_H

#include "acme/acme.h"
#include "base/barrier.h"
#include "daemon/config/config.h"
#include "keeper/keeper.h"
#include "store/agenda.h"
#include "store/record/record.h"

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
	int64_t at_door;		/* queue.c: it is ready to ask for one, the smallest first; 0: it is not */
	void (*come_in)(struct job *);	/* now */
	bool doubtful;			/* the last attempt failed */
	bool stays;			/* backup.c: it has a thread, and goes on when all begins anew */
	bool slow;			/* track.c, issue.c: it has had its time, and its place is another's now */
};

/* Whether a due row may begin. */
enum verdict {
	VERDICT_START,
	VERDICT_LEAVE,		/* due as it is: there is no room for it */
	VERDICT_PUT_OFF,	/* to a known time */
};

struct put_off {			/* one that is put off */
	enum agenda_kind kind;
	char id[64];
	int64_t until;
	char why[400];		/* a sentence without its full stop */
};

/* What is done for rows of one kind; daemon/job_kinds.c has the table.  NULL: nothing. */
struct kind {
	enum agenda_kind kind;
	/* Does the due row, now or as a job.  -1: the store failed. */
	int (*due)(struct engine *, const struct agenda_row *, struct err *);
	int at_once;					/* jobs; 0: limit() says it, or judge() each time */
	int (*limit)(const struct engine *);
	/*
	 * Who may begin: count() before a look at the agenda, judge() each row (-1: the store failed), put_off() writes
	 * down.
	 */
	void (*count)(struct engine *);
	int (*judge)(struct engine *, struct txn *, const char *id, int64_t now, struct put_off *, struct err *);
	int (*put_off)(struct txn *, const struct put_off *, struct err *);
	bool (*same_lane)(const char *id, const char *other);	/* those go one after the other */
	void (*plan)(struct engine *);			/* at the start: what has no row yet gets one */
	void (*replan)(struct engine *);		/* the configuration has changed */
	const struct planner *planner;			/* the same over all records of a type (walk.h) */
	void (*forget)(struct engine *);		/* what was read from the store: it may have been lost */
};
#define KINDS_MOST 48

struct engine {
	struct loop *loop;
	struct store *store;
	struct keeper_client *keeper;
	struct fetcher *fetcher;
	const struct config *config;
	const struct kind *kinds;
	size_t kind_count;
	const struct order_calls *order_calls;	/* ca.h: how acme/ goes on with an order */
	int (*connect_runner)(void *arg, struct err *);	/* a new one, for hooks: our end of its channel, or -1 */
	/* Is the store of a different server equal to ours at this entry of the log?  Any thread that may wait. */
	int (*compare)(void *arg, const char *server, uint64_t *position, struct err *);
	void (*site_changed)(void *arg);	/* a certificate of our own site is another one; that is durable */
	void *arg;

	struct bell *bell;
	struct log_seal *log_seal;
	struct settling *settling;
	struct event_log *event_log;
	struct barrier barrier;		/* what tells anybody outside waits here until it is durable */
	/* a CA that is to look at a challenge waits until the front has the answer; NULL: for nothing */
	struct barrier *published;
	struct held site;		/* site_changed() waits */
	bool anew;			/* the store lost what was written: all is planned again */

	struct hooks *hooks;
	struct dns *dns;
	struct ca *cas;			/* ca.c: clients, one a directory */
	struct signer *signers;		/* ca.c: accounts' sealed keys */
	struct relay *relays;		/* ca.c: questions the keeper has not answered yet */
	struct planning *planning;	/* walk.h */
	/* has its planners begin (again); while resting: stop; NULL: there are none */
	void (*plan_records)(struct engine *);
	struct job *jobs;
	struct lane *lanes;		/* queue.c: one an account */
	/* of the jobs, by queue_count(): orders with a place, of these doubtful ones; without */
	int orders, doubtful, slow;
	struct mailer *mailer;
	struct passed *passed;		/* check.c: certificates whose web servers were found ready */
	struct crl *crls;		/* crl.c: CRLs being asked for */
	struct track *track;		/* track.c */
	struct timer turn;
	bool woken;			/* since the turn under way began */
	bool resting;			/* a different server does the work now */
	int64_t held_until;		/* clock_mono_ms() before which nothing begins: the store failed */
};

void engine_init(struct engine *);	/* after job_kinds_init(); the fields up to arg are the caller's to set first */
void engine_replan(struct engine *);	/* the configuration has changed */
void engine_release(struct engine *);	/* cancels all jobs; their rows stay due */
/* Stops all work, as at a crash: what was under way is due, and nothing begins.  Then: begins as after a start. */
void engine_rest(struct engine *);
void engine_take_up(struct engine *);
void engine_wake(struct engine *);	/* the agenda may have changed; on the engine's own thread */

/* For the kinds: a job begins and ends.  engine_end() unlinks it and turns the agenda again; the kind frees it. */
void engine_begin(struct engine *, struct job *, const struct agenda_row *, void (*cancel)(struct job *));
void engine_end(struct job *);
/* Stops the job of that row, if there is one. */
void engine_cancel(struct engine *, enum agenda_kind, const char *id);
/* The store failed: the row stays due; look again in a while instead of at once. */
void engine_hold(struct engine *, const struct err *);

/* A certificate of our own site is another one now: it is served when that is durable. */
void engine_site_changed(struct engine *);

/*
 * For plan() and replan(): a kind of which there is one row, with this id, gets it anew from `next`.  A row that is due
 * stays so: what it is for is made up for.
 */
typedef int plan_next_fn(struct engine *, struct txn *, struct err *);
void engine_plan(struct engine *, enum agenda_kind, const char *id, plan_next_fn *next);

/* An error as the record fields called "error" hold it; owned. */
char *error_text(const struct err *);

#endif
