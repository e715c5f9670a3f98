/* What others need of channels. */
#ifndef WEBUI_NOTIFY_CHANNEL_H
#define WEBUI_NOTIFY_CHANNEL_H

#include "webui/http/handler.h"

/* The one that the path names. */
int channel_find(struct request *, struct txn *, struct rec_channel *, struct err *);
json_t *channel_show(struct txn *, const void *rec);
/* For a form: all alerts, and those wanted now. */
void channel_put_choices(const struct request *, json_t *page, const struct rec_channel *);
/*
 * The last steps of an answer; each takes the transaction.  Tried out is one message to each recipient: "messages" are
 * their numbers.
 */
int channel_remove(struct request *, struct txn *taken, const struct rec_channel *, struct err *);
int channel_try_out(struct request *, struct txn *taken, struct rec_channel *, struct err *);
/* change.c: puts what the body says over this one, which is moved, and answers. */
int channel_change(struct request *, const json_t *body, struct rec_channel *, bool fresh, struct err *);
/* own.c: member "alerts", those that go to this user alone. */
void channel_put_own(const struct request *, json_t *page, struct txn *, const struct rec_user *);

#endif
