/* POST and GET /api/v1/backup, /api/v1/verify: work on the store itself, and how the last one went. */
#include <sys/stat.h>

#include "base/clock.h"
#include "store/agenda.h"
#include "webui/http/body.h"
#include "webui/http/handler.h"
#include "webui/server/backup.h"

#define LASTS_MOST 3600 /* seconds; one that seems to be under way for longer does not hold up the next */

json_t *backup_json(const struct request *r, const struct rec_upkeep *upkeep)
{
	json_t *o = rec_upkeep_json(upkeep);

	admin_put_steps(r, o, "log", upkeep->log);
	return o;
}

/* ".." leads elsewhere. */
static bool is_below(const char *path, const char *place)
{
	size_t len = strlen(place), end = strlen(path);
	bool climbs = strstr(path, "/../") || (end >= 3 && str_eq(path + end - 3, "/.."));

	return str_starts(path, place) && path[len] == '/' && path[len + 1] && !climbs;
}

/* Somebody elsewhere is told nothing of what else there is on this machine, and makes nothing there. */
static int check_place(const struct request *r, const char *directory, struct err *e)
{
	const char *place = r->webui->env->backups;

	if (r->visitor.face == FACE_CONTROL || is_below(directory, place))
		return 0;
	err_set(e, ERR_INVALID, "the directory must be in %s", place);
	return err_hint(e, "Name one like %s/monday. On the server itself, certeractl backup takes any directory.",
			place);
}

static int check_directory(const struct request *r, const char *directory, struct err *e)
{
	struct stat st;

	if (!directory || !*directory)
		return 0;
	if (*directory != '/')
		return err_set(e, ERR_INVALID, "\"directory\" must be a path from the root: the daemon writes it");
	if (check_place(r, directory, e) < 0)
		return -1;
	return stat(directory, &st)
		       ? 0
		       : err_set(e, ERR_CONFLICT, "%s exists already; a backup is a new directory", directory);
}

/* A server of the cluster that does not lead; NULL is fine. */
static int check_server(const struct request *r, const char *name, struct err *e)
{
	const struct webui_env *env = r->webui->env;
	_cleanup_json_ json_t *cluster = name ? env->cluster_status(env->arg) : NULL;
	const json_t *node;
	size_t i;

	if (!name)
		return 0;
	if (!json_is_object(cluster)) {
		err_set(e, ERR_CONFLICT, "this server is alone: there is no store to compare with");
		return err_hint(e, "To check this server's own store, name no server.");
	}
	json_array_foreach (json_object_get(cluster, "nodes"), i, node)
		if (str_eq(json_str(node, "name"), name) && !json_bool(node, "self", false))
			return 0;
	if (str_eq(json_str(cluster, "name"), name))
		return err_set(e, ERR_INVALID,
			       "%s leads the cluster: name a different server, it is compared with the leader", name);
	err_set(e, ERR_MISSING, "no server with the name %s is alive in the cluster", name);
	return err_hint(e, "The page Cluster and certeractl cluster status list the servers.");
}

static int begin(struct request *r, const char *id, enum agenda_kind kind, const char *directory, const char *against,
		 struct err *e)
{
	_cleanup_(rec_upkeep_release) struct rec_upkeep last = { 0 };
	_cleanup_(rec_upkeep_release) struct rec_upkeep upkeep = { .began = clock_now() };
	_cleanup_txn_ struct txn *t = NULL;
	int64_t due;

	record_set(&upkeep.id, id);
	record_set(&upkeep.state, "open");
	record_set(&upkeep.directory, directory);
	record_set(&upkeep.against, against);
	record_set(&upkeep.actor, r->visitor.name);
	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_upkeep_get(t, &last, id, NULL) == 0 && str_eq(last.state, "open") &&
	    agenda_due(t, kind, id, &due, e) > 0 && last.began + LASTS_MOST > upkeep.began)
		return err_set(e, ERR_CONFLICT, "a %s is already in progress", id);
	if (rec_upkeep_put(t, &upkeep, e) < 0 || agenda_set(t, kind, id, upkeep.began, e) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 202, backup_json(r, &upkeep));
}

static int show(struct request *r, const char *id, struct err *e)
{
	_cleanup_(rec_upkeep_release) struct rec_upkeep upkeep = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_upkeep_get(t, &upkeep, id, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no %s yet", id) : -1;
	return reply_json(r, 200, backup_json(r, &upkeep));
}

int page_backup_begin(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);

	if (!body || body_at("directory", check_directory(r, json_str(body, "directory"), e), e) < 0)
		return -1;
	return begin(r, "backup", AGENDA_backup, json_str(body, "directory"), NULL, e);
}

int page_backup(struct request *r, struct err *e)
{
	return show(r, "backup", e);
}

int page_verify_begin(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	const char *against = body ? json_str(body, "against") : NULL;

	if (against && !*against)
		against = NULL;
	if (!body || body_at("against", check_server(r, against, e), e) < 0)
		return -1;
	return begin(r, "check", AGENDA_verify, NULL, against, e);
}

int page_verify(struct request *r, struct err *e)
{
	return show(r, "check", e);
}
