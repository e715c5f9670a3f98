#include "keeper/totp.h"

#include <ctype.h>

#include <liboath/oath.h>

#define STEP_SECONDS 30
#define DIGITS 6
#define WINDOW 1		/* steps to either side: clocks differ */
#define RECOVERY_BYTES 10	/* 80 bits: 16 characters of base32 */
#define GROUP 4			/* of these are shown together */

/* Bytes of what stands between digits and around them: apps, mails and documents have blanks of several kinds. */
static size_t skipped(const char *at)
{
	static const char *const wide[] = { "\u00a0", "\u2007", "\u2009", "\u202f" };

	if (isspace((unsigned char)*at) || *at == '-')
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (str_starts(at, wide[i]))
			return strlen(wide[i]);
	return 0;
}

/* The digits of a code as it was typed.  False: there are more or fewer, or something else. */
static bool digits_of(const char *typed, char code[DIGITS + 1])
{
	size_t n = 0;

	for (size_t blank; *typed; typed += MAX(blank, 1)) {
		blank = skipped(typed);
		if (!blank && (!isdigit((unsigned char)*typed) || n == DIGITS))
			return false;
		if (!blank)
			code[n++] = *typed;
	}
	code[n] = '\0';
	return n == DIGITS;
}

int64_t totp_step(const unsigned char secret[PERSON_SECRET_SIZE], const char *typed, int64_t now, int64_t after)
{
	int64_t present = now / STEP_SECONDS, found = 0;
	char code[DIGITS + 1];

	if (!digits_of(typed, code))
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
