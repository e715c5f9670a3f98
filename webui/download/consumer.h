/*
 * The last use of each API key, and the events of downloads: kept in memory for a few seconds and then written
 * at once, so that a download costs no write.  One of a thread.
 */
#ifndef WEBUI_DOWNLOAD_CONSUMER_H
#define WEBUI_DOWNLOAD_CONSUMER_H

#include "base/json.h"

#define CONSUMER_NOTE "download"	/* how such a use is called between nodes (webui/http/noted.h) */

struct consumers;
struct webui;
struct consumers *consumers_new(struct webui *);
void consumers_free(struct consumers *);	/* writes what is left; NULL is fine */

struct consumer_use {			/* all borrowed */
	const char *id;			/* of the certificate or key */
	int slot;			/* which of its API keys */
	const char *name;		/* of the certificate or key */
	const char *address;
	int64_t version;		/* asked for */
	const char *action;		/* "certificate.fetched", "key.fetched"; NULL: no event, it had it already */
};
void consumers_used(struct consumers *, const struct consumer_use *);
bool consumers_flush(struct consumers *);	/* now; true: nothing is left */
void consumers_noted(struct consumers *, const json_t *note);	/* at a different node */

#endif
