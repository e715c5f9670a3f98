/* What would become of a certificate if it were added now. */
#ifndef WEBUI_CERT_PLAN_H
#define WEBUI_CERT_PLAN_H

#include "webui/admin.h"

/*
 * Members "proofs" (how each name is proved, and what will be asked for where), "offers" (names that people usually
 * want in the same certificate), "limits" of the CA that the order would touch, "order_at" and "findings" (sentences:
 * what is in the way).
 */
int cert_plan(json_t *answer, struct txn *, const struct rec_cert *, struct err *);

#endif
