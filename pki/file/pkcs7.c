#include "pki/file/pkcs7.h"

#include "pki/der.h"
#include "pki/file/pem.h"

#define OID_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define OID_SIGNED "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define CERTS_MAX 20

void pkcs7_write(const struct chain *chain, size_t from, size_t to, struct buf *der)
{
	_cleanup_buf_ struct buf certs = BUF_INIT, fields = BUF_INIT, content = BUF_INIT, info = BUF_INIT;

	for (size_t i = from; i < MIN(to, chain->count); i++)
		buf_add(&certs, chain->cert[i].der.data, chain->cert[i].der.len);
	der_put_uint(&fields, DER_BYTES("\x01"));
	der_put(&fields, DER_SET, slice(NULL, 0));	/* no digest algorithms */
	der_put_algorithm(&fields, DER_BYTES(OID_DATA), slice(NULL, 0));	/* of the same shape: no content */
	der_put(&fields, DER_TAGGED_LIST(0), slice_buf(&certs));
	der_put(&fields, DER_SET, slice(NULL, 0));	/* no signers */
	der_put(&content, DER_SEQUENCE, slice_buf(&fields));
	der_put(&info, DER_OID, DER_BYTES(OID_SIGNED));
	der_put(&info, DER_TAGGED_LIST(0), slice_buf(&content));
	der_put(der, DER_SEQUENCE, slice_buf(&info));
}

void pkcs7_pem(const struct chain *chain, size_t from, size_t to, struct buf *pem)
{
	_cleanup_buf_ struct buf der = BUF_INIT;

	pkcs7_write(chain, from, to, &der);
	pem_add(pem, "PKCS7", slice_buf(&der));
}

/* Down to what stands behind the digest algorithms and the content. */
static bool open_signed(struct slice der, struct slice *rest)
{
	struct slice info, oid, content;

	return der_take(&der, DER_SEQUENCE, &info, NULL) && der_take(&info, DER_OID, &oid, NULL) &&
	       slice_eq(oid, DER_BYTES(OID_SIGNED)) && der_take(&info, DER_TAGGED_LIST(0), &content, NULL) &&
	       der_take(&content, DER_SEQUENCE, rest, NULL) && der_take(rest, DER_INTEGER, NULL, NULL) &&
	       der_take(rest, DER_SET, NULL, NULL) && der_take(rest, DER_SEQUENCE, NULL, NULL);
}

bool pkcs7_is(struct slice der)
{
	struct slice rest;

	return open_signed(der, &rest);
}

int pkcs7_read(struct slice der, struct chain *chain, struct err *e)
{
	struct slice rest, certs, one;

	if (!open_signed(der, &rest) || !der_take(&rest, DER_TAGGED_LIST(0), &certs, NULL))
		return err_set(e, ERR_INVALID, "there are no certificates in this PKCS#7 file");
	while (certs.len) {
		if (chain->count == CERTS_MAX)
			return err_set(e, ERR_INVALID, "there are more than %d certificates in the PKCS#7 file",
				       CERTS_MAX);
		if (!der_take(&certs, DER_SEQUENCE, NULL, &one))
			return err_set(e, ERR_INVALID, "the PKCS#7 file is damaged");
		chain->cert = xreallocarray(chain->cert, chain->count + 1, sizeof(*chain->cert));
		if (cert_look(&chain->cert[chain->count], one, e) < 0)
			return err_prefix(e, "certificate %zu of the PKCS#7 file", chain->count + 1);
		chain->count++;
	}
	return 0;
}
