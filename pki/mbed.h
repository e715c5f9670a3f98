/* What differs between mbedTLS 2.28 and 3.6, and its errors as ours.  For pki/ and who shakes hands. */
#ifndef PKI_MBED_H
#define PKI_MBED_H

#include "base/buf.h"
#include "base/err.h"

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

/* 3.x hides the members of its structs behind this. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define MBEDTLS_PRIVATE(member) member
#endif

#define MBED_HASH_MAX 64

/* "what: mbedTLS's own words"; returns -1. */
int mbed_err(struct err *, enum err_kind, const char *what, int code);
/* Hashes; returns the hash's length, 0 if mbedTLS does not know the algorithm. */
size_t mbed_hash(mbedtls_md_type_t, struct slice, unsigned char out[MBED_HASH_MAX]);

/* What 3.x wants before it does TLS; may be called again. */
void mbed_begin(void);
/*
 * For MBEDTLS_SSL_IS_CLIENT or _SERVER: TLS 1.2 at least, over a stream, our random numbers.  config is fresh from
 * mbedtls_ssl_config_init().  Returns mbedTLS's code, 0 if all is well.
 */
int mbed_tls_defaults(mbedtls_ssl_config *config, int endpoint);

#endif
