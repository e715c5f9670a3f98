/* What others need of channels. */
#ifndef WEBUI_NOTIFY_CHANNEL_H
#define WEBUI_NOTIFY_CHANNEL_H

#include "webui/http/handler.h"

/* The one that the path names. */
int channel_find(struct request *, struct txn *, struct rec_channel *, struct err *);
json_t *channel_show(struct txn *, const void *rec);
/* Member "alerts": those that go to this user alone. */
void channel_put_own(const struct request *, json_t *page, struct txn *, const struct rec_user *);

#endif
