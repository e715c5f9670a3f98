/*
 * The history of something that ran, line by line with the time in front: of an order, a trial of the hooks, a deploy
 * hook.
 *
 * What Certera says of it is for all who see the thing.  What a script printed is for administrators, because a script
 * may read whatever our user can; so is what a former release wrote, which did not tell the two apart.
 */
#ifndef STORE_RECORD_STEPS_H
#define STORE_RECORD_STEPS_H

#include "base/json.h"

enum steps_of { STEPS_OURS, STEPS_PRINTED };

/* As many as there is room for. */
void steps_add(char ***log, enum steps_of, char *const *lines);
/*
 * ["TIME text", ...].  Without all, lines that are not for everybody, one behind the other, are one that says how many.
 */
json_t *steps_json(char *const *log, bool all);

#endif
