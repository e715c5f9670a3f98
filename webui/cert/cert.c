/* /api/v1/certificates: what they are, what became of them, and what is wished for them. */
#include "base/clock.h"
#include "pki/cert.h"
#include "pki/identifier.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/hooks.h"
#include "store/key/compromise.h"
#include "store/ledger.h"
#include "store/leftover.h"
#include "store/status.h"
#include "webui/cert/detail.h"
#include "webui/cert/diff.h"
#include "webui/cert/part.h"
#include "webui/guide/install.h"
#include "webui/guide/recipe.h"
#include "webui/http/handler.h"
#include "webui/order/dry.h"

#define VERSIONS_SHOWN 20
#define ORDERS_SHOWN 6
#define DAY 86400
#define TURN_SECONDS 2	/* that an order may take to begin without anybody wondering why */

/*
 * Showing.
 */

static void put_status(json_t *o, const struct rec_cert *cert, enum cert_status status)
{
	_cleanup_free_ char *text = cert_status_text(cert, status);

	json_put_str(o, "status", cert_status_word(status));
	json_put_str(o, "status_text", text);
	json_put_str(o, "must_act", cert_status_acts(cert, status));
	json_put_str(o, "next_step",
		     status == STATUS_compromised ? compromise_next(cert) : cert_status_next(cert, status));
}

json_t *admin_show_cert(const struct rec_cert *cert, const char *account, const char *key)
{
	enum cert_status status = cert_status(cert, clock_now());
	_cleanup_strv_ char **shown = NULL;
	json_t *o = rec_cert_json(cert);

	admin_put_key_type(o, "key_type");
	for (char **name = cert->names; name && *name; name++) {
		_cleanup_free_ char *text = identifier_display(*name);

		strv_add(&shown, text);
	}
	json_put_strv(o, "names_shown", shown);
	json_put_int(o, "renew_before_shown", cert->renew_before / DAY);
	json_put_str(o, "key_reuse_shown", admin_key_reuse(cert));
	json_put_str(o, "account", account);
	json_put_str(o, "key", key);
	json_put_bool(o, "hooks_unconfirmed", cert->hooks == HOOKS_UNCONFIRMED);
	json_put_str(o, "preflight_shown", cert->no_preflight ? "off" : "on");
	json_put_str(o, "propagation_shown", cert->no_propagation ? "off" : "on");
	json_put_str(o, "live_shown", cert->no_live ? "off" : "on");
	detail_put_shown(o, cert);
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
	text = xasprintf("The certificate is issued, but not live: %s", live.says ? live.says : "");
	json_put_str(o, "status_text", text);
	json_put_str(
		o, "next_step",
		"Load the certificate on that server, for example with the deploy script; or turn off its live check.");
}

/* Added without an order, or a person canceled it: nothing is due, and nobody should wait for it. */
static void put_unwished(json_t *o, struct txn *t, const struct rec_cert *cert)
{
	int64_t due;

	if (cert->imported || !str_eq(json_str(o, "status"), "pending") ||
	    agenda_due(t, AGENDA_issue, cert->id, &due, NULL) != 0)
		return;
	json_put_str(o, "next_step", "Order it. Certera does not do so automatically: it was added without an order, "
				     "or its order was canceled.");
}

json_t *admin_show_one_cert(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_account_release) struct rec_account fallback = { 0 };
	json_t *o = admin_show_cert(cert, NULL, NULL);

	put_whereabouts(o, t, cert);
	put_unwished(o, t, cert);
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

/* Nearly always nothing is compromised, and no chain has to be read. */
static bool is_compromised(struct txn *t, const struct rec_version *version)
{
	_cleanup_free_ char *digest =
		txn_count(t, TABLE_compromise) ? chain_digest(slice_str(version->chain), NULL) : NULL;

	return compromise_known(t, digest, NULL) > 0;
}

json_t *admin_show_version(const struct request *r, struct txn *t, const struct rec_cert *cert, int64_t number)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, number);
	json_t *o;

	if (rec_version_get(t, &version, id, NULL) < 0)
		return NULL;
	o = rec_version_json(&version);
	json_object_del(o, "chain");	/* "export" hands it out */
	admin_put_steps(r, o, "deploy_log", version.deploy_log);
	json_put_int(o, "number", number);
	json_put_bool(o, "in_force", number == cert->current);
	json_put_bool(o, "usable", number != cert->current && !version.revoked && version.not_after > clock_now() &&
					   !is_compromised(t, &version));
	return o;
}

json_t *admin_show_order(const struct request *r, struct txn *t, const struct rec_cert *cert, int64_t number)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, number);
	json_t *o;

	if (number < 1 || rec_order_get(t, &order, id, NULL) < 0)
		return NULL;
	o = rec_order_json(&order);
	admin_put_steps(r, o, "log", order.log);
	/* where it stood is its result; a former release may have put there what a script printed */
	if (order.finished)
		json_put_str(o, "activity", NULL);
	if (cert->waiting && number == cert->open_order && order.todo && *order.todo)
		json_object_set_new(o, "todo",
				    json_loads(order.found && *order.found ? order.found : order.todo, 0, NULL));
	json_put_int(o, "number", number);
	return o;
}

static json_t *show_versions(const struct request *r, struct txn *t, const struct rec_cert *cert)
{
	json_t *list = json_array();

	for (int64_t n = cert->newest; n > 0 && n > cert->newest - VERSIONS_SHOWN; n--) {
		json_t *one = admin_show_version(r, t, cert, n);

		if (one)
			json_array_append_new(list, one);
	}
	return list;
}

/* null: it was never ordered. */
static json_t *show_order(const struct request *r, struct txn *t, const struct rec_cert *cert)
{
	json_t *order = admin_show_order(r, t, cert, cert->orders);

	return order ? order : json_null();
}

static void put_key_age(json_t *o, const struct request *r, struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (cert->key_id && rec_key_get(t, &key, cert->key_id, NULL) == 0)
		admin_put_key_age(o, r, t, &key, "key_");
}

/* Those before the newest one. */
static json_t *show_past_orders(const struct request *r, struct txn *t, const struct rec_cert *cert)
{
	json_t *list = json_array();

	for (int64_t n = cert->orders - 1; n > 0 && n > cert->orders - ORDERS_SHOWN; n--) {
		json_t *one = admin_show_order(r, t, cert, n);

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

/* Its order is ready, and the CA has not been asked for it: since when; 0: that is not so. */
static int64_t awaits_turn(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->open_order);

	return rec_order_get(t, &order, id, NULL) == 0 && str_eq(order.activity, ORDER_AWAITS_TURN) ? order.created : 0;
}

/* Its order is due, and has not begun. */
static void put_turn(json_t *o, struct txn *t, const struct rec_cert *cert)
{
	bool checking = str_eq(json_str(json_object_get(o, "check"), "state"), "open");
	int64_t since = 0;

	if (cert->open_order)
		since = awaits_turn(t, cert);
	else if (!cert->disabled && agenda_due(t, AGENDA_issue, cert->id, &since, NULL) != 1)
		since = 0;
	if (!since || since > clock_now() - TURN_SECONDS)
		return;
	json_put_str(o, "waits_for",
		     checking ? "the check of its web servers"
			      : "its turn: other orders come first (acme.orders_at_once, acme.orders_per_ca; of one "
				"account, one order "
				"at a time is sent to the CA)");
	json_put_time(o, "retry_at", 0);
}

/* Its version in force, with what is in its chain; null: there is none. */
static json_t *show_in_force(const struct request *r, struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);
	json_t *o, *chain;

	if (!cert->current || rec_version_get(t, &version, id, NULL) < 0)
		return json_null();
	o = admin_show_version(r, t, cert, cert->current);
	chain = diff_chain(&version, NULL);
	json_object_set_new(o, "chain", chain ? chain : json_array());
	if (r->html)
		json_put_str(o, "pem", version.chain);
	return o;
}

/* The version to roll back to: the newest before the one in force; 0: there is none that can be. */
static int64_t earlier(const json_t *versions, const struct rec_cert *cert)
{
	json_t *one;
	size_t i;

	json_array_foreach (versions, i, one)
		if (json_bool(one, "usable", false) && json_int(one, "number", 0) < cert->current)
			return json_int(one, "number", 0);
	return 0;
}

static json_t *show_whole(struct request *r, struct txn *t, const struct rec_cert *cert, const char *here,
			  struct err *e)
{
	_cleanup_json_ json_t *answer = show(t, cert);

	if (admin_put_sharing(answer, r, t, cert, e) < 0)
		return NULL;
	part_put(answer, r, t, cert, here);
	json_object_set_new(answer, "versions", show_versions(r, t, cert));
	if (r->html)
		json_put_int(answer, "earlier", earlier(json_object_get(answer, "versions"), cert));
	json_object_set_new(answer, "in_force", show_in_force(r, t, cert));
	json_object_set_new(answer, "order", show_order(r, t, cert));
	json_object_set_new(answer, "past_orders", show_past_orders(r, t, cert));
	json_object_set_new(answer, "check", show_check(t, cert));
	recipe_put(answer, r, t, cert);
	json_object_set_new(answer, "install", install_show(r, cert, json_str(answer, "key"), cert->server_type));
	put_turn(answer, t, cert);
	put_key_age(answer, r, t, cert);
	json_object_set_new(answer, "deploy", admin_show_deploy(r, t, cert));
	admin_put_revocation(answer, t, cert);
	admin_put_consumers(answer, t, cert->id, cert->current);
	admin_put_live(answer, t, cert);
	return TAKE(answer);
}

int page_cert(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	answer = show_whole(r, t, &cert, "overview", e);
	return answer ? reply_json(r, 200, answer) : -1;
}

/* The page with its forms, which say what the API takes. */
int page_cert_settings(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_json_ json_t *answer = NULL;
	json_t *choices = json_object();

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    choices_put_accounts(r, choices, "account", t, e) < 0)
		return json_decref(choices), -1;
	answer = show_whole(r, t, &cert, "settings", e);
	if (!answer)
		return json_decref(choices), -1;
	json_object_set(choices, "fallback", json_object_get(choices, "account"));
	json_object_set_new(answer, "choices", choices);
	return reply_json(r, 200, TAKE(answer));
}

int page_cert_order(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_json_ json_t *order = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	order = show_order(r, t, &cert);
	if (json_is_null(order))
		return err_set(e, ERR_MISSING, "the certificate %s was never ordered", cert.name);
	return reply_json(r, 200, TAKE(order));
}

/*
 * Wishes.
 */

static int check_issue(const struct rec_cert *cert, struct err *e)
{
	if (cert->disabled) {
		err_set(e, ERR_CONFLICT, "the certificate %s is disabled", cert->name);
		return err_hint(e, "Enable the certificate first.");
	}
	if (cert->imported && (!cert->account_id || !*cert->account_id)) {
		err_set(e, ERR_CONFLICT, "the certificate %s was imported: Certera does not order it", cert->name);
		return err_hint(e, "Import the next version, or add a certificate with an account under a new name.");
	}
	if (cert->no_key) {
		err_set(e, ERR_CONFLICT,
			"the certificate %s was imported without its private key: Certera only tracks it", cert->name);
		return err_hint(e, "Import it with its key, or add a certificate under a new name.");
	}
	return 0;
}

/* Plans an order of it for now. */
static int wish_issue(struct request *r, struct txn *t, struct rec_cert *cert, struct err *e)
{
	int served;

	if (check_issue(cert, e) < 0)
		return -1;
	cert->imported = false;	/* from now on it is ordered again */
	served = cert_wish(t, cert, e);
	if (served < 0)
		return -1;
	return admin_event(r, t, "certificate.issue", cert->id, cert->name, e, "order requested%s",
			   !cert->open_order ? "" : served ? "; the order in progress counts" :
			   "; the certificate was changed after the order in progress began, so a new order follows");
}

int page_cert_issue(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;
	bool dry;

	if (dry_read(r, &dry, e) < 0 || store_write(r->webui->env->store, &t, e) < 0 ||
	    admin_find_cert(r, t, &cert, e) < 0 || wish_issue(r, t, &cert, e) < 0)
		return -1;
	if (dry)
		return dry_reply(r, t, &cert, "", true, e);
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

/* All or none: each is looked for, and may be ordered, before the first is. */
static int check_listed(struct request *r, const json_t *list, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	json_t *item;
	size_t i;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	json_array_foreach ((json_t *)list, i, item) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

		if (find_listed(r, t, json_string_value(item), &cert, e) < 0 || check_issue(&cert, e) < 0)
			return -1;
	}
	return 0;
}

/* One step; *i: the first that is not done yet. */
static int issue_some(struct request *r, const json_t *list, size_t *i, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	for (; *i < json_array_size(list) && !txn_is_large(t); ++*i) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

		if (find_listed(r, t, json_string_value(json_array_get(list, *i)), &cert, e) < 0 ||
		    wish_issue(r, t, &cert, e) < 0)
			return -1;
	}
	return admin_commit(r, TAKE(t), true, e);
}

int page_certs_issue(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	const json_t *list = json_object_get(body, "certificates");
	json_t *answer;

	if (!body || check_listed(r, list, e) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(list);)
		if (issue_some(r, list, &i, e) < 0)
			return -1;
	answer = json_object();
	json_put_int(answer, "count", (int64_t)json_array_size(list));
	return reply_json(r, 202, answer);
}

/* Nothing more is done for it but what the engine has to end: its order, the answers to its challenges (removed.c). */
static int move_rows(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	static const enum agenda_kind kinds[] = { AGENDA_renewal,    AGENDA_check,  AGENDA_look,
						  AGENDA_revocation, AGENDA_deploy, AGENDA_live };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (agenda_delete(t, kinds[i], cert->id, e) < 0)
			return -1;
	if (cert->site && agenda_set(t, AGENDA_site, cert->id, clock_now(), e) < 0)
		return -1;
	return cert_plan_gone(t, cert->id, e) < 0 ? -1 : agenda_set(t, AGENDA_removed, cert->id, clock_now(), e);
}

int admin_remove_cert(struct request *r, struct txn *t, const struct rec_cert *cert, struct err *e)
{
	if (move_rows(t, cert, e) < 0 || rec_check_delete(t, cert->id, e) < 0 || rec_live_delete(t, cert->id, e) < 0 ||
	    leftover_remove_children(t, &rec_version_type, cert->id, e) < 0 ||
	    leftover_remove_children(t, &rec_consumer_type, cert->id, e) < 0 || rec_cert_delete(t, cert->id, e) < 0)
		return -1;
	return admin_event(r, t, "certificate.removed", cert->id, cert->name, e, "had %lld versions",
			   (long long)cert->newest);
}

int page_cert_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    admin_remove_cert(r, t, &cert, e) < 0 || admin_commit(r, TAKE(t), true, e) < 0)
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
