/* What all pages of a certificate have at their head. */
#ifndef WEBUI_CERT_PART_H
#define WEBUI_CERT_PART_H

#include "webui/http/handler.h"

/*
 * To what admin_show_one_cert() made: "watch", "parts" [{label, path, here}], "lifetime" and "action", the main thing
 * to do ("" or issue, renew, replace, import, enable, install).  here: a word of part.def.
 */
void part_put(json_t *page, const struct request *, struct txn *, const struct rec_cert *, const char *here);
/*
 * How far the version in force is: {now, renewal, ari_start, ari_end, days_left}, places in thousandths of its life,
 * days to its end; null: there is none, and a place where there is none.
 */
json_t *part_lifetime(const struct rec_cert *, int64_t now);

#endif
