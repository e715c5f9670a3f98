#include "pki/extension.h"

#include <mbedtls/oid.h>

#include "base/encode.h"
#include "pki/der.h"
#include "pki/signed.h"
#include "pki/x509.h"

#define METHOD_OCSP "\x2b\x06\x01\x05\x05\x07\x30\x01"
#define METHOD_ISSUER "\x2b\x06\x01\x05\x05\x07\x30\x02"
#define OID_EXTENDED "\x2b\x06\x01\x05\x05\x07\x03"
enum { URI = DER_TAGGED(6) };

/* Its value, borrowed from the certificate's DER; false: it has none. */
static bool find(const struct cert *c, struct slice oid, struct slice *value)
{
	struct slice in = slice_buf(&c->der), extensions;

	if (!der_take(&in, DER_SEQUENCE, &in, NULL) || !der_take(&in, DER_SEQUENCE, &in, NULL))
		return false;
	while (in.len) {
		if (der_take(&in, DER_TAGGED_LIST(3), &extensions, NULL))
			return x509_extension(extensions, oid, value);
		if (!der_take(&in, DER_ANY, NULL, NULL))
			return false;
	}
	return false;
}

struct slice extension_signature(struct slice der)
{
	struct signed_thing s;

	return signed_read(&s, der) ? s.algorithm : slice("", 0);
}

/* What is no printable ASCII is no URL. */
static void add_url(char ***urls, struct slice value)
{
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < value.len; i++)
		if (((const unsigned char *)value.data)[i] <= ' ' || ((const unsigned char *)value.data)[i] >= 0x7f)
			return;
	text = xstrndup(value.len ? value.data : "", value.len);
	strv_add(urls, text);
}

static char **access_urls(const struct cert *c, struct slice method)
{
	struct slice list, one, oid, url;
	char **urls = NULL;

	if (!find(c, DER_BYTES(EXTENSION_ACCESS), &list) || !der_take(&list, DER_SEQUENCE, &list, NULL))
		return NULL;
	while (der_take(&list, DER_SEQUENCE, &one, NULL))
		if (der_take(&one, DER_OID, &oid, NULL) && slice_eq(oid, method) && der_take(&one, URI, &url, NULL))
			add_url(&urls, url);
	return urls;
}

static void add_general_names(char ***urls, struct slice names)
{
	struct slice one;

	while (names.len) {
		bool uri = der_tag(names) == URI;

		if (!der_take(&names, DER_ANY, &one, NULL))
			return;
		if (uri)
			add_url(urls, one);
	}
}

static char **crl_urls(const struct cert *c)
{
	struct slice list, point, name, full;
	char **urls = NULL;

	if (!find(c, DER_BYTES(EXTENSION_CRL), &list) || !der_take(&list, DER_SEQUENCE, &list, NULL))
		return NULL;
	while (der_take(&list, DER_SEQUENCE, &point, NULL))
		if (der_take(&point, DER_TAGGED_LIST(0), &name, NULL) &&
		    der_take(&name, DER_TAGGED_LIST(0), &full, NULL))
			add_general_names(&urls, full);
	return urls;
}

char **extension_urls(const struct cert *c, enum extension_url kind)
{
	switch (kind) {
	case EXTENSION_URL_OCSP:
		return access_urls(c, DER_BYTES(METHOD_OCSP));
	case EXTENSION_URL_ISSUER:
		return access_urls(c, DER_BYTES(METHOD_ISSUER));
	default:
		return crl_urls(c);
	}
}

char **extension_usages(const struct cert *c)
{
	static const char *const names[] = { "digitalSignature", "nonRepudiation", "keyEncipherment",
					     "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign",
					     "encipherOnly" };
	struct slice value, bits;
	char **list = NULL;

	if (!find(c, DER_BYTES(EXTENSION_KEY_USAGE), &value) || !der_take(&value, DER_BITS, &bits, NULL) ||
	    bits.len < 2)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (((const unsigned char *)bits.data)[1] & 0x80 >> i)
			strv_add(&list, names[i]);
	return list;
}

static void add_oid(char ***list, struct slice oid)
{
	mbedtls_asn1_buf raw = { .tag = DER_OID, .len = oid.len, .p = (unsigned char *)oid.data };
	char dotted[128];

	strv_add(list, mbedtls_oid_get_numeric_string(dotted, sizeof(dotted), &raw) > 0 ? dotted : "?");
}

char **extension_extended_usages(const struct cert *c)
{
	static const struct {
		struct slice oid;
		const char *name;
	} known[] = {
		{ DER_BYTES(OID_EXTENDED "\x01"), "serverAuth" },
		{ DER_BYTES(OID_EXTENDED "\x02"), "clientAuth" },
		{ DER_BYTES(OID_EXTENDED "\x03"), "codeSigning" },
		{ DER_BYTES(OID_EXTENDED "\x04"), "emailProtection" },
		{ DER_BYTES(OID_EXTENDED "\x08"), "timeStamping" },
		{ DER_BYTES(OID_EXTENDED "\x09"), "OCSPSigning" },
	};
	struct slice value, oid;
	char **list = NULL;

	if (!find(c, DER_BYTES(EXTENSION_EXTENDED_USAGE), &value) || !der_take(&value, DER_SEQUENCE, &value, NULL))
		return NULL;
	while (der_take(&value, DER_OID, &oid, NULL)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(known) && !slice_eq(oid, known[i].oid))
			i++;
		if (i < ARRAY_SIZE(known))
			strv_add(&list, known[i].name);
		else
			add_oid(&list, oid);
	}
	return list;
}

char **extension_policies(const struct cert *c)
{
	struct slice value, one, oid;
	char **list = NULL;

	if (!find(c, DER_BYTES(EXTENSION_POLICIES), &value) || !der_take(&value, DER_SEQUENCE, &value, NULL))
		return NULL;
	while (der_take(&value, DER_SEQUENCE, &one, NULL))
		if (der_take(&one, DER_OID, &oid, NULL))
			add_oid(&list, oid);
	return list;
}

char *extension_ski(const struct cert *c)
{
	struct slice value, id;

	if (!find(c, DER_BYTES(EXTENSION_SKI), &value) || !der_take(&value, DER_OCTETS, &id, NULL))
		return NULL;
	return hex_str(id.data, id.len);
}

int extension_scts(const struct cert *c)
{
	struct slice value, list;
	const unsigned char *p, *end;
	int count = 0;

	if (!find(c, DER_BYTES(EXTENSION_SCT), &value) || !der_take(&value, DER_OCTETS, &list, NULL) || list.len < 2)
		return 0;
	p = (const unsigned char *)list.data + 2;	/* behind the length of all */
	end = (const unsigned char *)list.data + list.len;
	while (end - p >= 2 && end - p - 2 >= (p[0] << 8 | p[1])) {
		p += 2 + (p[0] << 8 | p[1]);
		count++;
	}
	return count;
}

bool extension_must_staple(const struct cert *c)
{
	struct slice list, feature;

	if (!find(c, DER_BYTES(EXTENSION_FEATURES), &list) || !der_take(&list, DER_SEQUENCE, &list, NULL))
		return false;
	while (der_take_uint(&list, &feature))
		if (slice_eq(feature, DER_BYTES("\x05")))
			return true;
	return false;
}
