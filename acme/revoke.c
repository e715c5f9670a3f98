/* What is taken back: a certificate (RFC 8555 section 7.6), an authorization (section 7.5.2). */
#include "acme/request.h"
#include "base/encode.h"
#include "pki/revocation/reason.h"

static void begin_revoke(struct acme_request *r)
{
	request_post(r, "revokeCert", NULL, r->payload);
}

struct acme_request *acme_revoke_start(struct acme *a, const struct acme_account *who, struct slice der,
				       const char *reason, acme_request_cb *done, void *arg)
{
	struct acme_request *r = request_new(a, who, "revoking the certificate", begin_revoke, done, arg);
	_cleanup_free_ char *certificate = base64url_str(der.data, der.len);
	_cleanup_json_ json_t *members = json_object();

	json_put_str(members, "certificate", certificate);
	json_put_int(members, "reason", revocation_number(reason));
	r->payload = json_write(members);
	return r;
}

static void begin_relinquish(struct acme_request *r)
{
	request_post(r, NULL, r->url, "{\"status\":\"deactivated\"}");
}

struct acme_request *acme_relinquish_start(struct acme *a, const struct acme_account *account,
					   const char *authorization, acme_request_cb *done, void *arg)
{
	struct acme_request *r = request_new(a, account, "giving up an authorization", begin_relinquish, done, arg);

	r->url = xstrdup(authorization);
	return r;
}
