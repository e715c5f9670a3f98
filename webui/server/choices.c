/* Pages that begin something: forms, and what there is to choose from. */
#include "webui/http/handler.h"
#include "webui/page/form.h"

#define NEWEST 50	/* certificates that are asked which account was used last */

static json_t *choice(const char *value, const char *text)
{
	json_t *o = json_object();

	json_put_str(o, "value", value);
	json_put_str(o, "text", text);
	return o;
}

static void add_choice(json_t *list, const char *value, const char *text)
{
	json_array_append_new(list, choice(value, text));
}

struct account_choices {
	json_t *list;
	bool ready, staging;	/* those that can order now, and for what */
	const char *last;	/* id of the one that was used last: it is the first of its kind; NULL: any */
	size_t from;		/* where this kind begins in the list */
};

static int add_account(void *arg, void *rec, struct err *e)
{
	const struct rec_account *account = rec;
	const struct account_choices *a = arg;
	bool ready = str_eq(account->state, "valid");
	_cleanup_free_ char *text =
		xasprintf("%s%s%s%s%s", account->name, account->staging ? " (staging: for tests)" : "",
			  ready ? "" : " (", ready ? "" : account->state, ready ? "" : ")");

	if (ready == a->ready && account->staging == a->staging && !str_eq(account->state, "deactivated"))
		json_array_insert_new(a->list, str_eq(account->id, a->last) ? a->from : json_array_size(a->list),
				      choice(account->name, text));
	return 0;
}

struct last_account {
	const struct scope *scope;
	char *id;
};

static int take_last(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct last_account *last = arg;

	if (last->id || !cert->account_id || !scope_has_cert(last->scope, cert))
		return 0;
	last->id = xstrdup(cert->account_id);
	return 0;
}

/* Which account the visitor's newest certificate has.  Owned; NULL: none of the newest has one. */
static char *last_account(const struct request *r, struct txn *t)
{
	const struct record_page newest = { .field = REC_cert_created, .backwards = true, .limit = NEWEST };
	struct last_account last = { .scope = &r->visitor.scope };

	record_page(t, &rec_cert_type, &newest, take_last, &last, NULL);
	return last.id;
}

/* What can order now is first, and of that what is not for testing.  all: also what cannot. */
static int add_accounts(const struct request *r, struct txn *t, json_t *list, bool all, struct err *e)
{
	_cleanup_free_ char *last = last_account(r, t);

	for (int kind = 0; kind < (all ? 4 : 2); kind++) {
		struct account_choices a = { list, kind < 2, kind % 2, last, json_array_size(list) };

		if (record_each(t, &rec_account_type, "", false, add_account, &a, e) < 0)
			return -1;
	}
	return 0;
}

int choices_put_accounts(const struct request *r, json_t *choices, const char *member, struct txn *t, struct err *e)
{
	json_t *list = json_object_get(choices, member);

	if (!list) {
		list = json_array();
		json_object_set_new(choices, member, list);
	}
	return add_accounts(r, t, list, true, e);
}

struct keys {
	const struct scope *scope;
	json_t *list;
};

static int add_key(void *arg, void *rec, struct err *e)
{
	const struct rec_key *key = rec;
	const struct keys *k = arg;
	_cleanup_free_ char *text = xasprintf("%s (%s)", key->name, key->type);

	if (str_eq(key->use, KEEPER_USE_CERTIFICATE) && scope_has_key(k->scope, key))
		add_choice(k->list, key->name, text);
	return 0;
}

int page_new_certificate(struct request *r, struct err *e)
{
	_cleanup_json_ json_t *page = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	json_t *choices = json_object(), *keys = json_array();
	struct keys usable = { &r->visitor.scope, keys };

	json_object_set_new(page, "choices", choices);
	json_object_set_new(choices, "key", keys);
	json_put_str(page, "choose_in", "certificate_add");	/* the form that the preview's choices belong to */
	json_put_bool(page, "dns_script", *r->webui->settings->dns_hook);
	add_choice(keys, "", "A new one");
	if (store_read(r->webui->env->store, &t, e) < 0 || choices_put_accounts(r, choices, "account", t, e) < 0 ||
	    record_each(t, &rec_key_type, "", false, add_key, &usable, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(page));
}

int page_new_key(struct request *r, struct err *e)
{
	return reply_json(r, 200, json_object());
}

int page_tools(struct request *r, struct err *e)
{
	_cleanup_json_ json_t *page = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	json_t *choices = json_object(), *accounts = json_array();

	json_object_set_new(page, "choices", choices);
	json_object_set_new(choices, "account", accounts);
	if (store_read(r->webui->env->store, &t, e) < 0 || add_accounts(r, t, accounts, false, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(page));
}

int page_new_site(struct request *r, struct err *e)
{
	return reply_json(r, 200, json_object());
}

int page_new_import(struct request *r, struct err *e)
{
	_cleanup_json_ json_t *page = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	json_t *choices = json_object(), *accounts = json_array();

	json_object_set_new(page, "choices", choices);
	json_object_set_new(choices, "account", accounts);
	add_choice(accounts, "", "No account: you import the next version yourself");
	if (store_read(r->webui->env->store, &t, e) < 0 || choices_put_accounts(r, choices, "account", t, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(page));
}

static int add_plan(void *arg, void *rec, struct err *e)
{
	const struct rec_plan *plan = rec;

	add_choice(arg, plan->name, plan->name);
	return 0;
}

void choices_put_plans(json_t *page, struct txn *t)
{
	json_t *choices = json_object(), *plans = json_array();

	add_choice(plans, "", "None");
	record_each(t, &rec_plan_type, "", false, add_plan, plans, NULL);
	json_object_set_new(choices, "plan", plans);
	json_object_set_new(page, "choices", choices);
}

int page_new_user(struct request *r, struct err *e)
{
	_cleanup_json_ json_t *page = json_object();
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	choices_put_plans(page, t);
	return reply_json(r, 200, TAKE(page));
}

int page_new_account(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_json_ json_t *page = json_object();
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	choices_put_cas(page, t, "/new/account?ca=", params_get(&query, "ca"));
	return reply_json(r, 200, TAKE(page));
}

/* A certificate from elsewhere under a new name, which the form has and the API's path. */
int page_import(struct request *r, struct err *e)
{
	const char *name = form_text(r, "name");

	if (!name || !*name)
		return body_at("name", err_set(e, ERR_INVALID, "a name is required"), e);
	params_add(&r->path, "name", xstrdup(name));
	return page_cert_import(r, e);
}
