#include "pki/mbed.h"

#include <mbedtls/error.h>
#include <mbedtls/md.h>

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
