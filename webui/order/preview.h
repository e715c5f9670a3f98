/* What would become of a certificate if it were added now. */
#ifndef WEBUI_ORDER_PREVIEW_H
#define WEBUI_ORDER_PREVIEW_H

#include "webui/http/handler.h"

/*
 * Members "proofs" (how each name is proved, and what will be asked for where), "offers" (names that people usually
 * want in the same certificate), "limits" of the CA that the order would touch, "order_at" and "findings" (sentences:
 * what is in the way).  dns_hook: the configured script that sets TXT records; "": none.
 */
int preview_put(json_t *answer, struct txn *, const struct rec_cert *, const char *dns_hook, struct err *);

#endif
