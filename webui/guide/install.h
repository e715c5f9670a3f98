/* Which server a certificate is for, and how it is installed there: install.def. */
#ifndef WEBUI_GUIDE_INSTALL_H
#define WEBUI_GUIDE_INSTALL_H

#include "webui/http/handler.h"

/* Is there such a type of server?  NULL and "" are none, which is fine. */
int install_check(const char *word, struct err *);
/* {server, label, format, fetch, file, configuration, note}; null if there is no such type. */
json_t *install_show(const struct request *, const struct rec_cert *, const char *key, const char *word);

#endif
