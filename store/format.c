#include "store/format.h"

#include "store/env.h"

int format_make_tables(struct txn *t, struct err *e)
{
	for (size_t i = 0; i < TABLES; i++) {
		int rc = mdb_dbi_open(t->mdb, table_name(i), MDB_CREATE, &t->store->dbi[i]);

		if (rc) {
			env_note_failure(t->store, rc);
			return env_fail(t->store, e, "writing", rc);
		}
	}
	return 0;
}

/* Format 0 is a store whose first start did not get as far as naming a format. */
static const struct migration {
	int from;
	int (*fn)(struct txn *, struct err *);
} migrations[] = {
	{ 0, format_make_tables },
};

static const struct migration *migration_from(int format)
{
	for (size_t i = 0; i < ARRAY_SIZE(migrations); i++)
		if (migrations[i].from == format)
			return &migrations[i];
	return NULL;
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

static int read_format(struct store *s, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct slice value;
	int found;

	if (store_read(s, &t, e) < 0)
		return -1;
	found = txn_get(t, TABLE_meta, slice_str("format"), &value, e);
	if (found < 0)
		return -1;
	s->format = found ? parse_format(value) : 0;
	return s->format < 0 ? err_set(e, ERR_STORAGE, "its format is not a number") : 0;
}

/* Is this a store that store_upgrade() can bring to our format? */
int format_check(struct store *s, struct err *e)
{
	if (read_format(s, e) < 0)
		return -1;
	if (s->format > STORE_FORMAT) {
		err_set(e, ERR_STORAGE, "it has format %d, and this program knows formats up to %d", s->format,
			STORE_FORMAT);
		return err_hint(e,
				"Use the newer Certera that wrote it, or a backup from before.  Nothing was changed.");
	}
	for (int format = s->format; format < STORE_FORMAT; format++) {
		if (migration_from(format))
			continue;
		err_set(e, ERR_STORAGE, "it has format %d, and this program (format %d) has no way on from format %d",
			s->format, STORE_FORMAT, format);
		return err_hint(e, "Start a Certera between the two versions once.  Nothing was changed.");
	}
	for (size_t i = 0; i < TABLES; i++)
		if (s->format == STORE_FORMAT && s->dbi[i] == NO_TABLE)
			return err_set(e, ERR_STORAGE, "its table %s is missing", table_name(i));
	return 0;
}

static int migrate(struct store *s, struct err *e)
{
	const struct migration *m = migration_from(s->format);
	_cleanup_txn_ struct txn *t = NULL;
	char text[16];

	if (!m)
		die("no migration from format %d: store_open() let it pass", s->format);
	snprintf(text, sizeof(text), "%d", s->format + 1);
	if (store_write(s, &t, e) < 0 ||
	    m->fn(t, e) < 0 ||
	    txn_put(t, TABLE_meta, slice_str("format"), slice_str(text), e) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	s->format++;
	return 0;
}

int store_upgrade(struct store *s, struct err *e)
{
	while (s->format < STORE_FORMAT) {
		if (migrate(s, e) < 0) {
			if (s->env)
				env_open_tables(s);		/* handles made in a transaction that failed are none */
			return err_prefix(e, "upgrading it from format %d to %d", s->format, s->format + 1);
		}
	}
	return 0;
}
