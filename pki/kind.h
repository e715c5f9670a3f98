/* What people call the algorithms of keys and signatures, also of those that cannot be used here. */
#ifndef PKI_KIND_H
#define PKI_KIND_H

#include "base/buf.h"

/* "Ed25519"; the OID with dots if it has no name here.  Owned. */
char *kind_name(struct slice oid);
/* Of a private key in PKCS#8 (RFC 5958) that is neither RSA nor EC; owned.  NULL: it is one of these, or no PKCS#8. */
char *kind_of_pkcs8(struct slice der);
/* Of a signature, by the OID of its algorithm: "ECDSA with SHA256".  Owned. */
char *kind_of_signature(struct slice oid);

#endif
