/* CRLs: one is fetched once for all who ask for it at the same time, and kept in the store while it counts. */
#ifndef DAEMON_CA_CRL_H
#define DAEMON_CA_CRL_H

#include "daemon/engine/engine.h"

struct crl_question;

/*
 * The list, borrowed; or why there is none.  Returns until when it counts (its nextUpdate), 0 if it is not believed:
 * only what somebody believes is kept.
 */
typedef int64_t crl_cb(void *arg, struct slice der, const struct err *why);

/*
 * now: its server is asked even if what is kept was fetched a short while ago.  A server that cannot be reached is no
 * error while the list that is kept counts.  The callback comes later, never from inside, and never after crl_cancel().
 */
struct crl_question *crl_ask(struct engine *, const char *url, bool now, crl_cb *, void *arg);
void crl_cancel(struct crl_question *);

#endif
