#include "daemon/kept.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/json.h"

#include "daemon/txt.h"

#define KEPT_SECONDS (7 * 24 * 3600)	/* how old an order may be that is taken up again */

char *kept_purpose(const struct rec_cert *cert, const struct rec_account *account)
{
	_cleanup_json_ json_t *purpose = json_object();
	_cleanup_free_ char *text = NULL, *csr = hex_str(cert->csr.data, cert->csr.len);
	unsigned char digest[SHA256_SIZE];

	json_put_str(purpose, "account", account->kid);
	json_put_str(purpose, "account_key", account->jwk);	/* which the answers are made with */
	json_put_strv(purpose, "names", cert->names);
	json_put_str(purpose, "challenge", cert->challenge);
	json_put_strv(purpose, "challenges", cert->challenges);
	json_put_str(purpose, "profile", cert->profile);
	json_put_str(purpose, "key", cert->key_id);
	json_put_str(purpose, "key_type", cert->key_type);
	json_put_bool(purpose, "rekey", cert->rekey);
	json_put_int(purpose, "revoked", cert->revoked);	/* what replaces it was begun after that */
	json_put_str(purpose, "csr", csr);
	text = json_write(purpose);
	sha256(text, strlen(text), digest);
	return hex_str(digest, sizeof(digest));
}

bool kept_fits(const struct rec_order *order, const struct rec_cert *cert, const struct rec_account *account)
{
	_cleanup_free_ char *purpose = kept_purpose(cert, account);

	return str_eq(order->account_id, account->id) && str_eq(order->purpose, purpose) &&
	       order->created + KEPT_SECONDS > clock_now();
}

int kept_take_up(struct txn *t, struct rec_cert *cert, const struct rec_account *account, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->kept_order);
	bool fits;

	if (rec_order_get(t, &order, id, e) < 0)
		return -1;
	fits = kept_fits(&order, cert, account);
	if (fits) {
		cert->open_order = cert->kept_order;
		cert->wanted = false;
		cert->retry_at = 0;
		record_set(&cert->waits_for, NULL);
	} else if (kept_close(t, &order, "replaced", e) < 0) {
		return -1;
	}
	cert->kept_order = 0;
	return rec_cert_put(t, cert, e) < 0 ? -1 : fits;
}

/* The answers of an order that is over are no longer served. */
struct stale {
	const char *order_id;
	char **tokens;
};

static int collect_stale(void *arg, void *rec, struct err *e)
{
	struct stale *stale = arg;
	const struct rec_challenge *challenge = rec;

	if (str_eq(challenge->order_id, stale->order_id))
		strv_add(&stale->tokens, challenge->id);
	return 0;
}

static int unpublish(struct txn *t, const char *order_id, struct err *e)
{
	struct stale stale = { .order_id = order_id };
	int failed = record_each(t, &rec_challenge_type, "", false, collect_stale, &stale, e);

	for (size_t i = 0; !failed && i < strv_len(stale.tokens); i++)
		failed = rec_challenge_delete(t, stale.tokens[i], e);
	strv_free(stale.tokens);
	return failed;
}

int kept_close(struct txn *t, struct rec_order *order, const char *result, struct err *e)
{
	order->finished = clock_now();
	record_set(&order->result, result);
	record_set(&order->state, NULL);
	record_set(&order->todo, NULL);
	if (rec_order_put(t, order, e) < 0 || unpublish(t, order->id, e) < 0)
		return -1;
	return txt_discard(t, order->id, e);
}

int kept_drop(struct txn *t, struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	int64_t number = cert->open_order ? cert->open_order : cert->kept_order;
	_cleanup_free_ char *id = record_child_id(cert->id, number);

	cert->open_order = cert->kept_order = 0;
	if (!number)
		return 0;
	if (rec_order_get(t, &order, id, e) == 0)
		return kept_close(t, &order, "failed", e);
	if (e->kind != ERR_MISSING)
		return -1;
	err_clear(e);
	return 0;
}
