/*
 * Reminders of old keys: once a day all keys are looked at, and each version that has become too old is told of once.
 */
#include "daemon/ca/rotation.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/engine/walk.h"
#include "store/event/history.h"
#include "store/key/age.h"
#include "store/notify/alert.h"

#define DAY 86400

struct rotation {
	struct job job;
	struct engine_walk *walk;
	int64_t now, after;
};

static int remind(struct txn *t, struct rec_key *key, int64_t days, struct err *e)
{
	key->reminded = key_age_version(key);
	log_warn("key %s is %lld days old: it should be replaced", key->name, (long long)days);
	if (rec_key_put(t, key, e) < 0 ||
	    alert_raise(t, ALERT_key,
			&(struct alert_of){ .object = key->id, .name = key->name, .owner_id = key->owner_id }, e,
			"The private key %s is %lld days old.", key->name, (long long)days) < 0)
		return -1;
	return history_add(
		t,
		&(struct event_of){ .actor = "engine", .action = "key.old", .object = key->id, .name = key->name }, e,
		"it is %lld days old and should be replaced", (long long)days);
}

static int rotation_look_at(void *arg, struct txn *t, void *rec, struct err *e)
{
	const struct rotation *r = arg;
	struct rec_key *key = rec;
	struct key_age age;

	if (key->reminded == key_age_version(key) || key_age(t, key, r->after, r->now, &age) < 0 || !age.is_old)
		return 0;
	return remind(t, key, age.days, e);
}

static void rotation_cancel(struct job *job)
{
	struct rotation *r = (struct rotation *)job;

	walk_cancel(r->walk);
	free(r);
}

static int rotation_plan_next(const struct rotation *r, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->job.engine->store, &t, e) < 0 ||
	    agenda_set(t, AGENDA_rotation, KEY_AGE_ROW, r->now + DAY, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void rotation_done(void *arg, const struct err *failed)
{
	struct rotation *r = arg;
	struct err e = { 0 };

	if (!failed && rotation_plan_next(r, &e) < 0)
		failed = &e;
	if (failed)
		engine_hold(r->job.engine, failed);
	engine_end(&r->job);
	free(r);
}

int rotation_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct rotation *r = xcalloc(1, sizeof(*r));

	r->now = clock_now();
	r->after = g->config->keys_rotate_after;
	engine_begin(g, &r->job, row, rotation_cancel);
	r->walk = walk_start(g, &(struct walk_of){ &rec_key_type, rotation_look_at, rotation_done, r });
	return 0;
}

/* At once if it never was, or the setting has changed. */
static int plan_next(struct engine *g, struct txn *t, struct err *e)
{
	_cleanup_free_ char *after = xasprintf("%lld", (long long)g->config->keys_rotate_after);
	struct slice key = slice_str("planned/rotation"), mark;
	int64_t due;
	int planned = agenda_due(t, AGENDA_rotation, KEY_AGE_ROW, &due, e);

	if (planned < 0 || txn_get(t, TABLE_meta, key, &mark, e) < 0)
		return -1;
	if (planned && slice_eq(mark, slice_str(after)))
		return 0;
	if (txn_put(t, TABLE_meta, key, slice_str(after), e) < 0)
		return -1;
	return agenda_set(t, AGENDA_rotation, KEY_AGE_ROW, clock_now(), e);
}

void rotation_plan(struct engine *g)
{
	engine_plan(g, AGENDA_rotation, KEY_AGE_ROW, plan_next);
}
