#include "keeper/access.h"

#include "base/encode.h"

#define APIKEY_PREFIX "cak_"
#define APIKEY_BYTES 32

/* The inside of the blob: both hashes, then the use, padded so that all are of one size. */
#define HASHES_SIZE (ACCESS_SLOTS * SHA256_SIZE)
#define RECORD_SIZE (HASHES_SIZE + ACCESS_USE_SIZE)

void access_rotate(struct access *a, size_t slot, struct buf *apikey)
{
	unsigned char secret[APIKEY_BYTES];
	size_t start = apikey->len;

	random_bytes(secret, sizeof(secret));
	buf_reserve(apikey, 64);
	buf_add_str(apikey, APIKEY_PREFIX);
	base64url_add(apikey, secret, sizeof(secret));
	wipe(secret, sizeof(secret));
	sha256(apikey->data + start, apikey->len - start, a->hash[slot]);
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

void access_close(const struct access *a, const struct seal *seal, struct slice id, struct buf *blob)
{
	unsigned char record[RECORD_SIZE];

	memcpy(record, a->hash, HASHES_SIZE);
	memcpy(record + HASHES_SIZE, a->use, ACCESS_USE_SIZE);
	seal_close(seal, a->kind, id, slice(record, RECORD_SIZE), blob);
}

static int open_as(struct access *a, const struct seal *seal, const char *kind, struct slice id, struct slice blob,
		   struct err *e)
{
	_cleanup_buf_wipe_ struct buf record = BUF_INIT;

	if (seal_open(seal, kind, id, blob, &record, e))
		return -1;
	if (record.len != RECORD_SIZE || record.data[RECORD_SIZE - 1])
		return err_set(e, ERR_STORAGE, "an access blob is %zu bytes long", record.len);
	a->kind = kind;
	memcpy(a->hash, record.data, HASHES_SIZE);
	memcpy(a->use, record.data + HASHES_SIZE, ACCESS_USE_SIZE);
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
	opened = !open_as(a, seal, ACCESS_KEY, id, blob, e);
	opened |= !open_as(a, seal, ACCESS_CERTIFICATE, id, blob, opened ? NULL : e);
	return opened ? 0 : -1;
}
