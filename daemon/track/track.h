/*
 * Tracking: sites are scanned (track.c), our own certificates are looked for where their names lead (live.c).  One row
 * of the agenda for each; results are written many at a time.
 */
#ifndef DAEMON_TRACK_TRACK_H
#define DAEMON_TRACK_TRACK_H

#include "daemon/engine/walk.h"
#include "daemon/track/scan.h"

struct track {
	struct scanner *scanner;
	struct roots *roots;
	struct tracked *done;		/* scanned, to be written */
	size_t done_count;
	struct timer flush;
	int slow;			/* jobs that are not counted any more */
};
void track_init(struct engine *);
void track_release(struct engine *);	/* after its jobs were cancelled */
/* As configured, from the next scan on; certificates that are to be looked for get their rows. */
void track_plan(struct engine *);
int track_limit(const struct engine *);		/* jobs of each of its kinds */
int scan_due(struct engine *, const struct agenda_row *, struct err *);
int live_due(struct engine *, const struct agenda_row *, struct err *);
/* Certificates that are to be looked for and have no row get one. */
extern const struct planner live_planner;
/* The scanner with the roots as they are now. */
struct scanner *track_scanner(struct engine *);

/* A job that keeps its place waiting gives it up after a second: a black hole delays no other. */
struct patience {
	struct job *job;
	struct timer timer;
};
void track_patience(struct patience *, struct job *);
void track_patience_end(struct patience *);

/* A time around `seconds` from now, a tenth more or less. */
int64_t track_next(int64_t now, int64_t seconds);

/*
 * The one way of all that tracking has to tell: site.changed, site.invalid, site.valid, certificate.not-live,
 * certificate.live, certificate.undelivered.  An event of the audit log, and an alert for some, in the transaction of
 * the result.
 */
#define TALE_QUIET (-1)
struct tale {
	const char *action, *id, *name;		/* of the site or the certificate */
	int alert;				/* of alert.def; TALE_QUIET: none */
};
int track_tell(struct txn *, const struct tale *, struct err *, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
