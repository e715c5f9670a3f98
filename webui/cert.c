/* /api/v1/certificates: what they are, what became of them, and what is wished for them. */
#include "base/clock.h"
#include "pki/cert.h"
#include "pki/identifier.h"
#include "store/agenda.h"
#include "store/status.h"
#include "webui/admin.h"
#include "webui/chain.h"

#define VERSIONS_SHOWN 20

/*
 * Showing.
 */

json_t *admin_show_cert(const struct rec_cert *cert, const char *account, const char *key)
{
	enum cert_status status = cert_status(cert, clock_now());
	_cleanup_strv_ char **shown = NULL;
	json_t *o = rec_cert_json(cert);

	for (char **name = cert->names; name && *name; name++) {
		_cleanup_free_ char *text = identifier_display(*name);

		strv_add(&shown, text);
	}
	json_put_strv(o, "names_shown", shown);
	json_put_str(o, "account", account);
	json_put_str(o, "key", key);
	json_put_str(o, "status", cert_status_word(status));
	json_put_str(o, "status_text", cert_status_sentence(status));
	json_put_str(o, "next_step", cert_status_next(status));
	return o;
}

static json_t *show(struct txn *t, const void *rec)
{
	const struct rec_cert *cert = rec;
	json_t *o = admin_show_cert(cert, NULL, NULL);

	admin_put_account_name(o, t, cert->account_id);
	admin_put_key_name(o, t, cert->key_id);
	return o;
}

int page_certs(struct request *r, struct err *e)
{
	return admin_list(r, "certificates", &rec_cert_type, show, e);
}

static json_t *show_versions(struct txn *t, const struct rec_cert *cert)
{
	json_t *list = json_array();

	for (int64_t n = cert->newest; n > 0 && n > cert->newest - VERSIONS_SHOWN; n--) {
		_cleanup_(rec_version_release) struct rec_version version = { 0 };
		_cleanup_free_ char *id = record_child_id(cert->id, n);
		json_t *one;

		if (rec_version_get(t, &version, id, NULL) < 0)
			continue;
		one = rec_version_json(&version);
		json_object_del(one, "chain");	/* "export" hands it out */
		json_put_int(one, "number", n);
		json_array_append_new(list, one);
	}
	return list;
}

/* null: it was never ordered. */
static json_t *show_order(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->orders);
	json_t *o;

	if (!cert->orders || rec_order_get(t, &order, id, NULL) < 0)
		return json_null();
	o = rec_order_json(&order);
	json_put_int(o, "number", cert->orders);
	return o;
}

int page_cert(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	answer = show(t, &cert);
	json_object_set_new(answer, "versions", show_versions(t, &cert));
	json_object_set_new(answer, "order", show_order(t, &cert));
	admin_put_consumers(answer, t, cert.id);
	return reply_json(r, 200, answer);
}

int page_cert_order(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_json_ json_t *order = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	order = show_order(t, &cert);
	if (json_is_null(order))
		return err_set(e, ERR_MISSING, "the certificate %s was never ordered", cert.name);
	return reply_json(r, 200, TAKE(order));
}

/*
 * Wishes.
 */

int page_cert_issue(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	if (cert.disabled) {
		err_set(e, ERR_CONFLICT, "the certificate %s is switched off", cert.name);
		return err_hint(e, "Enable it first.");
	}
	if (agenda_set(t, AGENDA_issue, cert.id, clock_now(), e) < 0 ||
	    admin_event(t, "certificate.issue", cert.id, cert.name, e, "to be ordered now") < 0)
		return -1;
	answer = show(t, &cert);
	if (admin_commit(r, TAKE(t), true, e) == 0)
		return reply_json(r, 202, answer);
	json_decref(answer);
	return -1;
}

struct answers {
	const char *parent;	/* "certificate id/" */
	char **tokens;
};

static int collect_answer(void *arg, void *rec, struct err *e)
{
	const struct rec_challenge *challenge = rec;
	struct answers *a = arg;

	if (challenge->order_id && str_starts(challenge->order_id, a->parent))
		strv_add(&a->tokens, challenge->id);
	return 0;
}

/* Challenge answers of its orders are served no more. */
static int delete_answers(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_free_ char *parent = xasprintf("%s/", cert->id);
	struct answers a = { .parent = parent };
	int result = record_each(t, &rec_challenge_type, "", false, collect_answer, &a, e);

	for (size_t i = 0; !result && i < strv_len(a.tokens); i++)
		result = rec_challenge_delete(t, a.tokens[i], e);
	strv_free(a.tokens);
	return result;
}

int page_cert_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    delete_answers(t, &cert, e) < 0 || agenda_delete(t, AGENDA_issue, cert.id, e) < 0 ||
	    admin_delete_children(t, &rec_version_type, cert.id, e) < 0 ||
	    admin_delete_children(t, &rec_order_type, cert.id, e) < 0 ||
	    admin_delete_children(t, &rec_consumer_type, cert.id, e) < 0 || rec_cert_delete(t, cert.id, e) < 0 ||
	    admin_event(t, "certificate.removed", cert.id, cert.name, e, "had %lld versions",
			(long long)cert.newest) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 200, rec_cert_json(&cert));
}

/*
 * The chain, and the API keys.
 */

int page_cert_export(struct request *r, struct err *e)
{
	static const char *const known[] = { "chain", "staging", NULL };
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_chain_ struct chain chain = { NULL, 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_free_ char *id = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	size_t from, to;
	json_t *answer;

	if (admin_query(r, &query, known, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	if (!cert.current)
		return err_set(e, ERR_CONFLICT, "the certificate %s has not been issued yet", cert.name);
	id = record_child_id(cert.id, cert.current);
	if (rec_version_get(t, &version, id, e) < 0 || chain_parse(&chain, slice_str(version.chain), e) < 0 ||
	    chain_part(params_get(&query, "chain"), chain.count, &from, &to, e) < 0)
		return -1;
	chain_pem(&chain, from, to, &pem);
	answer = json_object();
	json_put_str(answer, "pem", buf_str(&pem));
	return reply_json(r, 200, answer);
}

static int get_access(struct txn *t, const char *id, struct buf *access, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

	if (rec_cert_get(t, &cert, id, e) < 0)
		return -1;
	record_set_blob(access, slice_buf(&cert.access));
	return 0;
}

static int put_access(struct txn *t, const char *id, struct slice access, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

	if (rec_cert_get(t, &cert, id, e) < 0)
		return -1;
	record_set_blob(&cert.access, access);
	return rec_cert_put(t, &cert, e);
}

int page_cert_rotate(struct request *r, struct err *e)
{
	static const struct admin_rotation rotation = { "certificate", get_access, put_access };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	return admin_rotate(r, &rotation, cert.id, cert.name, slice_buf(&cert.access), e);
}
