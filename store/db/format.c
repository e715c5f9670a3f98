#include "store/db/format.h"

#include "store/db/env.h"
#include "store/db/txn.h"

int format_make_tables(struct txn *t, struct err *e)
{
	t->makes_tables = true;
	return 0;
}

/* -1: not a number we could have written. */
static int parse_format(struct slice text)
{
	const char *digit = text.data;
	int format = 0;

	if (text.len < 1 || text.len > 9)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (digit[i] < '0' || digit[i] > '9')
			return -1;
		format = format * 10 + (digit[i] - '0');
	}
	return format;
}

int format_now(struct store *s, int *format, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct slice value;
	int found;

	if (store_read_durable(s, &t, e) < 0)
		return -1;
	found = txn_get(t, TABLE_meta, slice_str("format"), &value, e);
	if (found < 0)
		return -1;
	*format = found ? parse_format(value) : 0;
	return *format < 0 ? err_set(e, ERR_STORAGE, "its format is not a number") : 0;
}

/* Is this a store that store_upgrade() can bring to our format? */
int format_check(struct store *s, struct err *e)
{
	int format;

	if (format_now(s, &format, e) < 0)
		return -1;
	s->format = format;
	if (format > STORE_FORMAT) {
		err_set(e, ERR_STORAGE, "it has format %d, and this program knows formats up to %d", format,
			STORE_FORMAT);
		return err_hint(e,
				"Use the newer Certera that wrote it, or a backup from before.  Nothing was changed.");
	}
	for (size_t i = 0; i < TABLES; i++)
		if (format == STORE_FORMAT && s->dbi[i] == NO_TABLE)
			return err_set(e, ERR_STORAGE, "its table %s is missing", table_name(i));
	return 0;
}
