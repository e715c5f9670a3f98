#include "pki/x509.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <mbedtls/oid.h>

#include "base/encode.h"
#include "base/words.h"
#include "pki/der.h"
#include "pki/identifier.h"

#define VALUE_MOST 1000	/* bytes of a value in a name; real ones have at most 200 (RFC 5280 appendix A) */

enum { SAN_DNS = DER_TAGGED(2), SAN_IP = DER_TAGGED(7) }; /* GeneralName, RFC 5280 section 4.2.1.6 */

/* Everything that may not be shown (base/words.h) becomes \XX; `special` what RFC 4514 section 2.4 escapes besides. */
static void add_escaped(struct buf *out, struct slice value, bool special)
{
	const unsigned char *p = value.data, *end = p + value.len;

	for (size_t n; p < end; p += n) {
		bool outermost = p == value.data || p == end - 1;
		uint32_t point;

		n = utf8_char(p, (size_t)(end - p), &point);
		if (!n || !words_fit(point)) {
			n = MAX(n, 1);
			for (size_t i = 0; i < n; i++)
				buf_addf(out, "\\%02X", p[i]);
			continue;
		}
		if (special && (strchr(",+\"\\<>;", *p) || (*p == ' ' && outermost) || (*p == '#' && p == value.data)))
			buf_add_ch(out, '\\');
		buf_add(out, p, n);
	}
}

struct attribute {
	struct slice oid, value, whole; /* whole: the value with its tag */
	int tag;
};

static bool take_attribute(struct slice *rdn, struct attribute *a)
{
	struct slice body;

	if (!der_take(rdn, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_OID, &a->oid, NULL))
		return false;
	a->tag = der_tag(body);
	return der_take(&body, DER_ANY, &a->value, &a->whole);
}

static bool is_text(int tag)
{
	return tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_IA5 || tag == DER_T61;
}

/* The names of RFC 4514 section 3, and what else is common in certificates. */
static const struct {
	const char *name;
	struct slice oid;
} attribute_names[] = {
	{ "CN", DER_BYTES(MBEDTLS_OID_AT_CN) },
	{ "L", DER_BYTES(MBEDTLS_OID_AT_LOCALITY) },
	{ "ST", DER_BYTES(MBEDTLS_OID_AT_STATE) },
	{ "O", DER_BYTES(MBEDTLS_OID_AT_ORGANIZATION) },
	{ "OU", DER_BYTES(MBEDTLS_OID_AT_ORG_UNIT) },
	{ "C", DER_BYTES(MBEDTLS_OID_AT_COUNTRY) },
	{ "STREET", DER_BYTES(MBEDTLS_OID_AT "\x09") },
	{ "DC", DER_BYTES("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19") },
	{ "UID", DER_BYTES("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01") },
	{ "serialNumber", DER_BYTES(MBEDTLS_OID_AT_SERIAL_NUMBER) },
	{ "emailAddress", DER_BYTES(MBEDTLS_OID_PKCS9_EMAIL) },
};

static void add_attribute_name(struct buf *out, struct slice oid)
{
	mbedtls_asn1_buf raw = { .tag = DER_OID, .len = oid.len, .p = (unsigned char *)oid.data };
	char dotted[128];

	for (size_t i = 0; i < ARRAY_SIZE(attribute_names); i++) {
		if (slice_eq(oid, attribute_names[i].oid)) {
			buf_add_str(out, attribute_names[i].name);
			return;
		}
	}
	buf_add_str(out, mbedtls_oid_get_numeric_string(dotted, sizeof(dotted), &raw) > 0 ? dotted : "?");
}

static void add_attribute(struct buf *out, const struct attribute *a)
{
	add_attribute_name(out, a->oid);
	buf_add_ch(out, '=');
	if (is_text(a->tag)) {
		add_escaped(out, slice(a->value.data, MIN(a->value.len, VALUE_MOST)), true);
		if (a->value.len > VALUE_MOST)
			buf_add_str(out, "...");
	} else {
		buf_add_ch(out, '#');
		hex_add(out, a->whole.data, a->whole.len);
	}
}

char *x509_name_text(struct slice name)
{
	struct buf text = BUF_INIT;
	struct slice rdns, rdn;
	struct attribute a;

	if (!der_take(&name, DER_SEQUENCE, &rdns, NULL))
		return xstrdup("");
	while (der_take(&rdns, DER_SET, &rdn, NULL)) {
		_cleanup_buf_ struct buf part = BUF_INIT;

		while (take_attribute(&rdn, &a)) {
			if (part.len)
				buf_add_ch(&part, '+');
			add_attribute(&part, &a);
		}
		if (text.len)
			buf_addf(&part, ",%s", buf_str(&text));
		buf_clear(&text);
		buf_add(&text, part.data, part.len);
	}
	return buf_detach(&text);
}

char *x509_name_value(struct slice name, struct slice oid)
{
	struct slice rdns, rdn;
	struct attribute a;
	char *value = NULL;

	if (!der_take(&name, DER_SEQUENCE, &rdns, NULL))
		return NULL;
	while (der_take(&rdns, DER_SET, &rdn, NULL)) {
		while (take_attribute(&rdn, &a)) {
			struct buf text = BUF_INIT;

			if (!is_text(a.tag) || !slice_eq(a.oid, oid))
				continue;
			add_escaped(&text, slice(a.value.data, MIN(a.value.len, VALUE_MOST)), false);
			free(value);
			value = buf_detach(&text);
		}
	}
	return value;
}

char *x509_name_cn(struct slice name)
{
	return x509_name_value(name, DER_BYTES(MBEDTLS_OID_AT_CN));
}

void x509_name_put(struct buf *rdns, struct slice oid, int tag, const char *value)
{
	_cleanup_buf_ struct buf fields = BUF_INIT, attribute = BUF_INIT;

	der_put(&fields, DER_OID, oid);
	der_put(&fields, tag, slice_str(value));
	der_put(&attribute, DER_SEQUENCE, slice_buf(&fields));
	der_put(rdns, DER_SET, slice_buf(&attribute));
}

bool x509_extension(struct slice extensions, struct slice oid, struct slice *value)
{
	struct slice one, id;

	if (!der_take(&extensions, DER_SEQUENCE, &extensions, NULL))
		return false;
	while (der_take(&extensions, DER_SEQUENCE, &one, NULL)) {
		if (!der_take(&one, DER_OID, &id, NULL) || !slice_eq(id, oid))
			continue;
		der_take(&one, DER_BOOLEAN, NULL, NULL);
		return der_take(&one, DER_OCTETS, value, NULL);
	}
	return false;
}

void x509_extension_put(struct buf *list, struct slice oid, bool critical, struct slice value)
{
	_cleanup_buf_ struct buf fields = BUF_INIT;

	der_put(&fields, DER_OID, oid);
	if (critical)
		der_put(&fields, DER_BOOLEAN, DER_BYTES("\xff"));
	der_put(&fields, DER_OCTETS, value);
	der_put(list, DER_SEQUENCE, slice_buf(&fields));
}

void x509_san_put(struct buf *out, char *const *names)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	unsigned char address[16];

	for (; *names; names++) {
		if (inet_pton(AF_INET, *names, address) == 1)
			der_put(&list, SAN_IP, slice(address, 4));
		else if (inet_pton(AF_INET6, *names, address) == 1)
			der_put(&list, SAN_IP, slice(address, 16));
		else
			der_put(&list, SAN_DNS, slice_str(*names));
	}
	der_put(out, DER_SEQUENCE, slice_buf(&list));
}

char *x509_name_normal(const char *name)
{
	char *normal = identifier_normal(name, NULL);

	if (normal)
		return normal;
	normal = xstrdup(name);
	for (char *p = normal; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return normal;
}

static char *read_dns(struct slice value, struct err *e)
{
	const char *p = value.data;
	_cleanup_free_ char *text = NULL;
	char *name;

	for (size_t i = 0; i < value.len; i++) {
		if (p[i] > ' ' && p[i] < 0x7f)
			continue;
		err_set(e, ERR_INVALID, "a DNS name in it contains a character that is not printable ASCII");
		return NULL;
	}
	text = xstrndup(value.len ? p : "", value.len);
	name = x509_name_normal(text);
	if (!identifier_is_ip(name))
		return name;
	free(name);
	return xasprintf("DNS:%s", text); /* an address here does not stand for the address */
}

static char *read_ip(struct slice value, struct err *e)
{
	char text[INET6_ADDRSTRLEN];

	if (value.len == 4 || value.len == 16)
		return xstrdup(inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.data, text, sizeof(text)));
	err_set(e, ERR_INVALID, "an IP address in it has %zu bytes; 4 or 16 were expected", value.len);
	return NULL;
}

int x509_san_read(struct slice value, char ***names, struct err *e)
{
	struct slice list, one;

	if (!der_take(&value, DER_SEQUENCE, &list, NULL) || value.len)
		return err_set(e, ERR_INVALID, "its subjectAltName extension cannot be read");
	while (list.len) {
		_cleanup_free_ char *name = NULL;
		int kind = der_tag(list);

		if (!der_take(&list, DER_ANY, &one, NULL))
			return err_set(e, ERR_INVALID, "its subjectAltName extension cannot be read");
		if (kind != SAN_DNS && kind != SAN_IP)
			continue;
		name = kind == SAN_DNS ? read_dns(one, e) : read_ip(one, e);
		if (!name)
			return -1;
		if (!strv_has(*names, name))
			strv_add(names, name);
	}
	return 0;
}

/* What a JWS has as R||S, X.509 has as a SEQUENCE of two numbers. */
static void put_signature(struct buf *out, struct slice raw, bool ec)
{
	_cleanup_buf_ struct buf numbers = BUF_INIT, sequence = BUF_INIT;
	size_t half = raw.len / 2;

	if (!ec) {
		der_put_bits(out, raw);
		return;
	}
	der_put_uint(&numbers, slice(raw.data, half));
	der_put_uint(&numbers, slice((const char *)raw.data + half, half));
	der_put(&sequence, DER_SEQUENCE, slice_buf(&numbers));
	der_put_bits(out, slice_buf(&sequence));
}

void x509_algorithm_put(struct buf *out, enum key_type type)
{
	switch (type) {
	case KEY_P256:
		der_put_algorithm(out, DER_BYTES(MBEDTLS_OID_ECDSA_SHA256), slice(NULL, 0));
		break;
	case KEY_P384:
		der_put_algorithm(out, DER_BYTES(MBEDTLS_OID_ECDSA_SHA384), slice(NULL, 0));
		break;
	case KEY_P521:
		der_put_algorithm(out, DER_BYTES(MBEDTLS_OID_ECDSA_SHA512), slice(NULL, 0));
		break;
	default:
		der_put_algorithm(out, DER_BYTES(MBEDTLS_OID_PKCS1_SHA256), DER_BYTES("\x05\x00"));
	}
}

int x509_sign(const struct key *key, struct slice body, struct buf *der, struct err *e)
{
	_cleanup_buf_ struct buf raw = BUF_INIT, fields = BUF_INIT;
	enum key_type type = key_type_of(key);

	if (key_sign(key, body, &raw, e) < 0)
		return -1;
	buf_add(&fields, body.data, body.len);
	x509_algorithm_put(&fields, type);
	put_signature(&fields, slice_buf(&raw), type == KEY_P256 || type == KEY_P384 || type == KEY_P521);
	der_put(der, DER_SEQUENCE, slice_buf(&fields));
	return 0;
}

int x509_verify(const struct x509_signature *s, mbedtls_pk_context *signer, struct err *e)
{
	unsigned char hash[MBED_HASH_MAX];
	size_t len;

	if (s->md != MBEDTLS_MD_SHA256 && s->md != MBEDTLS_MD_SHA384 && s->md != MBEDTLS_MD_SHA512)
		return err_set(e, ERR_INVALID,
			       "it is signed with an outdated hash function; SHA-256 or better is needed");
	len = mbed_hash(s->md, s->body, hash);
	if (!len || mbedtls_pk_verify_ext(s->pk, s->options, signer, s->md, hash, len, s->value.data, s->value.len))
		return err_set(e, ERR_INVALID, "the signature is wrong");
	return 0;
}
