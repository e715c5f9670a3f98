/*
 * What is forgotten when its time is over: sessions, failed sign-ins; and what goes on in steps (store/leftover.h,
 * sharing.h).
 */
#ifndef DAEMON_ENGINE_SWEEP_H
#define DAEMON_ENGINE_SWEEP_H

#include "daemon/engine/engine.h"

int session_due(struct engine *, const struct agenda_row *, struct err *);
int caller_due(struct engine *, const struct agenda_row *, struct err *);
int leftover_due(struct engine *, const struct agenda_row *, struct err *);
int departed_due(struct engine *, const struct agenda_row *, struct err *);
int follow_due(struct engine *, const struct agenda_row *, struct err *);

#endif
