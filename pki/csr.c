#include "pki/csr.h"

#include <mbedtls/oid.h>

#include "base/encode.h"
#include "pki/der.h"
#include "pki/file/ber.h"
#include "pki/file/pem.h"
#include "pki/identifier.h"
#include "pki/rsa.h"
#include "pki/x509.h"

#define CSR_TEXT_MAX (100 * 1024)

/* The extensionRequest attribute (RFC 2985 section 5.4.2) with the SANs and what else is asked for. */
static void put_request(struct buf *out, char *const *names, const struct csr_details *details)
{
	_cleanup_buf_ struct buf san = BUF_INIT, list = BUF_INIT, set = BUF_INIT, fields = BUF_INIT,
				 attribute = BUF_INIT;

	x509_san_put(&san, names);
	x509_extension_put(&list, DER_BYTES(MBEDTLS_OID_SUBJECT_ALT_NAME), false, slice_buf(&san));
	details_put_extensions(details, &list);
	der_put(&set, DER_SEQUENCE, slice_buf(&list));
	der_put(&fields, DER_OID, DER_BYTES(MBEDTLS_OID_PKCS9_CSR_EXT_REQ));
	der_put(&fields, DER_SET, slice_buf(&set));
	der_put(&attribute, DER_SEQUENCE, slice_buf(&fields));
	der_put(out, DER_TAGGED_LIST(0), slice_buf(&attribute));
}

/* Callers hand in normal forms; anything else would be signed and only then refused by the CA. */
static int check_names(char *const *names, struct err *e)
{
	_cleanup_strv_ char **normal = identifier_list_of(names, e);

	if (!normal)
		return -1;
	if (!strv_eq(normal, names))
		return err_set(e, ERR_INTERNAL, "the names for a certificate request are not in their normal form");
	return 0;
}

int csr_make(const struct key *key, char *const *names, const struct csr_details *details, struct buf *der,
	     struct err *e)
{
	_cleanup_buf_ struct buf fields = BUF_INIT, info = BUF_INIT;

	if (check_names(names, e) < 0)
		return -1;
	der_put_uint(&fields, slice(NULL, 0)); /* version 1 is written as 0 */
	if (details_put_subject(details, names, &fields, e) < 0 || key_spki(key, &fields, e) < 0)
		return -1;
	put_request(&fields, names, details);
	der_put(&info, DER_SEQUENCE, slice_buf(&fields));
	return x509_sign(key, slice_buf(&info), der, e);
}

static int decode(struct slice in, struct buf *der, struct err *e)
{
	struct pem_block b;
	int found;

	if (in.len > CSR_TEXT_MAX)
		return err_set(e, ERR_INVALID, "a certificate request is not longer than %d kB", CSR_TEXT_MAX / 1024);
	if (!pem_is(in)) {
		buf_add(der, in.data, in.len);
		return 0;
	}
	while ((found = pem_next(&in, &b, e)) > 0)
		if (pem_label_ends(&b, "CERTIFICATE REQUEST")) /* some write NEW before it */
			return pem_decode(&b, der, e);
	if (found < 0)
		return -1;
	return err_set(e, ERR_INVALID, "there is no block \"CERTIFICATE REQUEST\" in this text");
}

/* SANs of the attributes, and the common name if it is a name. */
static int read_names(struct csr *csr, struct slice attrs, struct slice subject, struct err *e)
{
	_cleanup_free_ char *cn = x509_name_cn(subject), *name = NULL;
	struct slice one, oid, set, san;

	while (der_take(&attrs, DER_SEQUENCE, &one, NULL)) {
		if (!der_take(&one, DER_OID, &oid, NULL) || !slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS9_CSR_EXT_REQ)))
			continue;
		if (!der_take(&one, DER_SET, &set, NULL))
			return err_set(e, ERR_INVALID, "its requested extensions cannot be read");
		if (x509_extension(set, DER_BYTES(MBEDTLS_OID_SUBJECT_ALT_NAME), &san) &&
		    x509_san_read(san, &csr->names, e) < 0)
			return -1;
	}
	name = cn ? identifier_normal(cn, NULL) : NULL;
	if (name && !strv_has(csr->names, name))
		strv_add(&csr->names, name);
	return 0;
}

/* The parts of a request (RFC 2986 section 4.2); mbedTLS 2.28 cannot read one with an empty subject. */
struct parts { /* borrowed from the DER */
	struct slice info, subject, spki, attributes;
	struct slice algorithm, signature;
};

static bool split(struct slice der, struct parts *p)
{
	struct slice request, fields, algorithm;

	*p = (struct parts){ 0 };
	if (!der_take(&der, DER_SEQUENCE, &request, NULL) || der.len ||
	    !der_take(&request, DER_SEQUENCE, &fields, &p->info) ||
	    !der_take(&request, DER_SEQUENCE, &algorithm, NULL) ||
	    !der_take(&algorithm, DER_OID, &p->algorithm, NULL) || !der_take_bits(&request, &p->signature) ||
	    request.len)
		return false;
	if (!der_take(&fields, DER_INTEGER, NULL, NULL) || !der_take(&fields, DER_SEQUENCE, NULL, &p->subject) ||
	    !der_take(&fields, DER_SEQUENCE, NULL, &p->spki))
		return false;
	der_take(&fields, DER_TAGGED_LIST(0), &p->attributes, NULL);
	return !fields.len;
}

static int verify(const struct parts *p, struct err *e)
{
	mbedtls_asn1_buf oid = { .tag = DER_OID, .len = p->algorithm.len, .p = (unsigned char *)p->algorithm.data };
	struct x509_signature signature = { .body = p->info, .value = p->signature };
	unsigned char *start = (unsigned char *)p->spki.data;
	mbedtls_pk_context pk;
	int ret;

	if (mbedtls_oid_get_sig_alg(&oid, &signature.md, &signature.pk) || signature.pk == MBEDTLS_PK_RSASSA_PSS)
		return err_set(e, ERR_INVALID, "it is signed with an algorithm CAs do not take");
	if (rsa_check_spki(p->spki, e) < 0)
		return -1;
	mbedtls_pk_init(&pk);
	ret = mbedtls_pk_parse_subpubkey(&start, start + p->spki.len, &pk);
	if (ret)
		ret = mbed_err(e, ERR_INVALID, "its public key cannot be read", ret);
	else
		ret = x509_verify(&signature, &pk, e);
	mbedtls_pk_free(&pk);
	return ret;
}

int csr_parse(struct csr *csr, struct slice der_or_pem, struct err *e)
{
	_cleanup_buf_ struct buf given = BUF_INIT, room = BUF_INIT;
	struct slice der;
	struct parts p;

	*csr = (struct csr){ 0 };
	if (decode(der_or_pem, &given, e) < 0)
		return -1;
	der = ber_normal(slice_buf(&given), &room);
	if (!split(der, &p))
		return err_set(e, ERR_INVALID, "this is no certificate request that can be read");
	if (verify(&p, e) < 0 || read_names(csr, p.attributes, p.subject, e) < 0) {
		csr_release(csr);
		return err_prefix(e, "the certificate request is not usable");
	}
	csr->subject = x509_name_text(p.subject);
	buf_add(&csr->spki, p.spki.data, p.spki.len);
	buf_add(&csr->der, der.data, der.len);
	return 0;
}

void csr_release(struct csr *csr)
{
	strv_free(csr->names);
	free(csr->subject);
	buf_release(&csr->spki);
	buf_release(&csr->der);
	*csr = (struct csr){ 0 };
}
