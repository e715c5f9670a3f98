/* How each web server redirects challenges to this server: rule.def. */
#ifndef WEBUI_GUIDE_RULE_H
#define WEBUI_GUIDE_RULE_H

#include "webui/http/handler.h"

/*
 * [{word, server, file, rule, load, chosen}]; chosen: the one whose file or word this is, else the first.  NULL is
 * fine.  A new reference.
 */
json_t *rule_list(const struct request *, const char *chosen);

#endif
