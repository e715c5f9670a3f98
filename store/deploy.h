/* The deploy hook: a script that runs when another version of a certificate is in force. */
#ifndef STORE_DEPLOY_H
#define STORE_DEPLOY_H

#include "store/record/record.h"


/* Which script it is; NULL: there is none.  Borrowed from either. */
const char *deploy_script(const struct rec_cert *, const char *configured);
/* The version in force is to be deployed now, whatever came of that before: a row says so.  Puts the certificate. */
int deploy_ask(struct txn *, struct rec_cert *, struct err *);
/* It has no script (any more): nothing is left to run, and no failure of it. */
int deploy_forget(struct txn *, struct rec_cert *, struct err *);

#endif
