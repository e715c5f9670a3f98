/* What is in a file of certificates, requests and public keys, and what is wrong with it, for people. */
#ifndef PKI_FILE_DECODE_H
#define PKI_FILE_DECODE_H

#include "base/json.h"
#include "pki/cert.h"
#include "pki/csr.h"

struct decoded {		/* all owned */
	struct chain certs;	/* in the order they came */
	struct csr csr;
	bool has_csr;
	char **csr_problem;	/* a request that is there but not usable: why */
	struct buf *spki;	/* public keys, of private ones too */
	size_t spkis;
	char **refused;		/* private keys that are there but not used here: why */
};
/* Adds what the file holds: PEM with anything around it, or DER.  Private keys are passed over. */
int decode_add(struct decoded *, struct slice file, struct err *);
void decode_release(struct decoded *);
#define _cleanup_decoded_ _cleanup_(decode_release)
bool decode_is_empty(const struct decoded *);
/* {certificates, request, keys, findings}: findings are sentences.  A new reference. */
json_t *decode_show(const struct decoded *, int64_t now);
json_t *decode_show_certs(const struct decoded *);	/* the certificates of that, which nobody judges */

#endif
