#include "pki/mbed.h"

#include <mbedtls/error.h>
#include <mbedtls/md.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#include "base/digest.h"

int mbed_err(struct err *e, enum err_kind kind, const char *what, int code)
{
	char text[128] = "";

	mbedtls_strerror(code, text, sizeof(text));
	return err_set(e, kind, "%s: %s", what, text);
}

size_t mbed_hash(mbedtls_md_type_t type, struct slice data, unsigned char out[MBED_HASH_MAX])
{
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type(type);

	if (!info || mbedtls_md(info, data.data, data.len, out))
		return 0;
	return mbedtls_md_get_size(info);
}

void mbed_begin(void)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	if (psa_crypto_init() != PSA_SUCCESS)
		die("psa_crypto_init() failed");
#endif
}

int mbed_tls_defaults(mbedtls_ssl_config *config, int endpoint)
{
	int code;

	mbed_begin();
	code = mbedtls_ssl_config_defaults(config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
	mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
	mbedtls_ssl_conf_rng(config, random_mbedtls, NULL);
	return code;
}
