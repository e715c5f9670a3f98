/* /api/v1/system: how the server is, what it has to do, and work on the store itself. */
#include "webui/list/list.h"
#include "webui/server/backup.h"
#include "webui/server/health.h"

/* The last backup, the last check; null: there was none. */
static void put_upkeep(const struct request *r, json_t *o, struct txn *t, const char *id)
{
	_cleanup_(rec_upkeep_release) struct rec_upkeep upkeep = { 0 };

	json_object_set_new(o, id, rec_upkeep_get(t, &upkeep, id, NULL) == 0 ? backup_json(r, &upkeep) : json_null());
}

static bool is_open(const json_t *o, const char *id)
{
	const char *state = json_str(json_object_get(o, id), "state");

	return str_eq(state, "open") || str_eq(state, "copying");
}

int page_system(struct request *r, struct err *e)
{
	const struct webui_env *env = r->webui->env;
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	json_t *checks = json_array();
	struct store_size size;
	int64_t first, limit;
	bool well = true;

	json_object_set_new(answer, "checks", checks);
	json_put_str(answer, "version", env->version);
	json_put_time(answer, "started", env->started);
	json_object_set_new(answer, "protection", json_deep_copy(env->protection));
	json_object_set_new(answer, "cluster", env->cluster_status(env->arg));
	if (admin_query(r, &query, e) < 0 || list_read_page(&query, &first, &limit, e) < 0 ||
	    health_look(r, checks, &well, e) < 0 ||
	    health_agenda(r, answer, first, params_get(&query, "limit") ? limit : 20, e) < 0 ||
	    store_read(env->store, &t, e) < 0)
		return -1;
	store_size(env->store, &size);
	json_put_str(answer, "status", well ? "well" : "ill");
	json_object_set_new(answer, "store", health_bytes(size.used));
	json_object_set_new(answer, "free", health_bytes(size.left));
	json_put_int(answer, "events", (int64_t)txn_count(t, TABLE_event));
	put_upkeep(r, answer, t, "backup");
	put_upkeep(r, answer, t, "check");
	json_put_bool(answer, "under_way", is_open(answer, "backup") || is_open(answer, "check"));
	return reply_json(r, 200, TAKE(answer));
}
