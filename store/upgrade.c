#include "store/upgrade.h"

#include "store/db/bell.h"
#include "store/db/env.h"
#include "store/db/apply.h"
#include "store/db/format.h"
#include "store/hooks.h"
#include "store/version.h"

/*
 * Each goes in steps (txn.h) and may be done again from its begin: the format says that it is done, and is written
 * last.
 */

static int make_tables(struct store *s, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write_local(s, &t, e) < 0 || format_make_tables(t, e) < 0 || txn_commit(TAKE(t), e) < 0)
		return -1;
	return store_settle(s, e);
}

static int make_nothing(struct store *s, struct err *e)
{
	return 0;
}

/* Format 2 knows which certificates have a key. */
static int make_refs(struct store *s, struct err *e)
{
	return record_make_refs(s, &rec_cert_type, e);
}

/* Format 6 has certificates, keys and orders in the orders of their lists. */
static int make_orders(struct store *s, struct err *e)
{
	if (record_make_order(s, &rec_cert_type, e) < 0 || record_make_order(s, &rec_key_type, e) < 0)
		return -1;
	return record_make_order(s, &rec_order_type, e);
}

static int respell(void *arg, struct txn *t, void *rec, struct err *e)
{
	struct rec_order *order = rec;

	if (!str_eq(order->result, "cancelled"))
		return 0;
	record_set(&order->result, "canceled");
	return rec_order_put(t, order, e);
}

/* Format 5 keeps settings, and how far readers of events are; orders that were canceled have RFC 8555's word for it. */
static int make_settings(struct store *s, struct err *e)
{
	return record_each_in_steps(s, &rec_order_type, respell, NULL, e);
}

/* Format 0 is a store whose first start did not get as far as naming a format. */
static int (*const migrations[])(struct store *, struct err *) = {
	[0] = make_nothing,
	[1] = make_refs,
	[2] = hooks_judge_all,	/* format 3 knows who chose the scripts of a certificate */
	[3] = versions_name_issuers,	/* format 4 has issuer, profile, key type and creation in the rows of lists */
	[4] = make_settings,
	[5] = make_orders,
	[6] = make_nothing,	/* format 7 has a table for what is a machine's alone */
};
_Static_assert(ARRAY_SIZE(migrations) == STORE_FORMAT, "every format has a way to the next");

static int migrate(struct store *s, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	char text[16];

	snprintf(text, sizeof(text), "%d", s->format + 1);
	if (migrations[s->format](s, e) < 0 || store_write(s, &t, e) < 0 ||
	    txn_put(t, TABLE_meta, slice_str("format"), slice_str(text), e) < 0 || txn_commit(TAKE(t), e) < 0 ||
	    store_settle(s, e) < 0)
		return -1;
	s->format++;
	return 0;
}

int store_prepare(struct store *s, struct err *e)
{
	return s->format < STORE_FORMAT ? make_tables(s, e) : 0;
}

bool store_is_older(struct store *s)
{
	struct err ignored;
	int format;

	if (s->format < STORE_FORMAT && format_now(s, &format, &ignored) == 0)
		s->format = format;
	return s->format < STORE_FORMAT;
}

int store_upgrade(struct store *s, struct err *e)
{
	/* All tables first: who puts a record enters it wherever this program looks for it. */
	if (!store_is_older(s) || store_prepare(s, e) < 0)
		return store_is_older(s) ? -1 : 0;
	while (s->format < STORE_FORMAT)
		if (migrate(s, e) < 0)
			return err_prefix(e, "upgrading it from format %d to %d", s->format, s->format + 1);
	return 0;
}
