#include "daemon/keycheck.h"

#define CHECK "keeper_check"	/* in the meta table */

static int read_check(struct store *store, struct buf *blob, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct slice value;
	int found;

	if (store_read(store, &t, e) < 0)
		return -1;
	found = txn_get(t, TABLE_meta, slice_str(CHECK), &value, e);
	if (found > 0)
		buf_add(blob, value.data, value.len);
	return found;
}

static void release(struct buf out[KEEPER_FIELDS])
{
	for (int i = 0; i < KEEPER_FIELDS; i++)
		buf_wipe(&out[i]);
}

int keycheck_verify(struct store *store, struct keeper *keeper, int client, struct err *e)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;
	struct buf out[KEEPER_FIELDS] = { 0 };
	struct slice question;
	int found = read_check(store, &blob, e);
	int failed;

	if (found <= 0)
		return found;
	question = slice_buf(&blob);
	failed = keeper_ask_now(keeper, client, KEEPER_check, &question, 1, out, e);
	release(out);
	return failed;
}

int keycheck_mark(struct store *store, struct keeper *keeper, int client, struct err *e)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;
	struct buf out[KEEPER_FIELDS] = { 0 };
	struct txn *t = NULL;
	int failed = read_check(store, &blob, e);

	if (failed)
		return MIN(failed, 0);	/* it has one */
	failed = keeper_ask_now(keeper, client, KEEPER_check_new, NULL, 0, out, e);
	if (!failed)
		failed = store_write(store, &t, e);
	if (!failed)
		failed = txn_put(t, TABLE_meta, slice_str(CHECK), slice_buf(&out[0]), e);
	if (!failed)
		failed = txn_commit(TAKE(t), e);
	txn_abort(t);
	release(out);
	return failed;
}
