/* What others need of channels. */
#ifndef WEBUI_CHANNEL_H
#define WEBUI_CHANNEL_H

#include "webui/admin.h"

int channel_remove(struct txn *, const char *id, struct err *);
/* Member "alerts": those that go to this user alone. */
void channel_put_own(const struct request *, json_t *page, struct txn *, const struct rec_user *);

#endif
