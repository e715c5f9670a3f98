/*
 * Who has just given the password: the keeper's word for it, by session.  In the desks' memory only, never in the
 * store, and gone with the process, as it is in the keeper.  Safe from any desk.
 */
#ifndef WEBUI_GATE_CONFIRMED_H
#define WEBUI_GATE_CONFIRMED_H

#include "base/buf.h"

#define CONFIRMED_PROOF_SIZE 64

void confirmed_begin(const char *session, struct slice proof);
/* The word of this session, if it is good still; else "". */
void confirmed_find(const char *session, char proof[CONFIRMED_PROOF_SIZE]);
void confirmed_end(const char *session);

#endif
