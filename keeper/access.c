#include "keeper/access.h"

#include "base/encode.h"
#include "keeper/word.h"

#define APIKEY_PREFIX "cak_"

/*
 * The inside of the blob: both hashes, the use, the generation in three bytes and a zero, a byte of flags, the number
 * of grants, the grants; padded so that all are of one size.  The first form ended behind the zero: nothing withheld,
 * nothing granted.  In blobs from before there were generations, these bytes are zero.
 */
#define HASHES_SIZE (ACCESS_SLOTS * SHA256_SIZE)
#define GENERATION_AT (HASHES_SIZE + ACCESS_USE_SIZE)
#define GENERATION_SIZE 3
#define FIRST_FORM_SIZE (GENERATION_AT + GENERATION_SIZE + 1)
#define FLAGS_AT FIRST_FORM_SIZE
#define COUNT_AT (FLAGS_AT + 1)
#define GRANTS_AT (COUNT_AT + 1)
#define RECORD_SIZE (GRANTS_AT + ACCESS_GRANTS * ACCESS_ID_SIZE)
#define FLAG_WITHHELD 1

void access_rotate(struct access *a, size_t slot, struct buf *apikey)
{
	word_make(APIKEY_PREFIX, apikey, a->hash[slot]);
}

int access_slot(const struct access *a, struct slice apikey)
{
	unsigned char hash[SHA256_SIZE];
	int slot = 0;

	sha256(apikey.data, apikey.len, hash);
	for (int i = 0; i < ACCESS_SLOTS; i++)
		if (same_secret(hash, a->hash[i], SHA256_SIZE))
			slot = i + 1;
	return slot;
}

static int read_id(struct slice id, struct buf *raw)
{
	return memchr(id.data, '\0', id.len) || hex_decode(raw, id.data) < 0 || raw->len != ACCESS_ID_SIZE ? -1 : 0;
}

bool access_granted(const struct access *a, struct slice id)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;

	if (read_id(id, &raw) < 0)
		return false;
	for (size_t i = 0; i < a->grants; i++)
		if (!memcmp(a->grant[i], raw.data, ACCESS_ID_SIZE))
			return true;
	return false;
}

int access_grant(struct access *a, struct slice id, struct err *e)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;

	if (read_id(id, &raw) < 0)
		return err_set(e, ERR_INVALID, "this is no id of a certificate");
	if (access_granted(a, id))
		return 0;
	if (a->grants == ACCESS_GRANTS)
		return err_set(e, ERR_LIMIT, "the API keys of %d certificates may have this key already",
			       ACCESS_GRANTS);
	memcpy(a->grant[a->grants++], raw.data, ACCESS_ID_SIZE);
	return 0;
}

void access_close(const struct access *a, const struct seal *seal, struct slice id, struct buf *blob)
{
	unsigned char record[RECORD_SIZE] = { 0 };

	memcpy(record, a->hash, HASHES_SIZE);
	memcpy(record + HASHES_SIZE, a->use, ACCESS_USE_SIZE);
	for (int i = 0; i < GENERATION_SIZE; i++)
		record[GENERATION_AT + i] = (unsigned char)(a->generation >> 8 * i);
	record[FLAGS_AT] = a->withheld ? FLAG_WITHHELD : 0;
	record[COUNT_AT] = (unsigned char)a->grants;
	memcpy(record + GRANTS_AT, a->grant, sizeof(a->grant));
	seal_close(seal, a->kind, id, slice(record, RECORD_SIZE), blob);
}

static int open_as(struct access *a, const struct seal *seal, const char *kind, struct slice id, struct slice blob,
		   struct err *e)
{
	_cleanup_buf_wipe_ struct buf record = BUF_INIT;

	if (seal_open(seal, kind, id, blob, &record, e) < 0)
		return -1;
	if ((record.len != RECORD_SIZE && record.len != FIRST_FORM_SIZE) || record.data[FIRST_FORM_SIZE - 1] ||
	    (record.len == RECORD_SIZE && (unsigned char)record.data[COUNT_AT] > ACCESS_GRANTS))
		return err_set(e, ERR_STORAGE, "an access blob is %zu bytes long", record.len);
	a->kind = kind;
	memcpy(a->hash, record.data, HASHES_SIZE);
	memcpy(a->use, record.data + HASHES_SIZE, ACCESS_USE_SIZE - 1);
	for (int i = 0; i < GENERATION_SIZE; i++)
		a->generation |= (uint32_t)(unsigned char)record.data[GENERATION_AT + i] << 8 * i;
	if (record.len == RECORD_SIZE) {
		a->withheld = record.data[FLAGS_AT] & FLAG_WITHHELD;
		a->grants = (unsigned char)record.data[COUNT_AT];
		memcpy(a->grant, record.data + GRANTS_AT, sizeof(a->grant));
	}
	return 0;
}

int access_open(struct access *a, const struct seal *seal, const char *kind, struct slice id, struct slice blob,
		struct err *e)
{
	bool opened;

	memset(a, 0, sizeof(*a));
	if (kind)
		return open_as(a, seal, kind, id, blob, e);
	/* Both are tried whatever the first says: which of the two it was must not show in the time. */
	opened = open_as(a, seal, ACCESS_KEY, id, blob, e) == 0;
	opened |= open_as(a, seal, ACCESS_CERTIFICATE, id, blob, opened ? NULL : e) == 0;
	return opened ? 0 : -1;
}
