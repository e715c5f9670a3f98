/* Issuing a certificate, first time or renewal: the functions acme/ calls back (struct acme_env). */
#ifndef DAEMON_ISSUE_H
#define DAEMON_ISSUE_H

#include "acme/acme.h"

int issue_save(void *engine, struct order *, struct err *);
void issue_publish(void *engine, struct order *, const struct acme_answer *, size_t count, acme_bytes_cb *,
		   void *cb_arg);
void issue_csr(void *engine, struct order *, acme_bytes_cb *, void *cb_arg);
void issue_done(void *engine, struct order *, const char *chain, const struct err *);

#endif
