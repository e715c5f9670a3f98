/* Certificates for mbedTLS: from DER alone, none with an absurd key (rsa.h).  For pki/ and who shakes hands. */
#ifndef PKI_FILE_LOAD_H
#define PKI_FILE_LOAD_H

#include "base/buf.h"
#include "base/err.h"

#include <mbedtls/x509_crt.h>

/* One certificate, and nothing behind it. */
int load_cert(mbedtls_x509_crt *, struct slice der, struct err *);
/* Adds the certificates of a PEM text; what is none, or cannot be read, is passed over.  How many were added. */
size_t load_roots(mbedtls_x509_crt *, struct slice pem);

#endif
