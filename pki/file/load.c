#include "pki/file/load.h"

#include "pki/file/pem.h"
#include "pki/mbed.h"
#include "pki/rsa.h"
#include "pki/signed.h"

/* Extensions mbedTLS does not know are no reason not to read a certificate: we judge chains, clients judge trust. */
static int accept_extension(void *unused, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid, int critical,
			    const unsigned char *p, const unsigned char *end)
{
	return 0;
}

int load_cert(mbedtls_x509_crt *crt, struct slice der, struct err *e)
{
	struct signed_cert look;
	int ret;

	if (!signed_cert_read(&look, der))
		return err_set(e, ERR_INVALID, "this is no certificate that can be read");
	if (rsa_check_spki(look.spki, e) < 0)
		return -1;
	ret = mbedtls_x509_crt_parse_der_with_ext_cb(crt, der.data, der.len, 1, accept_extension, NULL);
	if (ret)
		return mbed_err(e, ERR_INVALID, "this is no certificate that can be read", ret);
	return 0;
}

size_t load_roots(mbedtls_x509_crt *roots, struct slice pem)
{
	struct pem_block block;
	size_t count = 0;

	while (pem_next(&pem, &block, NULL) > 0) {
		_cleanup_buf_ struct buf der = BUF_INIT;
		struct signed_cert look;

		if (pem_label_is(&block, "CERTIFICATE") && pem_decode(&block, &der, NULL) == 0 &&
		    signed_cert_read(&look, slice_buf(&der)) && rsa_check_spki(look.spki, NULL) == 0 &&
		    mbedtls_x509_crt_parse_der(roots, (const unsigned char *)der.data, der.len) == 0)
			count++;
	}
	return count;
}
