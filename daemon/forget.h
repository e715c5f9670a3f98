/* What is forgotten when its time is over: sessions, failed sign-ins. */
#ifndef DAEMON_FORGET_H
#define DAEMON_FORGET_H

#include "daemon/engine.h"

int session_due(struct engine *, const struct agenda_row *, struct err *);
int caller_due(struct engine *, const struct agenda_row *, struct err *);

#endif
