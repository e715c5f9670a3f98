/* The filters of a list as they stand in an address. */
#ifndef WEBUI_LIST_FILTERS_H
#define WEBUI_LIST_FILTERS_H

#include "base/base.h"

/* Of "/certificates?status=failed&first=100" or its query: without first, limit, before, format and facets.  Owned. */
char *filters_of(const char *address);

#endif
