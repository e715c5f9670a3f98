/* /api/v1/certificates: what they are, what became of them, and what is wished for them. */
#include "base/clock.h"
#include "pki/identifier.h"
#include "store/agenda.h"
#include "store/status.h"
#include "webui/admin.h"
#include "webui/watch.h"

#define VERSIONS_SHOWN 20
#define ORDERS_SHOWN 6
#define DAY 86400

/*
 * Showing.
 */

static void put_status(json_t *o, const struct rec_cert *cert, enum cert_status status)
{
	_cleanup_free_ char *text = cert_status_text(cert, status);

	json_put_str(o, "status", cert_status_word(status));
	json_put_str(o, "status_text", text);
	json_put_str(o, "next_step", cert_status_next(status));
	if (cert->imported && (status == STATUS_active || status == STATUS_expired)) {
		json_put_str(o, "status_text",
			     status == STATUS_active ? "It is valid; it was imported, so it is not renewed here." :
						       "It is no longer valid; it was imported.");
		json_put_str(o, "next_step", "Import its successor before it ends.");
	}
}

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
	json_put_int(o, "renew_before_shown", cert->renew_before / DAY);
	json_put_str(o, "account", account);
	json_put_str(o, "key", key);
	put_status(o, cert, status);
	return o;
}

/* Where another one is shown in its place. */
static void put_whereabouts(json_t *o, struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_live_release) struct rec_live live = { 0 };
	_cleanup_free_ char *text = NULL;

	if (!str_eq(json_str(o, "status"), "undelivered") || rec_live_get(t, &live, cert->id, NULL) < 0 || !live.late ||
	    live.version != cert->current)
		return;
	text = xasprintf("It is issued, but not live: %s", live.says ? live.says : "");
	json_put_str(o, "status_text", text);
	json_put_str(o, "next_step",
		     "Let that server load it, as with the deploy script; or do not look for it there: "
		     "\"set --live off\".");
}

json_t *admin_show_one_cert(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_account_release) struct rec_account fallback = { 0 };
	json_t *o = admin_show_cert(cert, NULL, NULL);

	put_whereabouts(o, t, cert);
	admin_put_account_name(o, t, cert->account_id);
	if (cert->fallback_id && rec_account_get(t, &fallback, cert->fallback_id, NULL) == 0)
		json_put_str(o, "fallback", fallback.name);
	admin_put_key_name(o, t, cert->key_id);
	admin_put_owner_name(o, t, cert->owner_id);
	return o;
}

static json_t *show(struct txn *t, const void *rec)
{
	return admin_show_one_cert(t, rec);
}

json_t *admin_show_version(struct txn *t, const struct rec_cert *cert, int64_t number)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, number);
	json_t *o;

	if (rec_version_get(t, &version, id, NULL) < 0)
		return NULL;
	o = rec_version_json(&version);
	json_object_del(o, "chain");	/* "export" hands it out */
	json_put_int(o, "number", number);
	json_put_bool(o, "in_force", number == cert->current);
	json_put_bool(o, "usable", number != cert->current && !version.revoked && version.not_after > clock_now());
	return o;
}

json_t *admin_show_order(struct txn *t, const struct rec_cert *cert, int64_t number)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, number);
	json_t *o;

	if (number < 1 || rec_order_get(t, &order, id, NULL) < 0)
		return NULL;
	o = rec_order_json(&order);
	if (cert->waiting && number == cert->open_order && order.todo && *order.todo)
		json_object_set_new(o, "todo", json_loads(order.todo, 0, NULL));
	json_put_int(o, "number", number);
	return o;
}

static json_t *show_versions(struct txn *t, const struct rec_cert *cert)
{
	json_t *list = json_array();

	for (int64_t n = cert->newest; n > 0 && n > cert->newest - VERSIONS_SHOWN; n--) {
		json_t *one = admin_show_version(t, cert, n);

		if (one)
			json_array_append_new(list, one);
	}
	return list;
}

/* null: it was never ordered. */
static json_t *show_order(struct txn *t, const struct rec_cert *cert)
{
	json_t *order = admin_show_order(t, cert, cert->orders);

	return order ? order : json_null();
}

static void put_key_age(json_t *o, const struct request *r, struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (cert->key_id && rec_key_get(t, &key, cert->key_id, NULL) == 0)
		admin_put_key_age(o, r, t, &key, "key_");
}

/* Those before the newest one. */
static json_t *show_past_orders(struct txn *t, const struct rec_cert *cert)
{
	json_t *list = json_array();

	for (int64_t n = cert->orders - 1; n > 0 && n > cert->orders - ORDERS_SHOWN; n--) {
		json_t *one = admin_show_order(t, cert, n);

		if (one)
			json_array_append_new(list, one);
	}
	return list;
}

/* null: its web servers were never checked. */
static json_t *show_check(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_check_release) struct rec_check check = { 0 };

	return rec_check_get(t, &check, cert->id, NULL) < 0 ? json_null() : admin_show_check(cert, &check);
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
	json_object_set_new(answer, "past_orders", show_past_orders(t, &cert));
	json_object_set_new(answer, "check", show_check(t, &cert));
	watch_put_url(answer, t, &cert);
	put_key_age(answer, r, t, &cert);
	json_object_set_new(answer, "deploy", admin_show_deploy(r, t, &cert));
	admin_put_revocation(answer, t, &cert);
	admin_put_consumers(answer, t, cert.id, cert.current);
	admin_put_live(answer, t, &cert);
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

/* Plans an order of it for now. */
static int wish_issue(struct request *r, struct txn *t, struct rec_cert *cert, struct err *e)
{
	if (cert->disabled) {
		err_set(e, ERR_CONFLICT, "the certificate %s is switched off", cert->name);
		return err_hint(e, "Enable it first.");
	}
	cert->wanted = true;
	if (cert->imported && (!cert->account_id || !*cert->account_id)) {
		err_set(e, ERR_CONFLICT, "the certificate %s was imported: it is not ordered here", cert->name);
		return err_hint(e, "Import its successor; or add a certificate with an account under another name.");
	}
	cert->imported = false;	/* from now on it is ordered again */
	if (rec_cert_put(t, cert, e) < 0 || agenda_set(t, AGENDA_issue, cert->id, clock_now(), e) < 0)
		return -1;
	return admin_event(r, t, "certificate.issue", cert->id, cert->name, e, "to be ordered now");
}

int page_cert_issue(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    wish_issue(r, t, &cert, e) < 0)
		return -1;
	answer = show(t, &cert);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

/* By id, or by name: production is looked for first. */
static int find_listed(struct request *r, struct txn *t, const char *text, struct rec_cert *cert, struct err *e)
{
	bool found = rec_cert_get(t, cert, text, NULL) == 0 || rec_cert_by_name(t, cert, text, false, NULL) == 0 ||
		     rec_cert_by_name(t, cert, text, true, NULL) == 0;

	return found && scope_has_cert(&r->visitor.scope, cert) ? 0 :
		err_set(e, ERR_MISSING, "there is no certificate %.100s", text);
}

/* All or none. */
int page_certs_issue(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer, *item;
	size_t i;

	if (!body || store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	json_array_foreach (json_object_get(body, "certificates"), i, item) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

		if (find_listed(r, t, json_string_value(item), &cert, e) < 0 || wish_issue(r, t, &cert, e) < 0)
			return -1;
	}
	if (admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	answer = json_object();
	json_put_int(answer, "count", (int64_t)json_array_size(json_object_get(body, "certificates")));
	return reply_json(r, 202, answer);
}

/* The person says that everything is published. */
int page_cert_verify(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	if (!cert.waiting) {
		err_set(e, ERR_CONFLICT, "no order of the certificate %s waits for a person", cert.name);
		return err_hint(e, "Its status is \"%s\".", cert_status_word(cert_status(&cert, clock_now())));
	}
	cert.verify = true;
	if (rec_cert_put(t, &cert, e) < 0 || agenda_set(t, AGENDA_issue, cert.id, clock_now(), e) < 0 ||
	    admin_event(r, t, "certificate.verify", cert.id, cert.name, e,
			"its challenge answers are published by hand") < 0)
		return -1;
	answer = show(t, &cert);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

struct answers {
	const char *parent;	/* "certificate id/" */
	char **tokens;
};

static int collect_txt(void *arg, void *rec, struct err *e)
{
	strv_add(arg, ((const struct rec_txt *)rec)->id);
	return 0;
}

/* DNS records set for its orders are removed now. */
static int discard_records(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_free_ char *parent = xasprintf("%s/", cert->id);
	_cleanup_strv_ char **ids = NULL;
	int result = record_each(t, &rec_txt_type, parent, false, collect_txt, &ids, e);

	for (size_t i = 0; !result && i < strv_len(ids); i++)
		result = agenda_set(t, AGENDA_cleanup, ids[i], clock_now(), e);
	return result;
}

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

/* Nothing more is done for it. */
static int delete_rows(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	static const enum agenda_kind kinds[] = { AGENDA_issue,      AGENDA_renewal, AGENDA_check,
						  AGENDA_revocation, AGENDA_deploy,  AGENDA_live };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (agenda_delete(t, kinds[i], cert->id, e) < 0)
			return -1;
	return 0;
}

int page_cert_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    delete_answers(t, &cert, e) < 0 || discard_records(t, &cert, e) < 0 || delete_rows(t, &cert, e) < 0 ||
	    rec_check_delete(t, cert.id, e) < 0 || rec_live_delete(t, cert.id, e) < 0 ||
	    admin_delete_children(t, &rec_version_type, cert.id, e) < 0 ||
	    admin_delete_children(t, &rec_order_type, cert.id, e) < 0 ||
	    admin_delete_children(t, &rec_consumer_type, cert.id, e) < 0 || rec_cert_delete(t, cert.id, e) < 0 ||
	    admin_event(r, t, "certificate.removed", cert.id, cert.name, e, "had %lld versions",
			(long long)cert.newest) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 200, rec_cert_json(&cert));
}

/*
 * The API keys.
 */

int page_cert_rotate(struct request *r, struct err *e)
{
	static const struct admin_rotation rotation = { "certificate", &rec_cert_type,
							offsetof(struct rec_cert, access) };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	return admin_rotate(r, &rotation, cert.id, cert.name, slice_buf(&cert.access), e);
}
