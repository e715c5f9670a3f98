/* /api/v1/accounts: accounts at CAs. */
#include "base/clock.h"
#include "store/agenda.h"
#include "store/ledger.h"
#include "store/leftover.h"
#include "webui/account/read.h"
#include "webui/list/list.h"

#define DAY 86400

json_t *admin_show_account(struct txn *t, const void *rec)
{
	const struct rec_account *account = rec;
	json_t *o = rec_account_json(account);

	admin_put_key_name(o, t, account->key_id);
	return o;
}

/* For who has limits: what to order from and whether it works, not how it is registered. */
static json_t *show_in_brief(struct txn *t, const void *rec)
{
	static const char *const hidden[] = { "contact", "new_contact", "kid", "key_id", "eab_kid", "ca_file",
					      "orders" };
	json_t *o = rec_account_json(rec);

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		json_object_del(o, hidden[i]);
	return o;
}

json_t *admin_show_account_to(const struct scope *scope, struct txn *t, const struct rec_account *account)
{
	return scope_limited(scope) ? show_in_brief(t, account) : admin_show_account(t, account);
}

/* Who has limits does not see for which names others order. */
json_t *admin_show_limits(const struct scope *scope, struct txn *t, const struct rec_account *account)
{
	json_t *all = ledger_json(t, account->id, account->directory, clock_now());

	for (size_t i = json_array_size(all); scope_limited(scope) && i-- > 0;)
		if (*json_str(json_array_get(all, i), "of"))
			json_array_remove(all, i);
	return all;
}

static int prepare(struct list *l, struct txn *t, struct err *e)
{
	return list_read_flag(l, "staging", e);
}

static const char *stage_of(const struct list *l, const void *rec)
{
	return ((const struct rec_account *)rec)->staging ? "true" : "false";
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	const struct rec_account *account = rec;

	return list_in(&l->created, account->created) && list_flag(l, "staging", account->staging) &&
	       list_is(value[REC_account_state], list_filter(l, "state")) &&
	       list_is(value[REC_account_ca], list_filter(l, "ca")) &&
	       (list_contains(value[REC_account_name], l->search) ||
		list_contains(value[REC_account_directory], l->search));
}

static int64_t by_creation(const struct list *l, const void *rec)
{
	const struct rec_account *account = rec;

	return account->created;
}

/* The list, with what each row shows. */
#define ACCOUNTS(shown) { \
	.member = "accounts", .type = &rec_account_type, .name = REC_account_name, .prepare = prepare, \
	.wanted = wanted, .sorts = sorts, .texts = texts, .facets = facets, .show = (shown), \
}

int page_accounts(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = { { "name", NULL, 0 },
						  { "created", by_creation, 0 },
						  { NULL, NULL, 0 } };
	static const struct list_text texts[] = { { "state", REC_account_state },
						  { "ca", REC_account_ca },
						  { NULL, 0 } };
	static const struct list_facet facets[] = {
		{ .word = "state", .field = REC_account_state },
		{ .word = "ca", .field = REC_account_ca },
		{ .word = "staging", .says = stage_of },
		{ .word = NULL },
	};
	static const struct list_type whole = ACCOUNTS(admin_show_account), brief = ACCOUNTS(show_in_brief);

	return list_reply(r, scope_limited(&r->visitor.scope) ? &brief : &whole, 0, e);
}

/* What the form that corrects it begins with, for the CA of this word ("": one by its directory). */
static json_t *show_correction(const struct rec_account *account, const char *ca)
{
	json_t *o = rec_account_json(account);

	json_put_str(o, "ca", ca);
	if (*ca)
		json_object_del(o, "directory");
	else if (account->ca && *account->ca)
		json_put_str(o, "directory", "");
	return o;
}

void admin_put_correction(json_t *page, const struct rec_account *account, const char *before, const char *word)
{
	const char *ca = word ? word : account->ca && *account->ca ? account->ca : CHOICES_OTHER_CA;
	bool bound = account->eab_kid && *account->eab_kid;

	json_object_set_new(page, "corrects", choices_put_kind(page, before, ca));
	if (bound && str_eq(json_str(page, "binding"), "none"))
		json_put_str(page, "binding", "optional");
	json_put_bool(page, "own_roots", account->ca_file && *account->ca_file);
	json_object_set_new(page, "correction", show_correction(account, json_bool(page, "other", true) ? "" : ca));
}

/* What its CA offers: null is what nobody knows yet. */
static json_t *show_offers(const struct rec_account *account)
{
	json_t *o = json_object();
	bool ordered = account->seen_life;

	json_put_strv(o, "challenges", account->seen_challenges);
	json_put_strv(o, "profiles", account->profiles);
	json_object_set_new(o, "wildcard", account->seen_wildcard ? json_true() : json_null());
	json_object_set_new(o, "ip", account->seen_ip ? json_true() : json_null());
	json_object_set_new(o, "eab", account->offers_read ? json_boolean(account->needs_eab) : json_null());
	json_object_set_new(o, "ari", account->offers_read ? json_boolean(account->offers_ari) : json_null());
	json_put_strv(o, "key_types", account->seen_keys);
	json_put_strv(o, "revocation", account->seen_revocation);
	json_put_bool(o, "ordered", ordered);
	json_object_set_new(o, "validity_days",
			    ordered ? json_integer((account->seen_life + DAY / 2) / DAY) : json_null());
	json_put_strv(o, "caa", account->caa);
	json_put_str(o, "website", account->website);
	json_put_time(o, "read", account->offers_read);
	json_object_set_new(o, "window_from", account->window_to ? json_integer(account->window_from) : json_null());
	json_object_set_new(o, "window_to", account->window_to ? json_integer(account->window_to) : json_null());
	return o;
}

int page_account(struct request *r, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_free_ char *before = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (admin_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    admin_find_account(r, t, &account, e) < 0)
		return -1;
	before = xasprintf("/accounts/%s?ca=", account.name);
	answer = admin_show_account_to(&r->visitor.scope, t, &account);
	json_object_set_new(answer, "offers", show_offers(&account));
	json_object_set_new(answer, "limits", admin_show_limits(&r->visitor.scope, t, &account));
	if (r->visitor.role == ROLE_ADMIN && !account_is_registered(&account))
		admin_put_correction(answer, &account, before, params_get(&query, "ca"));
	return reply_json(r, 200, answer);
}

/*
 * Removing: here, not at the CA, which goes on knowing it by a key that nobody has any more.
 */

static int check_removable(struct txn *t, const struct rec_account *account, struct err *e)
{
	_cleanup_free_ char *user = NULL;

	if (account_used_by(t, account->id, &user, e) < 0)
		return -1;
	if (!user)
		return 0;
	err_set(e, ERR_CONFLICT, "the account %s is in use by the certificate %s", account->name, user);
	return err_hint(e, "First remove its certificates, or choose a different account for them.");
}

static int remove_key(struct txn *t, const char *key_id, struct err *e)
{
	return leftover_remove_children(t, &rec_key_version_type, key_id, e) < 0 ||
	       leftover_remove_children(t, &rec_consumer_type, key_id, e) < 0 ? -1 : rec_key_delete(t, key_id, e);
}

int page_account_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_account(r, t, &account, e) < 0 ||
	    check_removable(t, &account, e) < 0 || agenda_delete(t, AGENDA_register, account.id, e) < 0 ||
	    agenda_delete(t, AGENDA_account, account.id, e) < 0 ||
	    leftover_remove_children(t, &rec_usage_type, account.id, e) < 0 || remove_key(t, account.key_id, e) < 0 ||
	    rec_account_delete(t, account.id, e) < 0 ||
	    admin_event(r, t, "account.removed", account.id, account.name, e, "with its key; its state was %s",
			account.state) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 200, rec_account_json(&account));
}
