/* Revoking a certificate (RFC 8555 section 7.6). */
#include "acme/request.h"
#include "base/encode.h"

static const struct {
	const char *word;
	int number;
} reasons[] = {
#define REVOCATION(word, number) { #word, number },
#include "acme/revocation.def"
#undef REVOCATION
};

int acme_revocation_reason(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (str_eq(reasons[i].word, word))
			return reasons[i].number;
	return -1;
}

const char *acme_revocation_words(void)
{
#define REVOCATION(word, number) " " #word
	static const char words[] =
#include "acme/revocation.def"
		;
#undef REVOCATION

	return words + 1;
}

static void begin_revoke(struct acme_request *r)
{
	request_post(r, "revokeCert", NULL, r->payload);
}

struct acme_request *acme_revoke_start(struct acme *a, const struct acme_account *who, struct slice der, const char *reason,
				       acme_request_cb *done, void *arg)
{
	struct acme_request *r = request_new(a, who, "revoking the certificate", begin_revoke, done, arg);
	_cleanup_free_ char *certificate = base64url_str(der.data, der.len);
	_cleanup_json_ json_t *members = json_object();

	json_put_str(members, "certificate", certificate);
	json_put_int(members, "reason", acme_revocation_reason(reason));
	r->payload = json_write(members);
	return r;
}
