/* Certificate signing requests, PKCS#10 (RFC 2986), with SANs (RFC 5280 section 4.2.1.6). */
#ifndef PKI_CSR_H
#define PKI_CSR_H

#include "pki/details.h"

/* names: normal identifiers; IP addresses become iPAddress SANs.  Without a common name there is no CN at all. */
int csr_make(const struct key *, char *const *names, const struct csr_details *, struct buf *der, struct err *);

struct csr {
	char **names;		/* SANs, normal form; the CN too if it is a name and not among them */
	char *subject;		/* RFC 4514-like text */
	struct buf spki, der;
};
int csr_parse(struct csr *, struct slice der_or_pem, struct err *);	/* checks the self-signature */
void csr_release(struct csr *);
#define _cleanup_csr_ _cleanup_(csr_release)

#endif
