/* What becomes of account records beside registering (register.c): see account.c. */
#ifndef DAEMON_CA_ACCOUNT_H
#define DAEMON_CA_ACCOUNT_H

#include "daemon/engine/engine.h"

/*
 * Certificates need wait no longer: those that have failed or were never issued, or those that wait (for the end of its
 * trouble).  That is done by a row of the agenda, in steps.
 */
enum account_release { ACCOUNT_FAILED = 1, ACCOUNT_WAITING };
int account_release_certs(struct txn *, const char *account_id, enum account_release, struct err *);
int release_due(struct engine *, const struct agenda_row *, struct err *);
/* An order failed: if because the CA wants a person to agree to new terms, the account says so from now on. */
int account_note_failure(struct txn *, const char *account_id, const struct err *why, struct err *);

int account_due(struct engine *, const struct agenda_row *, struct err *);

#endif
