/* PEM and DER of certificates, PKCS#7 and keys: as uploads are read, and decoded. */
#include "base/json.h"
#include "pki/file/collect.h"
#include "pki/file/decode.h"
#include "t/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice file = slice(data, size);
	_cleanup_decoded_ struct decoded decoded = { 0 };
	_cleanup_chain_ struct chain chain = { 0 }, strict = { 0 };

	if (decode_add(&decoded, file, NULL) == 0)
		json_decref(decode_show(&decoded, FUZZ_TIME));
	if (decoded.certs.count)
		collect_chain(&decoded.certs, slice_buf(&decoded.certs.cert[decoded.certs.count - 1].spki), &chain, NULL);
	collect_has_key(file);
	chain_parse(&strict, file, NULL);
	key_free(key_parse(file, "s3cr3t", NULL));
	return 0;
}
