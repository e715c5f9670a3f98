/* Issuing a certificate, first time or renewal: see issue.c. */
#ifndef DAEMON_ORDER_ISSUE_H
#define DAEMON_ORDER_ISSUE_H

#include "daemon/ca/ca.h"

extern const struct order_calls issue_calls;

int issue_due(struct engine *, const struct agenda_row *, struct err *);

#endif
