#include "store/key/age.h"

#define DAY 86400

int64_t key_age_version(const struct rec_key *key)
{
	return key->current ? key->current : key->newest;
}

int key_age(struct txn *t, const struct rec_key *key, int64_t after, int64_t now, struct key_age *age)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(key->id, key_age_version(key));

	if (rec_key_version_get(t, &version, id, NULL) < 0 || !version.created)
		return -1;
	if (key->rotate_after)
		after = key->rotate_after;
	age->days = (now - version.created) / DAY;
	age->is_old = after > 0 && now - version.created >= after;
	return 0;
}
