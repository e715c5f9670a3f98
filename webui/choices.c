/* Pages with forms whose choices come from the store. */
#include "webui/admin.h"

static void add_choice(json_t *list, const char *value, const char *text)
{
	json_t *o = json_object();

	json_put_str(o, "value", value);
	json_put_str(o, "text", text);
	json_array_append_new(list, o);
}

static int add_account(void *arg, void *rec, struct err *e)
{
	const struct rec_account *account = rec;
	_cleanup_free_ char *text = xasprintf("%s%s", account->name, account->staging ? " (staging: for tests)" : "");

	if (!str_eq(account->state, "deactivated"))
		add_choice(arg, account->name, text);
	return 0;
}

static int add_key(void *arg, void *rec, struct err *e)
{
	const struct rec_key *key = rec;
	_cleanup_free_ char *text = xasprintf("%s (%s)", key->name, key->type);

	if (str_eq(key->use, KEEPER_USE_CERTIFICATE))
		add_choice(arg, key->name, text);
	return 0;
}

int page_new_certificate(struct request *r, struct err *e)
{
	_cleanup_json_ json_t *page = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	json_t *choices = json_object(), *accounts = json_array(), *keys = json_array();

	json_object_set_new(page, "choices", choices);
	json_object_set_new(choices, "account", accounts);
	json_object_set_new(choices, "key", keys);
	add_choice(keys, "", "A new one");
	if (store_read(r->webui->env->store, &t, e) < 0 ||
	    record_each(t, &rec_account_type, "", false, add_account, accounts, e) < 0 ||
	    record_each(t, &rec_key_type, "", false, add_key, keys, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(page));
}
