/* What becomes of account records beside registering (register.c): see account.c. */
#ifndef DAEMON_ACCOUNT_H
#define DAEMON_ACCOUNT_H

#include "acme/acme.h"
#include "store/record.h"

/* Certificates that waited for the account, or failed with it, need wait no longer. */
int account_release_certs(struct txn *, const char *account_id, struct err *);
/* An order failed: if because the CA wants a person to agree to new terms, the account says so from now on. */
int account_note_failure(struct txn *, const char *account_id, const struct err *why, struct err *);
/* Keeps what the CA's directory offers. */
void account_set_profiles(struct rec_account *, const struct acme *);

#endif
