/* The link for a new password, by mail. */
#ifndef DAEMON_FORGOT_H
#define DAEMON_FORGOT_H

#include "daemon/engine.h"

int forgot_due(struct engine *, const struct agenda_row *, struct err *);

#endif
