/* The site's own certificates, on their way from the store to the TLS front. */
#ifndef DAEMON_SITE_H
#define DAEMON_SITE_H

#include "daemon/tls.h"
#include "keeper/keeper.h"
#include "store/store.h"

struct site;
struct site *site_new(struct store *, struct tls *);
void site_free(struct site *);		/* NULL is fine */
/* At the start, before the channel `client` is attached and anybody is answered: done when it returns. */
void site_load_first(struct site *, struct keeper *, int client);
/* Reads them anew and hands them to tls as the keeper opens their keys.  On the client's thread. */
void site_load(struct site *, struct keeper_client *client);

#endif
