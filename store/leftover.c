#include "store/leftover.h"

#include "base/clock.h"
#include "store/agenda.h"
#include "store/record/type.h"


struct removing {
	struct txn *txn;
	const struct record_type *type;
};

static int remove_one(void *arg, struct slice id, struct slice stored, struct err *e)
{
	const struct removing *r = arg;
	_cleanup_free_ char *text = xstrndup(id.data, id.len);

	if (txn_is_large(r->txn))
		return 1;
	return record_delete(r->txn, r->type, text, e);
}

/* One step.  1: there may be more. */
static int remove_some(struct txn *t, const struct record_type *type, const char *prefix, struct err *e)
{
	struct removing r = { t, type };

	return txn_walk(t, type->table, slice_str(prefix), false, remove_one, &r, e) < 0 ? -1 : txn_is_large(t);
}

int leftover_remove(struct txn *t, const struct record_type *type, const char *prefix, struct err *e)
{
	_cleanup_free_ char *id = xasprintf("%s/%s", type->name, prefix);
	int more = remove_some(t, type, prefix, e);

	return more > 0 ? agenda_set(t, AGENDA_leftover, id, clock_now(), e) : more;
}

int leftover_remove_children(struct txn *t, const struct record_type *type, const char *parent, struct err *e)
{
	_cleanup_free_ char *prefix = xasprintf("%s/", parent);

	return leftover_remove(t, type, prefix, e);
}

int leftover_go_on(struct txn *t, const char *id, struct err *e)
{
	const char *prefix = strchr(id, '/');

	if (agenda_delete(t, AGENDA_leftover, id, e) < 0)
		return -1;
	for (size_t i = 0; prefix && record_types[i]; i++)
		if (slice_eq(slice_str(record_types[i]->name), slice(id, (size_t)(prefix - id))))
			return leftover_remove(t, record_types[i], prefix + 1, e);
	return 0;
}

/*
 * A user.
 */

struct leaving {
	struct txn *txn;
	const char *id;
};

/* 1: the step is full. */
static int leave_cert(void *arg, void *rec, struct err *e)
{
	const struct leaving *l = arg;
	struct rec_cert *cert = rec;

	if (!str_eq(cert->owner_id, l->id))
		return 0;
	record_set(&cert->owner_id, NULL);
	return rec_cert_put(l->txn, cert, e) < 0 ? -1 : txn_is_large(l->txn);
}

static int leave_key(void *arg, void *rec, struct err *e)
{
	const struct leaving *l = arg;
	struct rec_key *key = rec;

	if (!str_eq(key->owner_id, l->id))
		return 0;
	record_set(&key->owner_id, NULL);
	return rec_key_put(l->txn, key, e) < 0 ? -1 : txn_is_large(l->txn);
}

static int leave_channel(void *arg, void *rec, struct err *e)
{
	const struct leaving *l = arg;
	const struct rec_channel *channel = rec;

	if (!str_eq(channel->owner_id, l->id))
		return 0;
	if (leftover_remove_children(l->txn, &rec_outbox_type, channel->id, e) < 0 ||
	    rec_channel_delete(l->txn, channel->id, e) < 0)
		return -1;
	return txn_is_large(l->txn);
}

static int leave_token(void *arg, void *rec, struct err *e)
{
	const struct leaving *l = arg;
	const struct rec_token *token = rec;

	if (!str_eq(token->user_id, l->id))
		return 0;
	return rec_token_delete(l->txn, token->id, e) < 0 ? -1 : txn_is_large(l->txn);
}

static int leave_session(void *arg, void *rec, struct err *e)
{
	const struct leaving *l = arg;
	const struct rec_session *session = rec;

	if (!str_eq(session->user_id, l->id))
		return 0;
	if (agenda_delete(l->txn, AGENDA_session, session->id, e) < 0 ||
	    rec_session_delete(l->txn, session->id, e) < 0)
		return -1;
	return txn_is_large(l->txn);
}

int leftover_leave(struct txn *t, const char *user_id, struct err *e)
{
	static const struct {
		const struct record_type *type;
		record_each_fn *leave;
	} things[] = {
		{ &rec_session_type, leave_session }, { &rec_token_type, leave_token },
		{ &rec_channel_type, leave_channel }, { &rec_cert_type, leave_cert }, { &rec_key_type, leave_key },
	};
	struct leaving l = { t, user_id };

	for (size_t i = 0; i < ARRAY_SIZE(things) && !txn_is_large(t); i++)
		if (record_each(t, things[i].type, "", false, things[i].leave, &l, e) < 0)
			return -1;
	return txn_is_large(t) ? agenda_set(t, AGENDA_departed, user_id, clock_now(), e) : 0;
}

int leftover_leave_on(struct txn *t, const char *user_id, struct err *e)
{
	return agenda_delete(t, AGENDA_departed, user_id, e) < 0 ? -1 : leftover_leave(t, user_id, e);
}
