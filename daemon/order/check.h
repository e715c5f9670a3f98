/*
 * Checks of a certificate's web servers (preflight.h says how): before it is ordered, as the first thing issue.c does,
 * and when a person asks, as a job of its own.
 */
#ifndef DAEMON_ORDER_CHECK_H
#define DAEMON_ORDER_CHECK_H

#include "daemon/engine/engine.h"

/* Whose the probes of a certificate are (answers.h); owned. */
char *check_owner(const char *cert_id);

/* One under way.  The probe that it looks for is put in the transaction; borrows the certificate. */
struct check;
/* report: what was found, borrowed; why: NULL if all are ready. */
typedef void check_cb(void *arg, const json_t *report, const struct err *why);
struct check *check_start(struct engine *, struct txn *, const struct rec_cert *, enum reach, check_cb *, void *arg,
			  struct err *);
void check_cancel(struct check *);
/* At its end: the probe goes, and what was found is put.  loose: there is no certificate, only these names. */
int check_put(struct txn *, const struct rec_cert *, bool loose, const json_t *report, const struct err *why,
	      struct err *);

/* The job: a person asked for it. */
int check_due(struct engine *, const struct agenda_row *, struct err *);

#endif
