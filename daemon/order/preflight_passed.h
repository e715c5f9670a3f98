/* Which certificates' web servers were found ready a while ago, and whether they are to be checked before an order. */
#ifndef DAEMON_ORDER_PREFLIGHT_PASSED_H
#define DAEMON_ORDER_PREFLIGHT_PASSED_H

#include "daemon/engine/engine.h"

/*
 * Is a check due before the next order?  Not by configuration, for names proved by DNS records,
 * or just after one that passed.
 */
bool preflight_is_due(const struct engine *, const struct rec_cert *);
void preflight_passed(struct engine *, const char *cert_id);
void preflight_passed_release(struct engine *);
/* The names that are proved by http-01; owned. */
char **preflight_names(const struct rec_cert *);

#endif
