/* Pages that begin something: forms, and what there is to choose from. */
#include "webui/http/handler.h"
#include "webui/page/form.h"

static void add_choice(json_t *list, const char *value, const char *text)
{
	json_t *o = json_object();

	json_put_str(o, "value", value);
	json_put_str(o, "text", text);
	json_array_append_new(list, o);
}

struct account_choices {
	json_t *list;
	bool ready;	/* those that can order now: the first one is chosen already */
};

static int add_account(void *arg, void *rec, struct err *e)
{
	const struct rec_account *account = rec;
	const struct account_choices *a = arg;
	bool ready = str_eq(account->state, "valid");
	_cleanup_free_ char *text = xasprintf("%s%s%s%s%s", account->name, account->staging ? " (staging: for tests)" : "",
					      ready ? "" : " (", ready ? "" : account->state, ready ? "" : ")");

	if (ready == a->ready && !str_eq(account->state, "deactivated"))
		add_choice(a->list, account->name, text);
	return 0;
}

int choices_put_accounts(json_t *choices, const char *member, struct txn *t, struct err *e)
{
	json_t *list = json_object_get(choices, member);
	struct account_choices ready = { list, true }, others = { list, false };

	if (!list) {
		list = ready.list = others.list = json_array();
		json_object_set_new(choices, member, list);
	}
	return record_each(t, &rec_account_type, "", false, add_account, &ready, e) < 0 ||
		       record_each(t, &rec_account_type, "", false, add_account, &others, e) < 0 ? -1 : 0;
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
	add_choice(keys, "", "A new one");
	if (store_read(r->webui->env->store, &t, e) < 0 || choices_put_accounts(choices, "account", t, e) < 0 ||
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
	struct account_choices ready = { accounts, true };

	json_object_set_new(page, "choices", choices);
	json_object_set_new(choices, "account", accounts);
	if (store_read(r->webui->env->store, &t, e) < 0 ||
	    record_each(t, &rec_account_type, "", false, add_account, &ready, e) < 0)
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
	if (store_read(r->webui->env->store, &t, e) < 0 || choices_put_accounts(choices, "account", t, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(page));
}

json_t *choices_cas(void)
{
	json_t *cas = json_array();

#define CA(name, text, directory, staging) add_choice(cas, name, text);
#include "webui/ca.def"
#undef CA
	add_choice(cas, "", "Other: enter its URL below");
	return cas;
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
	json_t *page = json_object(), *choices = json_object();

	json_object_set_new(page, "choices", choices);
	json_object_set_new(choices, "ca", choices_cas());
	return reply_json(r, 200, page);
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
