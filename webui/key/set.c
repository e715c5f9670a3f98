/* POST /api/v1/keys/NAME: a person's note on a key, and when to be reminded of replacing it; and how old keys are. */
#include "base/clock.h"
#include "store/agenda.h"
#include "store/key/age.h"
#include "webui/http/handler.h"

int admin_read_rotate_after(const json_t *body, int64_t *seconds, struct err *e)
{
	if (!str_eq(json_str(body, "rotate_after"), "never"))
		return admin_read_days(body, "rotate_after", seconds, e);
	*seconds = KEY_AGE_NEVER;
	return 0;
}

void admin_put_key_age(json_t *o, const struct request *r, struct txn *t, const struct rec_key *key, const char *prefix)
{
	_cleanup_free_ char *days = xasprintf("%sage_days", prefix), *note = xasprintf("%snote", prefix), *text = NULL;
	struct key_age age;

	if (key_age(t, key, r->webui->settings->rotate_after, clock_now(), &age) < 0)
		return;
	if (age.is_old)
		text = xasprintf("The key is %lld days old: %s.", (long long)age.days,
				 str_eq(key->use, KEEPER_USE_ACCOUNT)
					 ? "change the key of its account (account rollover)"
					 : "order its certificate with a new key (cert reissue)");
	json_put_int(o, days, age.days);
	json_put_str(o, note, text);
}

int page_key_set(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	const char *description = json_str(body, "description");
	json_t *answer;

	if (!body || admin_write(r, &t, e) < 0 || admin_find_key(r, t, &key, e) < 0 ||
	    admin_read_rotate_after(body, &key.rotate_after, e) < 0)
		return -1;
	if (!json_object_size(body))
		return err_set(e, ERR_INVALID, "nothing to change");
	if (description)
		record_set(&key.description, description);
	if (json_str(body, "rotate_after")) {
		key.reminded = 0;
		if (agenda_set(t, AGENDA_rotation, KEY_AGE_ROW, clock_now(), e) < 0)
			return -1;
	}
	if (rec_key_put(t, &key, e) < 0 ||
	    admin_event(r, t, "key.changed", key.id, key.name, e, "changed:%s%s", description ? " description" : "",
			json_str(body, "rotate_after") ? " reminder" : "") < 0)
		return -1;
	answer = rec_key_json(&key);
	admin_put_key_age(answer, r, t, &key, "");
	return admin_commit_reply(r, TAKE(t), true, 200, answer, e);
}
