#include "store/key/version.h"

#include "base/clock.h"

int key_version_add(struct txn *t, struct rec_key *key, const char *type, struct slice material, struct slice spki,
		    struct rec_key_version *version, struct err *e)
{
	version->id = record_child_id(key->id, ++key->newest);
	version->created = clock_now();
	record_set(&version->type, type);
	record_set_blob(&version->material, material);
	record_set_blob(&version->spki, spki);
	return rec_key_put(t, key, e) < 0 ? -1 : rec_key_version_put(t, version, e);
}
