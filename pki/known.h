/* Chains that were verified, and until when that counts: so that what many servers show is not verified for each. */
#ifndef PKI_KNOWN_H
#define PKI_KNOWN_H

#include "pki/cert.h"

struct known_chains;
struct known_chains *known_new(void);
void known_free(struct known_chains *);	/* NULL is fine */
/* These certificates, in this order: from here to a root. */
void known_add(struct known_chains *, const struct cert *const *certs, size_t count, int64_t until);
/* 0: they are not known */
int64_t known_until(const struct known_chains *, const struct cert *const *certs, size_t count);

#endif
