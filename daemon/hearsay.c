#include "daemon/hearsay.h"

#include "base/clock.h"
#include "daemon/engine/settle.h"
#include "store/db/store.h"

#define SOON_MS 2000   /* what comes together is told together */
#define APART_MS 60000 /* between two looks at all users and keys */

/* Tables whose changes are told. */
static const enum table site_table = TABLE_version, sealed[] = { TABLE_user, TABLE_key, TABLE_cert };

struct hearsay {
	struct engine *engine;
	struct site *site;
	struct bell *bell;
	struct timer timer;
	bool waits;
	uint64_t versions, sealed; /* changes that were told */
	int64_t settled;           /* clock_mono_ms() */
};

static uint64_t sealed_changes(const struct hearsay *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sealed); i++)
		sum += store_changes(f->engine->store, sealed[i]);
	return sum;
}

static void hearsay_tell(void *arg);

static void tell_later(struct hearsay *f, int64_t ms)
{
	f->waits = true;
	timer_start(&f->timer, f->engine->loop, ms, hearsay_tell, f);
}

static void tell_site(struct hearsay *f)
{
	uint64_t versions = store_changes(f->engine->store, site_table);

	if (versions == f->versions)
		return;
	f->versions = versions;
	site_load(f->site);
}

static void tell_keeper(struct hearsay *f)
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

static void hearsay_tell(void *arg)
{
	struct hearsay *f = arg;

	f->waits = false;
	if (!f->engine->resting)
		return;
	tell_site(f);
	tell_keeper(f);
}

static void table_changed(void *arg)
{
	struct hearsay *f = arg;

	if (!f->waits && f->engine->resting)
		tell_later(f, SOON_MS);
}

struct hearsay *hearsay_new(struct engine *g, struct site *site)
{
	struct hearsay *f = xcalloc(1, sizeof(*f));

	f->engine = g;
	f->site = site;
	f->bell = bell_new(g->store, g->loop, table_changed, f);
	bell_watch(f->bell, site_table, true);
	for (size_t i = 0; i < ARRAY_SIZE(sealed); i++)
		bell_watch(f->bell, sealed[i], true);
	return f;
}

void hearsay_free(struct hearsay *f)
{
	if (!f)
		return;
	timer_stop(&f->timer);
	bell_free(f->bell);
	free(f);
}
