#include "store/event/history.h"

#include <stdarg.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/words.h"

/*
 * Table event:        number as 16 hex digits -> record
 * Table event_object: object or its name, NUL, number as 8 bytes -> nothing
 * meta "event_head":  number as 8 bytes and chain value of the newest event
 * meta "event_seal":  the same of the event that was sealed last, and the keeper's MAC of both
 */
#define TEXT_MOST 4000	/* bytes */
#define NUMBER_SIZE 8
#define NUMBER_TEXT 17
#define NAME_MOST 255		/* a longer one is not found by name: what strangers type is told of, too */
#define HEAD "event_head"
#define SEAL "event_seal"

struct head {
	int64_t number;
	unsigned char chain[SHA256_SIZE];
};

static void put_number(unsigned char out[NUMBER_SIZE], uint64_t n)
{
	for (int i = NUMBER_SIZE - 1; i >= 0; i--, n >>= 8)
		out[i] = (unsigned char)n;
}

static uint64_t get_number(const unsigned char *in)
{
	uint64_t n = 0;

	for (int i = 0; i < NUMBER_SIZE; i++)
		n = n << 8 | in[i];
	return n;
}

static const char *number_text(char out[NUMBER_TEXT], int64_t number)
{
	snprintf(out, NUMBER_TEXT, "%016llx", (unsigned long long)number);
	return out;
}

/* No head: no event yet, number 0 and a chain value of zeros. */
static int read_head(struct txn *txn, struct head *head, struct err *e)
{
	struct slice value;
	int found = txn_get(txn, TABLE_meta, slice_str(HEAD), &value, e);

	memset(head, 0, sizeof(*head));
	if (found <= 0)
		return found;
	if (value.len != NUMBER_SIZE + SHA256_SIZE)
		return err_set(e, ERR_STORAGE, "the audit log is damaged: its head has %zu bytes", value.len);
	head->number = (int64_t)get_number(value.data);
	memcpy(head->chain, (const unsigned char *)value.data + NUMBER_SIZE, SHA256_SIZE);
	return 0;
}

static int write_head(struct txn *txn, const struct head *head, struct err *e)
{
	unsigned char value[NUMBER_SIZE + SHA256_SIZE];

	put_number(value, (uint64_t)head->number);
	memcpy(value + NUMBER_SIZE, head->chain, SHA256_SIZE);
	return txn_put(txn, TABLE_meta, slice_str(HEAD), slice(value, sizeof(value)), e);
}

/* The chain value of an event, out of its predecessor's and its own other fields. */
static void chain_on(const struct rec_event *event, unsigned char chain[SHA256_SIZE])
{
	struct rec_event bare = *event;
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	bare.chain = (struct buf)BUF_INIT;
	record_encode(&rec_event_type, &bare, &bytes);
	sha256_slices((const struct slice[]){ slice(chain, SHA256_SIZE), slice_buf(&bytes) }, 2, chain);
}

/* "object", NUL, number */
static void object_key(struct buf *key, const char *object, int64_t number)
{
	unsigned char bytes[NUMBER_SIZE];

	put_number(bytes, (uint64_t)number);
	buf_add(key, object, strlen(object) + 1);
	buf_add(key, bytes, sizeof(bytes));
}

static int put_index(struct txn *txn, const char *object, int64_t number, struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	object_key(&key, object, number);
	return txn_put(txn, TABLE_event_object, slice_buf(&key), slice(NULL, 0), e);
}

static int add_event(struct txn *txn, struct rec_event *event, struct err *e)
{
	char number[NUMBER_TEXT];
	struct head head;

	if (read_head(txn, &head, e) < 0)
		return -1;
	head.number++;
	record_set(&event->id, number_text(number, head.number));
	chain_on(event, head.chain);
	record_set_blob(&event->chain, slice(head.chain, sizeof(head.chain)));
	if (rec_event_put(txn, event, e) < 0 || write_head(txn, &head, e) < 0)
		return -1;
	if (!event->object)
		return 0;
	if (put_index(txn, event->object, head.number, e) < 0)
		return -1;
	return event->name && strlen(event->name) <= NAME_MOST ? put_index(txn, event->name, head.number, e) : 0;
}

/* Empty is stored as nothing, so that an event reads the same before and after. */
static void set_text(char **field, const char *value)
{
	record_set(field, value && *value ? value : NULL);
}

/* What may have a stranger's words in it: a CA's, or a name that somebody tried to sign in with. */
static void set_words(char **field, const char *value)
{
	_cleanup_free_ char *shown = words_line(value, TEXT_MOST);

	set_text(field, shown);
}

int history_add(struct txn *txn, const struct event_of *of, struct err *e, const char *fmt, ...)
{
	struct rec_event event = { .time = clock_now() };
	_cleanup_free_ char *message = NULL;
	va_list args;
	int rc;

	va_start(args, fmt);
	message = xvasprintf(fmt, args);
	va_end(args);
	set_words(&event.actor, of->actor);
	set_text(&event.address, of->address);
	set_text(&event.action, of->action);
	set_text(&event.object, of->object);
	set_words(&event.name, of->name);
	set_words(&event.message, message);
	/* An order is canceled by a person or, for a person, by the engine. */
	set_text(&event.subclass, of->subclass                           ? of->subclass
				  : str_eq(of->action, "order.canceled") ? history_subclass(EVENT_close_successful)
									 : NULL);
	rc = add_event(txn, &event, e);
	rec_event_release(&event);
	return rc < 0 ? err_prefix(e, "writing the audit log") : 0;
}

struct each {
	struct txn *txn;
	record_each_fn *fn;
	void *arg;
};

static int each_event(void *arg, struct slice key, struct slice stored, struct err *e)
{
	const struct each *each = arg;
	struct rec_event event = { 0 };
	int result;

	if (record_decode(&rec_event_type, &event, stored, e) < 0)
		return err_prefix(e, "reading event %.*s", (int)key.len, (const char *)key.data);
	result = each->fn(each->arg, &event, e);
	rec_event_release(&event);
	return result;
}

static int each_of_object(void *arg, struct slice key, struct slice value, struct err *e)
{
	const struct each *each = arg;
	const unsigned char *bytes = key.data;
	struct rec_event event = { 0 };
	char number[NUMBER_TEXT];
	int result;

	number_text(number, (int64_t)get_number(bytes + key.len - NUMBER_SIZE));
	if (rec_event_get(each->txn, &event, number, e) < 0)
		return -1;
	result = each->fn(each->arg, &event, e);
	rec_event_release(&event);
	return result;
}

int history_each(struct txn *txn, const char *object, int64_t before, record_each_fn *fn, void *arg, struct err *e)
{
	_cleanup_buf_ struct buf first = BUF_INIT, end = BUF_INIT;
	struct each each = { txn, fn, arg };
	char number[NUMBER_TEXT];

	if (before <= 0)
		before = INT64_MAX;
	if (!object)
		return txn_range(txn, TABLE_event, slice(NULL, 0), slice_str(number_text(number, before)), true,
				 each_event, &each, e);
	object_key(&first, object, 0);
	object_key(&end, object, before);
	return txn_range(txn, TABLE_event_object, slice_buf(&first), slice_buf(&end), true, each_of_object, &each, e);
}

int history_each_after(struct txn *txn, int64_t after, record_each_fn *fn, void *arg, struct err *e)
{
	struct each each = { txn, fn, arg };
	char number[NUMBER_TEXT];

	return txn_range(txn, TABLE_event, slice_str(number_text(number, MAX(after, 0) + 1)), slice(NULL, 0), false,
			 each_event, &each, e);
}

static int take_name(void *arg, void *rec, struct err *e)
{
	record_set(arg, ((const struct rec_event *)rec)->name);
	return 1;
}

char *history_name(struct txn *txn, const char *object)
{
	char *name = NULL;

	history_each(txn, object, 0, take_name, &name, NULL);
	return name;
}

static int bad_event(struct err *e, int64_t number, const char *what)
{
	err_set(e, ERR_STORAGE, "the audit log was tampered with or is damaged: event %lld %s",
		(long long)number, what);
	return err_hint(e, "Compare with a backup.  Events before this one are as they were written.");
}

/*
 * The seal.
 */

int history_head(struct txn *txn, unsigned char out[HISTORY_HEAD_SIZE], struct err *e)
{
	struct head head;

	if (read_head(txn, &head, e) < 0)
		return -1;
	put_number(out, (uint64_t)head.number);
	memcpy(out + NUMBER_SIZE, head.chain, SHA256_SIZE);
	return head.number > 0;
}

static int check_sealed(struct txn *txn, const unsigned char head[HISTORY_HEAD_SIZE], struct err *e)
{
	int64_t number = (int64_t)get_number(head);
	struct rec_event event = { 0 };
	char text[NUMBER_TEXT];
	bool same;

	if (rec_event_get(txn, &event, number_text(text, number), e) < 0)
		return e->kind == ERR_MISSING ? bad_event(e, number, "is missing, which the keeper has sealed") : -1;
	same = slice_eq(slice_buf(&event.chain), slice(head + NUMBER_SIZE, SHA256_SIZE));
	rec_event_release(&event);
	return same ? 0 : bad_event(e, number, "is not the one that the keeper has sealed");
}

int history_seal_get(struct txn *txn, struct history_seal *seal, struct err *e)
{
	struct slice value;
	int found = txn_get(txn, TABLE_meta, slice_str(SEAL), &value, e);

	if (found <= 0)
		return found;
	if (value.len != HISTORY_HEAD_SIZE + HISTORY_MAC_SIZE)
		return err_set(e, ERR_STORAGE, "the audit log is damaged: its seal has %zu bytes", value.len);
	memcpy(seal->head, value.data, HISTORY_HEAD_SIZE);
	memcpy(seal->mac, (const unsigned char *)value.data + HISTORY_HEAD_SIZE, HISTORY_MAC_SIZE);
	return check_sealed(txn, seal->head, e) < 0 ? -1 : 1;
}

int history_seal_put(struct txn *txn, const struct history_seal *seal, struct err *e)
{
	unsigned char value[HISTORY_HEAD_SIZE + HISTORY_MAC_SIZE];

	memcpy(value, seal->head, HISTORY_HEAD_SIZE);
	memcpy(value + HISTORY_HEAD_SIZE, seal->mac, HISTORY_MAC_SIZE);
	return txn_put(txn, TABLE_meta, slice_str(SEAL), slice(value, sizeof(value)), e);
}

/* One event of the chain; head is how far it got. */
static int verify_event(void *arg, struct slice key, struct slice stored, struct err *e)
{
	struct head *head = arg;
	struct rec_event event = { 0 };
	_cleanup_buf_ struct buf again = BUF_INIT;
	int64_t number = head->number + 1;
	char text[NUMBER_TEXT];
	bool good;

	number_text(text, number);
	if (!slice_eq(key, slice_str(text))) {
		bool later = key.len == strlen(text) && memcmp(key.data, text, key.len) > 0;

		return bad_event(e, number, later ? "is missing" : "has a stranger in front of it");
	}
	if (record_decode(&rec_event_type, &event, stored, e) < 0)
		return bad_event(e, number, "cannot be read");
	chain_on(&event, head->chain);
	record_encode(&rec_event_type, &event, &again);		/* also shows what decoding skipped */
	good = str_eq(event.id, text) && slice_eq(slice_buf(&again), stored) &&
	       slice_eq(slice_buf(&event.chain), slice(head->chain, sizeof(head->chain)));
	rec_event_release(&event);
	head->number = number;
	return good ? 0 : bad_event(e, number, "was changed, or is not the one that was written there");
}

int history_verify(struct txn *txn, int64_t *events, struct err *e)
{
	struct head head, found = { 0 };
	struct history_seal seal;

	*events = 0;
	if (read_head(txn, &head, e) < 0 ||
	    txn_walk(txn, TABLE_event, slice(NULL, 0), false, verify_event, &found, e) < 0)
		return -1;
	if (found.number < head.number)
		return bad_event(e, found.number + 1, "is missing");
	if (found.number > head.number)
		return bad_event(e, head.number + 1, "was added behind the last one");
	if (memcmp(found.chain, head.chain, sizeof(head.chain)))
		return bad_event(e, head.number, "is not the last one that was written");
	if (history_seal_get(txn, &seal, e) < 0)
		return -1;
	*events = found.number;
	return 0;
}
