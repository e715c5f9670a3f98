#include "daemon/libraries.h"

#include <ares.h>
#include <crypt.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <idn2.h>
#include <jansson.h>
#include <libesmtp.h>
#include <liboath/oath.h>
#include <libpsl.h>
#include <lmdb.h>
#include <mbedtls/version.h>
#include <qrencode.h>
#include <seccomp.h>
#include <yaml.h>
#include <zlib.h>

static const char *lmdb_version(char text[static 32])
{
	int major, minor, patch;

	mdb_version(&major, &minor, &patch);
	snprintf(text, 32, "%d.%d.%d", major, minor, patch);
	return text;
}

static const char *libseccomp_version(char text[static 32])
{
	const struct scmp_version *version = seccomp_version();

	snprintf(text, 32, "%u.%u.%u", version->major, version->minor, version->micro);
	return text;
}

static const char *mbedtls_version(char text[static 32])
{
	mbedtls_version_get_string(text);
	return text;
}

static const char *libesmtp_version(char text[static 32])
{
	return smtp_version(text, 32, 0) ? text : "unknown";
}

void libraries_print(FILE *out)
{
	char mbedtls[32], lmdb[32], seccomp[32], esmtp[32];
	const struct {
		const char *name, *version;
	} libraries[] = {
		{ "mbedTLS", mbedtls_version(mbedtls) },
		{ "libevent", event_get_version() },
		{ "libcurl", curl_version_info(CURLVERSION_NOW)->version },
		{ "LMDB", lmdb_version(lmdb) },
		{ "jansson", jansson_version_str() },
		{ "libyaml", yaml_get_version_string() },
		{ "libidn2", idn2_check_version(NULL) },
		{ "libseccomp", libseccomp_version(seccomp) },
#ifdef XCRYPT_VERSION_STR
		{ "libcrypt", XCRYPT_VERSION_STR },
#endif
		{ "c-ares", ares_version(NULL) },
		{ "libpsl", psl_get_version() },
		{ "liboath", oath_check_version(NULL) },
		{ "libqrencode", QRcode_APIVersionString() },
		{ "libesmtp", libesmtp_version(esmtp) },
		{ "zlib", zlibVersion() },
	};

	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++)
		fprintf(out, "  %-12s %s\n", libraries[i].name, libraries[i].version);
}
