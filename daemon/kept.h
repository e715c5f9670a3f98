/*
 * Settings that administrators changed while running (store/record/record.def: setting): laid over those of the file,
 * when the daemon starts, when the file is read again, and as soon as a change of them is durable.
 */
#ifndef DAEMON_KEPT_H
#define DAEMON_KEPT_H

#include "base/loop.h"
#include "daemon/config/config.h"
#include "store/db/store.h"

/* What cannot be laid over is a warning in the log. */
int kept_lay_over(struct store *, struct config *, struct err *);

/* May the store keep this value of that setting?  *text: as it is shown, owned. */
int kept_check(const char *name, const char *value, char **text, struct err *);

/* Calls changed(arg) on the loop whenever another setting is kept. */
struct kept;
struct kept *kept_new(struct store *, struct loop *, void (*changed)(void *arg), void *arg);
void kept_free(struct kept *);		/* NULL is fine; before the loop */

#endif
