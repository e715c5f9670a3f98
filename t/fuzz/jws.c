/* JWS: whatever the key and the payload, what comes out is JSON and holds the payload. */
#include "acme/jws.h"
#include "base/encode.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	char *payload = text, *jwk = strsep(&payload, "\n");
	struct jws_header header = { .alg = "ES256", .jwk = jwk, .nonce = "n", .url = "https://ca.example/" };
	_cleanup_free_ char *input = jws_input(&header, payload ? payload : "", NULL);
	_cleanup_free_ char *flat = input ? jws_flat(input, slice_str("signature")) : NULL;
	_cleanup_json_ json_t *json = flat ? json_read(flat, strlen(flat), NULL) : NULL;
	_cleanup_buf_ struct buf decoded = BUF_INIT;
	const char *part = json_str(json, "payload");

	if (!flat)
		return 0;
	if (!part || base64url_decode(&decoded, part, strlen(part)) < 0 ||
	    strcmp(buf_str(&decoded), payload ? payload : ""))
		die("not what went in: %s", flat);
	return 0;
}
