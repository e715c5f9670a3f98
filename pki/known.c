#include "pki/known.h"

#include "base/digest.h"

#define SLOTS 16384		/* a newer chain takes the slot of an older one; a megabyte, once all are used */
#define CERTS_MOST 16

struct known_chains {
	struct slot {
		unsigned char digest[SHA256_SIZE];
		int64_t until;
	} slot[SLOTS];
};

struct known_chains *known_new(void)
{
	return xcalloc(1, sizeof(struct known_chains));
}

void known_free(struct known_chains *k)
{
	free(k);
}

/* Each with its length before it: no two chains are the same bytes.  False: it is too long to be known. */
static bool chain_sum(const struct cert *const *certs, size_t count, unsigned char digest[SHA256_SIZE])
{
	struct slice part[2 * CERTS_MOST];
	size_t len[CERTS_MOST];

	if (!count || count > CERTS_MOST)
		return false;
	for (size_t i = 0; i < count; i++) {
		len[i] = certs[i]->der.len;
		part[2 * i] = slice(&len[i], sizeof(len[i]));
		part[2 * i + 1] = slice_buf(&certs[i]->der);
	}
	sha256_slices(part, 2 * count, digest);
	return true;
}

static size_t slot_of(const unsigned char digest[SHA256_SIZE])
{
	return (digest[0] | (size_t)digest[1] << 8) % SLOTS;
}

void known_add(struct known_chains *k, const struct cert *const *certs, size_t count, int64_t until)
{
	struct slot new = { .until = until };

	if (chain_sum(certs, count, new.digest))
		k->slot[slot_of(new.digest)] = new;
}

int64_t known_until(const struct known_chains *k, const struct cert *const *certs, size_t count)
{
	unsigned char digest[SHA256_SIZE];
	const struct slot *slot;

	if (!chain_sum(certs, count, digest))
		return 0;
	slot = &k->slot[slot_of(digest)];
	return memcmp(slot->digest, digest, sizeof(digest)) ? 0 : slot->until;
}
