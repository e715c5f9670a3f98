/*
 * Settings that administrators changed while running (store/record/record.def: setting): laid over those of the file,
 * when the daemon starts, when the file is read again, and as soon as a change of them is durable.
 */
#ifndef DAEMON_OVERRIDES_H
#define DAEMON_OVERRIDES_H

#include "base/loop.h"
#include "daemon/config/config.h"
#include "store/db/store.h"

/* What cannot be laid over is a warning in the log. */
int overrides_apply(struct store *, struct config *, struct err *);

/* May the store keep this value of that setting?  *text: as it is shown, owned. */
int overrides_check(const char *name, const char *value, char **text, struct err *);

/* Calls changed(arg) on the loop whenever another setting is kept. */
struct overrides;
struct overrides *overrides_new(struct store *, struct loop *, void (*changed)(void *arg), void *arg);
void overrides_free(struct overrides *);		/* NULL is fine; before the loop */

#endif
