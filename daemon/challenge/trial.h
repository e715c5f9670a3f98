/* Dry runs of the hooks: see trial.c. */
#ifndef DAEMON_CHALLENGE_TRIAL_H
#define DAEMON_CHALLENGE_TRIAL_H

#include "daemon/engine/engine.h"

int trial_due(struct engine *, const struct agenda_row *, struct err *);

#endif
