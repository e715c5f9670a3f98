/* Times as people read them on pages, in the zone that the visitor chose (a cookie; UTC without). */
#ifndef WEBUI_PAGE_TIME_H
#define WEBUI_PAGE_TIME_H

#include "webui/http/request.h"
#include "webui/page/zone.h"

#define TIME_COOKIE "__Host-certera-zone"

/* The name in the visitor's cookie, if there is such a zone; NULL: none was chosen.  Owned. */
char *time_zone_name(const struct request *);
/* That zone; NULL: UTC. */
struct zone *time_zone(const struct request *);

/*
 * A copy of what a handler says, for a page.  Instead of each text that is a time (RFC 3339) there is an object:
 *   text      as it was
 *   relative  "in 3 days"
 *   exact     "Tue 1 Dec 2026, 14:00:05 CET"
 *   day       "1 Dec 2026"
 *   clock     "14:00"
 *   short     "14:00" on the same day, "Tue 14:00" in the days around it, otherwise "1 Dec 14:00" or, in other years,
 *             the day
 * Of each text of a list that begins with a time: time, text (the rest).  Members that are sentences have such times in
 * people's words too, and begin with a capital where they say what went wrong ("detail").
 */
json_t *time_for_people(const json_t *value, int64_t now, const struct zone *);

#endif
