/* The redirect rules of contrib/redirect/, to paste. */
#ifndef DAEMON_ORDER_REDIRECT_RULE_H
#define DAEMON_ORDER_REDIRECT_RULE_H

#include "base/json.h"

/*
 * The rule for a web server by its Server header (NULL: it sent none), leading to `hostname`: {"nginx.conf": text};
 * those for all if the server is not known.  A new reference.
 */
json_t *redirect_rule(const char *server, const char *hostname);
/* One of these without its comments, for a hint.  Owned. */
char *redirect_rule_short(const char *rule);

#endif
