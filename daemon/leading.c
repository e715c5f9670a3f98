#include "daemon/leading.h"

#include "base/fetch/fetch.h"
#include "base/log.h"
#include "daemon/engine/settle.h"
#include "daemon/migration.h"
#include "store/event/history.h"
#include "store/upgrade.h"

struct leading {
	struct engine *engine;
	struct cluster *cluster;
	struct cluster_bell *bell;
	struct migration *migration; /* under way; NULL: there is none */
	bool ending;
};

/* For the audit log. */
static void note_leader(struct leading *l)
{
	const struct event_of event = { .actor = "engine", .action = "cluster.leader" };
	_cleanup_txn_ struct txn *t = NULL;
	struct cluster_view v;
	struct err e = { 0 };

	cluster_look(l->cluster, &v);
	if (store_write(l->engine->store, &t, &e) < 0 ||
	    history_add(t, &event, &e, "the server %s leads the cluster", v.leader) < 0 || txn_commit(TAKE(t), &e) < 0)
		log_err(LOG_LEVEL_WARN, &e);
}

static void leading_look(void *arg);

static void migrated(void *arg, const struct err *e)
{
	struct leading *l = arg;

	migration_free(TAKE(l->migration));
	if (e)
		log_err(LOG_LEVEL_WARN, e); /* whoever leads next goes on with it */
	else
		leading_look(l);
}

static void take_up(struct leading *l)
{
	if (l->migration)
		return;
	if (store_is_older(l->engine->store)) {
		l->migration = migration_new(l->engine->store, l->engine->loop, migrated, l);
		return;
	}
	settling_again(l->engine->settling); /* the keeper hears of what others have changed */
	note_leader(l);
	engine_take_up(l->engine);
}

static void leading_look(void *arg)
{
	struct leading *l = arg;

	if (l->ending)
		return;
	if (cluster_role(l->cluster) != CLUSTER_LEADER)
		engine_rest(l->engine);
	else if (l->engine->resting)
		take_up(l);
}

static bool may_ask(void *arg)
{
	const struct leading *l = arg;

	return cluster_may_act(l->cluster);
}

struct leading *leading_new(struct engine *g, struct cluster *cluster)
{
	struct leading *l;

	if (!cluster)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	*l = (struct leading){ .engine = g, .cluster = cluster };
	fetcher_ask_before(g->fetcher, may_ask, l);
	return l;
}

void leading_begin(struct leading *l)
{
	if (l)
		l->bell = cluster_bell_new(l->cluster, l->engine->loop, leading_look, l);
}

void leading_end(struct leading *l)
{
	if (!l)
		return;
	l->ending = true;
	engine_rest(l->engine);
	cluster_resign(l->cluster);
}

void leading_free(struct leading *l)
{
	if (!l)
		return;
	cluster_bell_free(l->bell);
	migration_free(l->migration);
	free(l);
}
