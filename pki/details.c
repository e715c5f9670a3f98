#include "pki/details.h"

#include <mbedtls/oid.h>

#include "base/encode.h"
#include "pki/der.h"
#include "pki/extension.h"
#include "pki/identifier.h"
#include "pki/signed.h"
#include "pki/x509.h"

static const struct detail {
	const char *word, *member, *what;
	size_t field;
	struct slice oid;
	size_t least, most;
	int tag;
} details[] = {
#define DETAIL(field, member, oid, tag, least, most, what) \
	{ #field, #member, what, offsetof(struct csr_details, field), DER_BYTES(oid), least, most, tag },
#include "pki/detail.def"
#undef DETAIL
};

#define STAPLE_WORD "must_staple"
#define STAPLE_FEATURE "\x30\x03\x02\x01\x05" /* SEQUENCE { INTEGER 5 }: status_request */

static const char *value_of(const struct csr_details *d, const struct detail *row)
{
	const char *value = *(const char *const *)((const char *)d + row->field);

	return value && *value ? value : NULL;
}

/* Characters of valid UTF-8 without control characters; -1 if it is not that. */
static ssize_t text_length(const char *text)
{
	ssize_t count = 0;
	size_t n;

	for (; *text; text += n, count++) {
		n = utf8_len(text);
		if (!n || (unsigned char)*text < 0x20 || *text == 0x7f)
			return -1;
	}
	return count;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x7f)
			return false;
	return true;
}

/* A common name that is too long is left out: it is found in the SANs. */
static bool is_written(const struct detail *row, const char *value)
{
	return value && (row->field != offsetof(struct csr_details, cn) ||
			 (strlen(value) <= row->most && !identifier_is_ip(value)));
}

static int check_value(const struct detail *row, const char *value, struct err *e)
{
	ssize_t len = text_length(value);

	if (len < 0 || (row->tag == DER_IA5 && !is_ascii(value)))
		return err_set(e, ERR_INVALID, "the %s contains a character that is not possible there", row->what);
	if ((size_t)len < row->least || (size_t)len > row->most)
		return err_set(e, ERR_INVALID, "the %s has %zd characters; %zu to %zu are possible", row->what, len,
			       row->least, row->most);
	if (row->tag == DER_PRINTABLE && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(value))
		return err_set(e, ERR_INVALID, "the %s is a code of two capital letters, such as DE", row->what);
	if (row->tag == DER_IA5 && !strchr(value, '@'))
		return err_set(e, ERR_INVALID, "the %s has no @ in it", row->what);
	return 0;
}

int details_check(const struct csr_details *d, char *const *names, const char **member, struct err *e)
{
	for (const struct detail *row = details; row < details + ARRAY_SIZE(details); row++) {
		const char *value = value_of(d, row);

		if (!is_written(row, value))
			continue;
		*member = row->member;
		if (check_value(row, value, e) < 0)
			return -1;
	}
	if (!d->cn || !*d->cn || strv_has(names, d->cn))
		return 0;
	*member = "common_name";
	return err_set(e, ERR_INVALID, "the common name \"%.260s\" is not one of the certificate's names", d->cn);
}

int details_put_subject(const struct csr_details *d, char *const *names, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf rdns = BUF_INIT;
	const char *member;

	if (d && details_check(d, names, &member, e) < 0)
		return -1;
	for (const struct detail *row = details; d && row < details + ARRAY_SIZE(details); row++)
		if (is_written(row, value_of(d, row)))
			x509_name_put(&rdns, row->oid, row->tag, value_of(d, row));
	der_put(out, DER_SEQUENCE, slice_buf(&rdns));
	return 0;
}

void details_put_extensions(const struct csr_details *d, struct buf *list)
{
	if (d && d->must_staple)
		x509_extension_put(list, DER_BYTES(EXTENSION_FEATURES), false, DER_BYTES(STAPLE_FEATURE));
}

void details_write(const struct csr_details *d, struct buf *text)
{
	for (const struct detail *row = details; row < details + ARRAY_SIZE(details); row++)
		if (value_of(d, row))
			buf_addf(text, "%s=%s\n", row->word, value_of(d, row));
	if (d->must_staple)
		buf_add_str(text, STAPLE_WORD "=true\n");
}

void details_read(struct csr_details *d, char *text)
{
	char *line, *value;

	*d = (struct csr_details){ 0 };
	while ((line = strsep(&text, "\n"))) {
		value = line;
		strsep(&value, "=");
		d->must_staple |= str_eq(line, STAPLE_WORD);
		for (const struct detail *row = details; value && row < details + ARRAY_SIZE(details); row++)
			if (str_eq(line, row->word))
				*(const char **)((char *)d + row->field) = value;
	}
}

char **details_dropped(const struct csr_details *d, const struct cert *leaf)
{
	struct signed_cert parts;
	char **dropped = NULL;

	if (!signed_cert_read(&parts, slice_buf(&leaf->der)))
		return NULL;
	for (const struct detail *row = details; row < details + ARRAY_SIZE(details); row++) {
		_cleanup_free_ char *there = x509_name_value(parts.subject, row->oid);

		if (is_written(row, value_of(d, row)) && !str_eq(there, value_of(d, row)))
			strv_add(&dropped, row->what);
	}
	if (d->must_staple && !extension_must_staple(leaf))
		strv_add(&dropped, "OCSP must-staple");
	return dropped;
}
