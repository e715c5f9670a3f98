/* POST /api/v1/me/zone, and what its form offers. */
#ifndef WEBUI_PAGE_ZONE_CHOICE_H
#define WEBUI_PAGE_ZONE_CHOICE_H

#include "webui/http/request.h"

/* The member "zone": the chosen one, null if none was; for a page "choices.zone" too. */
void zone_put_choices(const struct request *, json_t *);

#endif
