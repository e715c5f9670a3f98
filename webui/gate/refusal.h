/*
 * Visitors whose address may not come in: a line of the log says who, and which setting does not have the address.  An
 * address is named once in ten minutes, and twenty of them at most: scanners do not fill the log.
 */
#ifndef WEBUI_GATE_REFUSAL_H
#define WEBUI_GATE_REFUSAL_H

#include "webui/gate/gate.h"

struct refusals;	/* of a thread */
struct refusals *refusals_new(void);
void refusals_free(struct refusals *);
/* `from`: the visitor's address for people. */
void refusal_tell(struct refusals *, const struct route *, const struct visitor *, const char *from);

#endif
