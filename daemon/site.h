/* The site's own certificates, on their way from the store to the TLS front. */
#ifndef DAEMON_SITE_H
#define DAEMON_SITE_H

#include "daemon/tls.h"
#include "keeper/keeper.h"
#include "store/store.h"

struct site;
struct site *site_new(struct store *, struct keeper_client *, struct tls *);
void site_free(struct site *);		/* NULL is fine */
/* Reads them anew and hands them to tls as the keeper opens their keys.  On the keeper client's thread. */
void site_load(struct site *);

#endif
