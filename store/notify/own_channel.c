#include "store/notify/own_channel.h"

#include "base/clock.h"

#define KIND "email"	/* a word of channel.def */

static const struct {
	const char *id, *name, *purpose;
} own[] = {
	{ OWN_CONTACTS, "certificate-contacts", "the contacts of each certificate" },
	{ OWN_LISTS, "mailed-lists", "users who have a list mailed to them" },
};

const char *own_channel_purpose(const struct rec_channel *channel)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (str_eq(channel->id, own[i].id))
			return own[i].purpose;
	return NULL;
}

/* A person may have called a channel so. */
static char *free_name(struct txn *t, const char *wanted)
{
	_cleanup_(rec_channel_release) struct rec_channel other = { 0 };
	char *name = xstrdup(wanted);

	for (int i = 2; rec_channel_by_name(t, &other, name, NULL) == 0; i++) {
		free(name);
		name = xasprintf("%s-%d", wanted, i);
	}
	return name;
}

int own_channel(struct txn *t, const char *id, struct rec_channel *channel, struct err *e)
{
	if (rec_channel_get(t, channel, id, e) == 0)
		return 0;
	if (e->kind != ERR_MISSING)
		return -1;
	record_set(&channel->id, id);
	record_set(&channel->kind, KIND);
	channel->created = clock_now();
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (str_eq(own[i].id, id))
			channel->name = free_name(t, own[i].name);
	return rec_channel_put(t, channel, e);
}
