/* Which server a certificate is for, and how it is installed there: install.def. */
#ifndef WEBUI_GUIDE_INSTALL_H
#define WEBUI_GUIDE_INSTALL_H

#include "webui/http/handler.h"

/* Is there such a type of server?  NULL and "" are none, which is fine. */
int install_check(const char *word, struct err *);
/*
 * {server, label, format, fetch, setup, file, configuration, note}; null if there is no such type.  key: its key's
 * name, NULL: none.
 */
json_t *install_show(const struct request *, const struct rec_cert *, const char *key, const char *word);
/* What is filled in; all borrowed. */
struct install_keys {
	const char *key_name;			/* NULL: we do not have its private key */
	const char *certificate, *key;		/* API keys, or words in their place */
};
/* The same of all types, each with "chosen". */
json_t *install_all(const struct request *, const struct rec_cert *, const struct install_keys *);

#endif
