#include "base/digest.h"

#include <errno.h>
#include <sys/random.h>

#include <mbedtls/md.h>

#include "base/encode.h"

/* mbedTLS's generic interface is the same in 2.28 and 3.x; the SHA-256 one is not. */
static const mbedtls_md_info_t *md_sha256(void)
{
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);

	if (!info)
		die("this mbedTLS was built without SHA-256");
	return info;
}

static void check(int rc)
{
	if (rc)
		die("mbedTLS could not compute a digest (error -0x%04x)", (unsigned)-rc);
}

void sha256(const void *data, size_t len, unsigned char out[SHA256_SIZE])
{
	check(mbedtls_md(md_sha256(), data, len, out));
}

void sha256_slices(const struct slice *slices, size_t count, unsigned char out[SHA256_SIZE])
{
	mbedtls_md_context_t md;

	mbedtls_md_init(&md);
	check(mbedtls_md_setup(&md, md_sha256(), 0));
	check(mbedtls_md_starts(&md));
	for (size_t i = 0; i < count; i++)
		check(mbedtls_md_update(&md, slices[i].data, slices[i].len));
	check(mbedtls_md_finish(&md, out));
	mbedtls_md_free(&md);
}

void hmac_sha256(struct slice key, struct slice data, unsigned char out[SHA256_SIZE])
{
	check(mbedtls_md_hmac(md_sha256(), key.data, key.len, data.data, data.len, out));
}

size_t hmac_by_name(const char *alg, struct slice key, struct slice data, unsigned char out[HMAC_MAX])
{
	static const struct {
		const char *alg;
		mbedtls_md_type_t md;
	} algs[] = { { "HS256", MBEDTLS_MD_SHA256 }, { "HS384", MBEDTLS_MD_SHA384 }, { "HS512", MBEDTLS_MD_SHA512 } };

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		const mbedtls_md_info_t *md = mbedtls_md_info_from_type(algs[i].md);

		if (!str_eq(algs[i].alg, alg) || !md)
			continue;
		check(mbedtls_md_hmac(md, key.data, key.len, data.data, data.len, out));
		return mbedtls_md_get_size(md);
	}
	return 0;
}

void random_bytes(void *out, size_t len)
{
	unsigned char *p = out;

	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("the kernel gives no random numbers: %s", strerror(errno));
		p += n;
		len -= (size_t)n;
	}
}

uint64_t random_below(uint64_t bound)
{
	/* The 2^64 values are cut to a multiple of bound, else small results were likelier. */
	uint64_t x, skip = -bound % bound;

	do
		random_bytes(&x, sizeof(x));
	while (x < skip);
	return x % bound;
}

char *random_hex(size_t bytes)
{
	struct buf raw = BUF_INIT;
	char *hex;

	random_bytes(buf_reserve(&raw, bytes), bytes);
	hex = hex_str(raw.data, bytes);
	raw.len = bytes;
	buf_wipe(&raw);
	return hex;
}

char *random_text(size_t bytes)
{
	struct buf raw = BUF_INIT;
	char *text;

	random_bytes(buf_reserve(&raw, bytes), bytes);
	text = base64url_str(raw.data, bytes);
	raw.len = bytes;
	buf_wipe(&raw);
	return text;
}

char *sha256_text(const char *text)
{
	unsigned char hash[SHA256_SIZE];

	sha256(text, strlen(text), hash);
	return base64url_str(hash, sizeof(hash));
}

int random_mbedtls(void *unused, unsigned char *out, size_t len)
{
	random_bytes(out, len);
	return 0;
}
