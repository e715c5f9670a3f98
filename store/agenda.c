#include "store/agenda.h"

/*
 * Table agenda:     due time, kind, id -> nothing
 * Table agenda_due: kind, id -> due time
 * A due time is 8 bytes, most significant first, with its sign bit flipped: bytes then sort as numbers do.
 */
#define DUE_SIZE 8
#define KEY_SIZE (DUE_SIZE + 1 + sizeof(((struct agenda_row *)0)->id))

static const struct {
	enum agenda_kind kind;
	const char *name, *text;
} kinds[] = {
#define AGENDA_KIND(kind, number, doc) { AGENDA_##kind, #kind, doc },
#include "store/agenda.def"
#undef AGENDA_KIND
};

const char *agenda_kind_name(enum agenda_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "unknown";
}

const char *agenda_kind_text(enum agenda_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].text;
	return "";
}

static void put_due(unsigned char out[DUE_SIZE], int64_t due)
{
	uint64_t n = (uint64_t)due ^ (uint64_t)1 << 63;

	for (int i = DUE_SIZE - 1; i >= 0; i--, n >>= 8)
		out[i] = (unsigned char)n;
}

static int64_t get_due(const unsigned char *in)
{
	uint64_t n = 0;

	for (int i = 0; i < DUE_SIZE; i++)
		n = n << 8 | in[i];
	return (int64_t)(n ^ (uint64_t)1 << 63);
}

/* A row's key in memory: all of it in table agenda, what is behind the due time in agenda_due. */

struct agenda_key {
	unsigned char bytes[KEY_SIZE];
	size_t len;
};

static struct slice by_due(const struct agenda_key *k)
{
	return slice(k->bytes, k->len);
}

static struct slice by_id(const struct agenda_key *k)
{
	return slice(k->bytes + DUE_SIZE, k->len - DUE_SIZE);
}

static int make_key(struct agenda_key *k, enum agenda_kind kind, const char *id, struct err *e)
{
	size_t len = strlen(id);

	if (len >= sizeof(((struct agenda_row *)0)->id))
		return err_set(e, ERR_INVALID, "the agenda takes no id as long as \"%.200s\"", id);
	k->bytes[DUE_SIZE] = (unsigned char)kind;
	memcpy(k->bytes + DUE_SIZE + 1, id, len);
	k->len = DUE_SIZE + 1 + len;
	return 0;
}

/* Completes the key with the due time of the row there is.  1 found, 0 not, -1. */
static int find(struct txn *txn, struct agenda_key *k, struct err *e)
{
	struct slice due;
	int found = txn_get(txn, TABLE_agenda_due, by_id(k), &due, e);

	if (found <= 0)
		return found;
	if (due.len != DUE_SIZE)
		return err_set(e, ERR_STORAGE, "the agenda is damaged: a due time has %zu bytes", due.len);
	memcpy(k->bytes, due.data, DUE_SIZE);
	return 1;
}

int agenda_delete(struct txn *txn, enum agenda_kind kind, const char *id, struct err *e)
{
	struct agenda_key k;
	int found;

	if (make_key(&k, kind, id, e) < 0)
		return -1;
	found = find(txn, &k, e);
	if (found <= 0)
		return found;
	if (txn_delete(txn, TABLE_agenda, by_due(&k), e) < 0)
		return -1;
	return txn_delete(txn, TABLE_agenda_due, by_id(&k), e);
}

int agenda_set(struct txn *txn, enum agenda_kind kind, const char *id, int64_t due, struct err *e)
{
	struct agenda_key k;

	if (agenda_delete(txn, kind, id, e) < 0 || make_key(&k, kind, id, e) < 0)
		return -1;
	put_due(k.bytes, due);
	if (txn_put(txn, TABLE_agenda, by_due(&k), slice(NULL, 0), e) < 0)
		return -1;
	return txn_put(txn, TABLE_agenda_due, by_id(&k), slice(k.bytes, DUE_SIZE), e);
}

int agenda_due(struct txn *txn, enum agenda_kind kind, const char *id, int64_t *due, struct err *e)
{
	struct agenda_key k;
	int found;

	if (make_key(&k, kind, id, e) < 0)
		return -1;
	found = find(txn, &k, e);
	if (found > 0)
		*due = get_due(k.bytes);
	return found;
}

static int read_row(struct agenda_row *row, struct slice key, struct err *e)
{
	const unsigned char *bytes = key.data;

	if (key.len < DUE_SIZE + 1 || key.len - DUE_SIZE - 1 >= sizeof(row->id))
		return err_set(e, ERR_STORAGE, "the agenda is damaged: a row has %zu bytes", key.len);
	memset(row, 0, sizeof(*row));
	row->due = get_due(bytes);
	row->kind = bytes[DUE_SIZE];
	memcpy(row->id, bytes + DUE_SIZE + 1, key.len - DUE_SIZE - 1);
	return 0;
}

struct first {
	struct agenda_row *row;
	int count, max;
};

static int first_row(void *arg, struct slice key, struct slice value, struct err *e)
{
	struct first *first = arg;

	if (read_row(&first->row[first->count], key, e) < 0)
		return -1;
	return ++first->count == first->max;
}

int agenda_first(struct txn *txn, struct agenda_row *row, int max, struct err *e)
{
	struct first first = { row, 0, max };

	if (max <= 0)
		return 0;
	if (txn_walk(txn, TABLE_agenda, slice(NULL, 0), false, first_row, &first, e) < 0)
		return -1;
	return first.count;
}

struct due {
	int64_t now, *next;
	agenda_each_fn *fn;
	void *arg;
	unsigned char passed[DUE_SIZE + 1];	/* time and kind of the last row that fn passed */
	bool herd;				/* so was the one before: all of these are passed */
};

static int pass(struct due *due, struct slice key)
{
	due->herd = !memcmp(due->passed, key.data, sizeof(due->passed));
	memcpy(due->passed, key.data, sizeof(due->passed));
	return due->herd;
}

static int due_row(void *arg, struct slice key, struct slice value, struct err *e)
{
	struct due *due = arg;
	struct agenda_row row;
	int result;

	if (read_row(&row, key, e) < 0)
		return -1;
	if (row.due > due->now) {
		*due->next = row.due;
		return 1;
	}
	result = due->fn(due->arg, &row, e);
	return result == AGENDA_PASS ? pass(due, key) : result;
}

int agenda_each_due(struct txn *txn, int64_t now, agenda_each_fn *fn, void *arg, int64_t *next, struct err *e)
{
	struct due due = { .now = now, .next = next, .fn = fn, .arg = arg };
	struct slice first = slice(NULL, 0);
	int result;

	*next = INT64_MAX;
	do {
		due.herd = false;
		result = txn_range(txn, TABLE_agenda, first, slice(NULL, 0), false, due_row, &due, e);
		due.passed[DUE_SIZE]++;		/* no kind has the number 255 */
		first = slice(due.passed, sizeof(due.passed));
	} while (!result && due.herd);
	return result;
}
