/*
 * How much needs a person, by entry of the menu: every page shows it.  A thread keeps what it counted until the records
 * change, or a minute is over, for those who see everything and for the last visitor who does not.
 */
#ifndef WEBUI_PAGE_TROUBLE_H
#define WEBUI_PAGE_TROUBLE_H

#include "webui/http/request.h"

enum trouble_kind {
	TROUBLE_none,
	TROUBLE_certificates,
	TROUBLE_accounts,
	TROUBLE_sites,
	TROUBLE_channels,
	TROUBLE_cluster,
	TROUBLES
};

struct troubles *troubles_new(void);
void troubles_free(struct troubles *);
/* 0: nothing; or it could not be counted. */
int64_t troubles_count(const struct request *, enum trouble_kind);
/* Is there a cluster to see anything of? */
bool troubles_has_cluster(const struct request *);

#endif
