#include "daemon/migration.h"

#include <pthread.h>

#include "base/log.h"
#include "store/upgrade.h"

struct migration {
	struct store *store;
	struct loop *loop;
	migration_fn *fn;
	void *arg;
	pthread_t thread;
	bool joined;
	struct err err;
};

static void migration_over(void *arg)
{
	struct migration *m = arg;

	pthread_join(m->thread, NULL);
	m->joined = true;
	m->fn(m->arg, err_is_set(&m->err) ? &m->err : NULL);
}

static void *migrate(void *arg)
{
	struct migration *m = arg;

	log_role("upgrade");
	log_info("the store of the cluster gets the format of this version");
	store_upgrade(m->store, &m->err);
	loop_post(m->loop, migration_over, m);
	return NULL;
}

struct migration *migration_new(struct store *s, struct loop *loop, migration_fn *fn, void *arg)
{
	struct migration *m = xcalloc(1, sizeof(*m));

	*m = (struct migration){ .store = s, .loop = loop, .fn = fn, .arg = arg };
	if (pthread_create(&m->thread, NULL, migrate, m))
		die("no thread for the upgrade of the store could be started");
	return m;
}

void migration_free(struct migration *m)
{
	if (!m)
		return;
	if (!m->joined)
		pthread_join(m->thread, NULL);
	free(m);
}
