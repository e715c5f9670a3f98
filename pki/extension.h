/* The extensions of a certificate (RFC 5280 section 4.2), found in its DER. */
#ifndef PKI_EXTENSION_H
#define PKI_EXTENSION_H

#include "pki/cert.h"

#define EXTENSION_KEY_USAGE "\x55\x1d\x0f"
#define EXTENSION_EXTENDED_USAGE "\x55\x1d\x25"
#define EXTENSION_SKI "\x55\x1d\x0e"
#define EXTENSION_POLICIES "\x55\x1d\x20"
#define EXTENSION_CRL "\x55\x1d\x1f"
#define EXTENSION_ACCESS "\x2b\x06\x01\x05\x05\x07\x01\x01"
#define EXTENSION_FEATURES "\x2b\x06\x01\x05\x05\x07\x01\x18"
#define EXTENSION_SCT "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"

/* OID of the signature of a certificate or request, borrowed. */
struct slice extension_signature(struct slice der);

enum extension_url { EXTENSION_URL_OCSP, EXTENSION_URL_ISSUER, EXTENSION_URL_CRL };
/* The URLs of a kind, in order; owned. */
char **extension_urls(const struct cert *, enum extension_url);

char **extension_usages(const struct cert *);		/* "digitalSignature", ...; owned */
char **extension_extended_usages(const struct cert *);	/* "serverAuth", or an OID; owned */
char **extension_policies(const struct cert *);		/* OIDs; owned */
char *extension_ski(const struct cert *);		/* hex; owned; NULL: none */
bool extension_must_staple(const struct cert *);	/* the TLS feature status_request (RFC 7633) */
int extension_scts(const struct cert *);		/* how many signed certificate timestamps (RFC 6962) */

#endif
