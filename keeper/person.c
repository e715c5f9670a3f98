#include "keeper/person.h"

#include <ctype.h>

#include <liboath/oath.h>

#include "base/encode.h"

#define FORMAT 1
#define STEP_SECONDS 30
#define DIGITS 6
#define WINDOW 1		/* steps to either side: clocks differ */
#define RECOVERY_BYTES 10	/* 80 bits: 16 characters of base32 */
#define GROUP 4			/* of these are shown together */

enum {			/* the inside of a blob; always of one size */
	AT_ROLE = 1,
	AT_TOTP = AT_ROLE + 1,
	AT_HASH = AT_TOTP + 1,
	AT_SECRET = AT_HASH + PERSON_HASH_SIZE,
	AT_RECOVERY = AT_SECRET + PERSON_SECRET_SIZE,
	BLOB_SIZE = AT_RECOVERY + PERSON_CODES * SHA256_SIZE,
};

static const char *const words[] = {
	[PERSON_VIEWER] = "viewer", [PERSON_OPERATOR] = "operator", [PERSON_ADMIN] = "admin"
};

const char *person_role_word(enum person_role role)
{
	return words[role];
}

int person_role(struct slice word, enum person_role *role, struct err *e)
{
	for (*role = PERSON_VIEWER; *role <= PERSON_ADMIN; ++*role)
		if (slice_eq(word, slice_str(words[*role])))
			return 0;
	return err_set(e, ERR_INVALID, "a user is a viewer, an operator or an admin");
}

void person_close(const struct person *p, const struct seal *seal, struct slice id, struct buf *blob)
{
	unsigned char inside[BLOB_SIZE] = { FORMAT };

	inside[AT_ROLE] = (unsigned char)p->role;
	inside[AT_TOTP] = p->totp;
	memcpy(inside + AT_HASH, p->hash, PERSON_HASH_SIZE);
	memcpy(inside + AT_SECRET, p->secret, PERSON_SECRET_SIZE);
	memcpy(inside + AT_RECOVERY, p->recovery, sizeof(p->recovery));
	seal_close(seal, PERSON_BLOB, id, slice(inside, BLOB_SIZE), blob);
	wipe(inside, sizeof(inside));
}

int person_open(struct person *p, const struct seal *seal, struct slice id, struct slice blob, struct err *e)
{
	_cleanup_buf_wipe_ struct buf inside = BUF_INIT;

	memset(p, 0, sizeof(*p));
	if (seal_open(seal, PERSON_BLOB, id, blob, &inside, e))
		return -1;
	if (inside.len != BLOB_SIZE || inside.data[0] != FORMAT || (unsigned char)inside.data[AT_ROLE] > PERSON_ADMIN)
		return err_set(e, ERR_STORAGE, "what is sealed of a user is not understood");
	p->role = (enum person_role)inside.data[AT_ROLE];
	p->totp = inside.data[AT_TOTP];
	memcpy(p->hash, inside.data + AT_HASH, PERSON_HASH_SIZE - 1);
	memcpy(p->secret, inside.data + AT_SECRET, PERSON_SECRET_SIZE);
	memcpy(p->recovery, inside.data + AT_RECOVERY, sizeof(p->recovery));
	return 0;
}

/*
 * Codes.
 */

int64_t totp_step(const unsigned char secret[PERSON_SECRET_SIZE], const char *code, int64_t now, int64_t after)
{
	int64_t present = now / STEP_SECONDS, found = 0;

	if (strlen(code) != DIGITS)
		return 0;
	for (int64_t step = present - WINDOW; step <= present + WINDOW; step++) {
		char otp[DIGITS + 1];

		if (oath_hotp_generate((const char *)secret, PERSON_SECRET_SIZE, (uint64_t)step, DIGITS, false,
				       OATH_HOTP_DYNAMIC_TRUNCATION, otp) != OATH_OK)
			die("liboath makes no codes");
		if (same_secret(otp, code, DIGITS) && step > after)
			found = step;
		wipe(otp, sizeof(otp));
	}
	return found;
}

static void base32(const unsigned char *bytes, size_t len, struct buf *text)
{
	char *out = NULL;
	size_t out_len;

	if (oath_base32_encode((const char *)bytes, len, &out, &out_len) != OATH_OK)
		die("liboath does not encode");
	buf_add(text, out, strcspn(out, "="));
	wipe_free(out);
}

void totp_text(const unsigned char secret[PERSON_SECRET_SIZE], struct buf *text)
{
	base32(secret, PERSON_SECRET_SIZE, text);
}

/* What a code is without how it is written. */
static void recovery_hash(const char *code, unsigned char hash[SHA256_SIZE])
{
	_cleanup_buf_wipe_ struct buf plain = BUF_INIT;

	for (; *code; code++)
		if (isalnum((unsigned char)*code))
			buf_add_ch(&plain, (char)toupper((unsigned char)*code));
	sha256(buf_str(&plain), plain.len, hash);
}

void recovery_make(struct person *p, struct buf *codes)
{
	for (int i = 0; i < PERSON_CODES; i++) {
		_cleanup_buf_wipe_ struct buf code = BUF_INIT;
		unsigned char bytes[RECOVERY_BYTES];

		random_bytes(bytes, sizeof(bytes));
		base32(bytes, sizeof(bytes), &code);
		recovery_hash(code.data, p->recovery[i]);
		for (size_t at = 0; at < code.len; at += GROUP)
			buf_addf(codes, "%s%.*s", at ? "-" : "", GROUP, code.data + at);
		buf_add_ch(codes, '\n');
		wipe(bytes, sizeof(bytes));
	}
}

bool recovery_use(struct person *p, const char *code)
{
	unsigned char hash[SHA256_SIZE];
	bool found = false;

	recovery_hash(code, hash);
	for (int i = 0; i < PERSON_CODES; i++) {
		if (!same_secret(hash, p->recovery[i], SHA256_SIZE))
			continue;
		memset(p->recovery[i], 0, SHA256_SIZE);
		found = true;
	}
	return found;
}
