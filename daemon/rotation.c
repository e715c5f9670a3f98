/*
 * Reminders of old keys: once a day all keys are looked at, and each version that has become too old is told of once.
 */
#include "base/clock.h"
#include "base/log.h"
#include "store/alert.h"
#include "store/history.h"
#include "store/key_age.h"

#include "daemon/engine.h"

#define DAY 86400

struct rotation {
	struct txn *txn;
	int64_t now, after;
};

static int remind(const struct rotation *r, struct rec_key *key, int64_t days, struct err *e)
{
	key->reminded = key_age_version(key);
	log_warn("key %s is %lld days old: it should be replaced", key->name, (long long)days);
	if (rec_key_put(r->txn, key, e) < 0 ||
	    alert_raise(r->txn, ALERT_key,
			&(struct alert_of){ .object = key->id, .name = key->name, .owner_id = key->owner_id }, e,
			"The private key %s is %lld days old.", key->name, (long long)days) < 0)
		return -1;
	return history_add(
		r->txn,
		&(struct event_of){ .actor = "engine", .action = "key.old", .object = key->id, .name = key->name }, e,
		"it is %lld days old and should be replaced", (long long)days);
}

static int look_at(void *arg, void *rec, struct err *e)
{
	const struct rotation *r = arg;
	struct rec_key *key = rec;
	struct key_age age;

	if (key->reminded == key_age_version(key) || key_age(r->txn, key, r->after, r->now, &age) < 0 || !age.is_old)
		return 0;
	return remind(r, key, age.days, e);
}

static int look_around(struct engine *g, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct rotation r = { .now = clock_now(), .after = g->config->keys_rotate_after };

	if (store_write(g->store, &t, e) < 0)
		return -1;
	r.txn = t;
	if (record_each(t, &rec_key_type, "", false, look_at, &r, e) < 0 ||
	    agenda_set(t, AGENDA_rotation, KEY_AGE_ROW, r.now + DAY, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

int rotation_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	return look_around(g, e);
}

void rotation_plan(struct engine *g)
{
	struct err e = { 0 };

	if (look_around(g, &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
}
