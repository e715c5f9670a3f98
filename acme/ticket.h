/*
 * A question to the env whose asker may be gone when the answer comes.  The env gets
 * ticket_answer() and the ticket as its callback; the answer to a torn ticket goes nowhere.
 */
#ifndef ACME_TICKET_H
#define ACME_TICKET_H

#include "acme/acme.h"

struct ticket;
/* *handle is the asker's hold on it; it is NULL again when fn runs. */
struct ticket *ticket_new(struct ticket **handle, acme_bytes_cb *fn, void *arg);
void ticket_answer(void *ticket, const struct slice *, const struct err *);	/* an acme_bytes_cb; frees it */
void ticket_tear(struct ticket **handle);	/* a handle of NULL is fine */

#endif
