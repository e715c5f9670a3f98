/* What pages of lists have around their rows (lists.def): views, orders, filters with their values, pages, CSV. */
#ifndef WEBUI_PAGE_LISTING_H
#define WEBUI_PAGE_LISTING_H

#include "webui/http/request.h"

/*
 * As members of what every page has:
 *   query  the parameters of the address, "" where one is not given
 *   list   views, sort (by word), sorts, chips, more (fields that are typed), kept (parameters that a form must
 *          repeat), path, hint, clear (the list without filters; null: there are none); null: the page has no row in
 *          lists.def
 *   pages  of a longer list; null
 *   csv    the address of the list as CSV; null
 */
void listing_put(json_t *common, const struct request *, const json_t *page);

#endif
