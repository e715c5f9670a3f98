#include "acme/jws.h"

#include "base/encode.h"
#include "base/json.h"

static char *header_text(const struct jws_header *h, struct err *e)
{
	_cleanup_json_ json_t *header = json_object();

	json_put_str(header, "alg", h->alg);
	if (h->kid) {
		json_put_str(header, "kid", h->kid);
	} else {
		json_t *jwk = json_read(h->jwk, strlen(h->jwk), e);
		if (!jwk) {
			err_prefix(e, "reading the account's public key");
			return NULL;
		}
		json_object_set_new(header, "jwk", jwk);
	}
	if (h->nonce)
		json_put_str(header, "nonce", h->nonce);
	json_put_str(header, "url", h->url);
	return json_write(header);
}

char *jws_input(const struct jws_header *h, const char *payload, struct err *e)
{
	_cleanup_free_ char *header = header_text(h, e);
	struct buf input = BUF_INIT;

	if (!header)
		return NULL;
	base64url_add(&input, header, strlen(header));
	buf_add_ch(&input, '.');
	base64url_add(&input, payload, strlen(payload));
	return buf_detach(&input);
}

char *jws_flat(const char *input, struct slice signature)
{
	const char *dot = strchr(input, '.');
	struct buf jws = BUF_INIT;

	/* base64url needs no escaping in JSON */
	buf_addf(&jws, "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"", (int)(dot - input), input,
		 dot + 1);
	base64url_add(&jws, signature.data, signature.len);
	buf_add_str(&jws, "\"}");
	return buf_detach(&jws);
}
