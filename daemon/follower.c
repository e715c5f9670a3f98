#include "daemon/follower.h"

#include "base/clock.h"
#include "daemon/engine/settle.h"
#include "store/db/store.h"

#define SOON_MS 2000   /* what comes together is told together */
#define APART_MS 60000 /* between two looks at all users and keys */

/* Tables whose changes are told. */
static const enum table site_table = TABLE_version, sealed[] = { TABLE_user, TABLE_key, TABLE_cert };

struct follower {
	struct engine *engine;
	struct site *site;
	struct bell *bell;
	struct timer timer;
	bool waits;
	uint64_t versions, sealed; /* changes that were told */
	int64_t settled;           /* clock_mono_ms() */
};

static uint64_t sealed_changes(const struct follower *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sealed); i++)
		sum += store_changes(f->engine->store, sealed[i]);
	return sum;
}

static void follower_tell(void *arg);

static void tell_later(struct follower *f, int64_t ms)
{
	f->waits = true;
	timer_start(&f->timer, f->engine->loop, ms, follower_tell, f);
}

static void tell_site(struct follower *f)
{
	uint64_t versions = store_changes(f->engine->store, site_table);

	if (versions == f->versions)
		return;
	f->versions = versions;
	site_load(f->site);
}

static void tell_keeper(struct follower *f)
{
	uint64_t changes = sealed_changes(f);
	int64_t wait = f->settled + APART_MS - clock_mono_ms();

	if (changes == f->sealed)
		return;
	if (f->settled && wait > 0) {
		tell_later(f, wait);
		return;
	}
	f->sealed = changes;
	f->settled = clock_mono_ms();
	settling_again(f->engine->settling);
}

static void follower_tell(void *arg)
{
	struct follower *f = arg;

	f->waits = false;
	if (!f->engine->resting)
		return;
	tell_site(f);
	tell_keeper(f);
}

static void table_changed(void *arg)
{
	struct follower *f = arg;

	if (!f->waits && f->engine->resting)
		tell_later(f, SOON_MS);
}

struct follower *follower_new(struct engine *g, struct site *site)
{
	struct follower *f = xcalloc(1, sizeof(*f));

	f->engine = g;
	f->site = site;
	f->bell = bell_new(g->store, g->loop, table_changed, f);
	bell_watch(f->bell, site_table, true);
	for (size_t i = 0; i < ARRAY_SIZE(sealed); i++)
		bell_watch(f->bell, sealed[i], true);
	return f;
}

void follower_free(struct follower *f)
{
	if (!f)
		return;
	timer_stop(&f->timer);
	bell_free(f->bell);
	free(f);
}
