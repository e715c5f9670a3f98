/* What TXT records are set for: an order, or a trial of the hooks. */
#ifndef DAEMON_OWNER_H
#define DAEMON_OWNER_H

#include "daemon/engine.h"

char *owner_of(const char *txt_id);		/* owned */
/* Does it still need its records?  1 yes, 0 no, -1. */
int owner_is_open(struct txn *, const char *owner, struct err *);
/* Adds lines to its history, with the time in front. */
int owner_log(struct txn *, const char *owner, char *const *lines, struct err *);
void owner_add_lines(char ***log, char *const *lines);

#endif
