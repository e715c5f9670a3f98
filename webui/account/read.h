/* What a body says of an account that is not registered: when it is added, and when it is corrected. */
#ifndef WEBUI_ACCOUNT_READ_H
#define WEBUI_ACCOUNT_READ_H

#include "webui/http/handler.h"

/* What the body does not say stays as it is in the record; a new record needs a CA. */
int account_read(struct rec_account *, const json_t *body, struct err *);
/* The external account binding: its MAC key, if there is one in the body, is not sealed yet. */
int account_read_binding(struct rec_account *, const json_t *body, struct buf *secret, struct err *);
bool account_is_registered(const struct rec_account *);
/* The name of one certificate that is ordered from it, also as the fallback; owned.  *name NULL: there is none. */
int account_used_by(struct txn *, const char *account_id, char **name, struct err *);

#endif
