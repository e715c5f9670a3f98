/* The link for a new password, by mail. */
#ifndef DAEMON_NOTIFY_FORGOT_H
#define DAEMON_NOTIFY_FORGOT_H

#include "daemon/engine/engine.h"

int forgot_due(struct engine *, const struct agenda_row *, struct err *);

#endif
