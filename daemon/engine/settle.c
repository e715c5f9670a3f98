#include "daemon/engine/settle.h"

#include "base/log.h"
#include "keeper/keeper.h"

#define STEP 32		/* records a turn */
#define APART_MS 20

static const struct settle_table {
	const struct record_type *type;
	enum table table;
	size_t blob;		/* where it is in the record */
} tables[] = {
	{ &rec_user_type, TABLE_user, offsetof(struct rec_user, sealed) },
	{ &rec_key_type, TABLE_key, offsetof(struct rec_key, access) },
	{ &rec_cert_type, TABLE_cert, offsetof(struct rec_cert, access) },
};

struct settling {
	struct engine *engine;
	struct timer timer;
	size_t table;		/* of tables[] */
	struct buf after;	/* the last id that was told; empty: none of this table */
	int left;		/* of this turn */
	bool again;		/* when it is through, from the begin */
	bool said;		/* something is older than it was: one says it for all */
};

static void told(void *arg, const struct keeper_answer *a)
{
	struct settling *s = arg;

	if (a->err && !s->said)
		log_err(LOG_LEVEL_ERROR, a->err);
	s->said |= a->err != NULL;
}

static int tell(void *arg, struct slice key, struct slice value, struct err *e)
{
	struct settling *s = arg;
	const struct settle_table *of = &tables[s->table];
	_cleanup_free_ void *rec = xcalloc(1, record_size(of->type));
	const struct buf *blob = (const struct buf *)((const char *)rec + of->blob);
	int failed = record_decode(of->type, rec, value, e);

	if (failed == 0 && blob->len)
		KEEPER_ASK(s->engine->keeper, settled, -1, told, s, key, slice_buf(blob));
	record_release(of->type, rec);
	buf_clear(&s->after);
	buf_add(&s->after, key.data, key.len);
	buf_add_ch(&s->after, '\0');	/* the least id behind it */
	return failed < 0 ? -1 : --s->left == 0;
}

/* What cannot be read is said by those who need it. */
static void settle_some(void *arg)
{
	struct settling *s = arg;
	_cleanup_txn_ struct txn *t = NULL;
	struct err e = { 0 };

	s->left = STEP;
	if (store_read_durable(s->engine->store, &t, &e) < 0 ||
	    txn_range(t, tables[s->table].table, slice_buf(&s->after), slice_str(""), false, tell, s, &e) < 0)
		log_debug("the keeper does not hear of all that the store holds: %s", e.message);
	else if (s->left) {
		buf_clear(&s->after);
		s->table++;
	}
	if (s->table == ARRAY_SIZE(tables) && s->again) {
		s->again = false;
		s->table = 0;
	}
	if (!err_is_set(&e) && s->table < ARRAY_SIZE(tables))
		timer_start(&s->timer, s->engine->loop, APART_MS, settle_some, s);
}

struct settling *settling_new(struct engine *g)
{
	struct settling *s = xcalloc(1, sizeof(*s));

	s->engine = g;
	timer_start(&s->timer, g->loop, 0, settle_some, s);
	return s;
}

void settling_again(struct settling *s)
{
	if (s->timer.event) {
		s->again = true;
		return;
	}
	s->table = 0;
	buf_clear(&s->after);
	timer_start(&s->timer, s->engine->loop, 0, settle_some, s);
}

void settling_free(struct settling *s)
{
	if (!s)
		return;
	timer_stop(&s->timer);
	buf_release(&s->after);
	free(s);
}
