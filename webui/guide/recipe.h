/* What to do about an order that failed: recipe.def. */
#ifndef WEBUI_GUIDE_RECIPE_H
#define WEBUI_GUIDE_RECIPE_H

#include "webui/http/handler.h"

/*
 * "recipe" of a certificate whose page has "error" and "check" by now: {where: [{name, address, says}], causes:
 * [{cause, title, first, steps: [{text, rules, records, lines}]}], said: [{name, text}], next}; null: its last order
 * did not fail.
 */
void recipe_put(json_t *page, const struct request *, struct txn *, const struct rec_cert *);

#endif
