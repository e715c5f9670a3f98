#include "store/purpose.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/json.h"
#include "store/details.h"

char *purpose_of(const struct rec_cert *cert, const struct rec_account *account)
{
	_cleanup_json_ json_t *purpose = json_object();
	_cleanup_free_ char *text = NULL, *csr = hex_str(cert->csr.data, cert->csr.len);
	const struct csr_details wanted = details_of(cert);
	_cleanup_buf_ struct buf details = BUF_INIT;
	unsigned char digest[SHA256_SIZE];

	json_put_str(purpose, "account", account->kid);
	json_put_str(purpose, "account_key", account->jwk);	/* which the answers are made with */
	json_put_strv(purpose, "names", cert->names);
	json_put_str(purpose, "challenge", cert->challenge);
	json_put_strv(purpose, "challenges", cert->challenges);
	json_put_str(purpose, "profile", cert->profile);
	if (cert->preferred_chain && *cert->preferred_chain)
		json_put_str(purpose, "preferred_chain", cert->preferred_chain);
	details_write(&wanted, &details);
	if (details.len)
		json_put_str(purpose, "details", buf_str(&details));
	json_put_str(purpose, "key", cert->key_id);
	json_put_str(purpose, "key_type", cert->key_type);
	json_put_bool(purpose, "rekey", cert->rekey);
	json_put_int(purpose, "revoked", cert->revoked);	/* what replaces it was begun after that */
	json_put_str(purpose, "csr", csr);
	text = json_write(purpose);
	sha256(text, strlen(text), digest);
	return hex_str(digest, sizeof(digest));
}

bool purpose_is(const struct rec_order *order, const struct rec_cert *cert, const struct rec_account *account)
{
	_cleanup_free_ char *purpose = purpose_of(cert, account);

	return str_eq(order->account_id, account->id) && str_eq(order->purpose, purpose);
}
