/* The pool of nonces of one CA (RFC 8555 section 6.5): the newest is used first, the oldest is dropped. */
#include "acme/ca.h"
#include "base/encode.h"

#define NONCE_MAX 512

bool ca_nonce_is(const char *nonce)
{
	return nonce && strlen(nonce) <= NONCE_MAX && base64url_is(nonce);
}

char *ca_nonce_take(struct acme *a)
{
	return a->nonces ? a->nonce[--a->nonces] : NULL;
}

void ca_nonce_put(struct acme *a, const char *nonce)
{
	if (!ca_nonce_is(nonce))
		return;
	if (a->nonces == CA_NONCES) {
		free(a->nonce[0]);
		memmove(a->nonce, a->nonce + 1, --a->nonces * sizeof(a->nonce[0]));
	}
	a->nonce[a->nonces++] = xstrdup(nonce);
}
