/* The site's own certificates, on their way from the store to the front. */
#ifndef DAEMON_DESK_SITE_H
#define DAEMON_DESK_SITE_H

#include "daemon/desk/outside.h"
#include "keeper/keeper.h"
#include "store/db/store.h"

struct site;
/* On the client's thread.  loaded: the front was told all that the keeper has opened the keys of. */
struct site *site_new(struct store *, struct keeper_client *, struct outside *, void (*loaded)(void *arg), void *arg);
void site_free(struct site *);		/* NULL is fine */
/*
 * Reads them anew and hands them to the front as the keeper opens their keys; what is not there any more is no longer
 * served.  loaded() comes from inside if there is none.
 */
void site_load(struct site *);

#endif
