/* The front threads: each a loop with its sockets, its webui and its channel to the keeper. */
#ifndef DAEMON_FRONT_H
#define DAEMON_FRONT_H

#include "daemon/config.h"
#include "daemon/listen.h"
#include "daemon/tls.h"
#include "keeper/keeper.h"
#include "webui/webui.h"

struct fronts;

struct fronts_options {
	int count;
	struct listeners *listeners;
	struct tls *tls;
	struct keeper *keeper;
	int first_client;		/* index of the first thread's channel; the others follow */
	const struct webui_env *env;	/* borrowed */
	void (*on_death)(void *arg);	/* the keeper died; called on a front thread */
	void *arg;
};

struct fronts *fronts_start(const struct fronts_options *, const struct config *, struct err *);
/* New settings from now on (a reload); any thread. */
void fronts_configure(struct fronts *, const struct config *);
/* Did every thread turn its loop since the last call?  Asks them anew. */
bool fronts_alive(struct fronts *);
/* Stops accepting, lets requests under way end (at most `patience_ms`), joins the threads.  NULL is fine. */
void fronts_stop(struct fronts *, int64_t patience_ms);

#endif
