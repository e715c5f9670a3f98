#include "webui/http/handler.h"

#include <stdarg.h>

#include "base/clock.h"
#include "pki/key.h"
#include "store/event/history.h"
#include "store/key/compromise.h"
#include "store/key/version.h"
#include "store/record/steps.h"
#include "webui/http/call.h"
#include "webui/http/name.h"

#define API_KEYS 2
#define HOSTNAME "server.hostname"

int admin_write(struct request *r, struct txn **t, struct err *e)
{
	if (store_write(r->webui->env->store, t, e) < 0)
		return -1;
	txn_act_for(*t, r->visitor.name);
	return 0;
}

int admin_event(const struct request *r, struct txn *t, const char *action, const char *id, const char *name,
		struct err *e, const char *fmt, ...)
{
	struct event_of event = {
		.actor = r->visitor.name, .address = r->from, .action = action, .object = id, .name = name,
	};
	_cleanup_free_ char *message = NULL;
	va_list args;

	va_start(args, fmt);
	message = xvasprintf(fmt, args);
	va_end(args);
	return history_add(t, &event, e, "%s", message);
}

int admin_commit(struct request *r, struct txn *taken, bool wake, struct err *e)
{
	const struct webui_env *env = r->webui->env;

	if (txn_commit(taken, e) < 0)
		return -1;
	if (wake && env->wake)
		env->wake(env->arg);
	return 0;
}

int admin_commit_reply(struct request *r, struct txn *taken, bool wake, int status, json_t *answer, struct err *e)
{
	if (admin_commit(r, taken, wake, e) == 0)
		return reply_json(r, status, answer);
	json_decref(answer);
	return -1;
}

int admin_confirmed(const struct request *r, struct err *e)
{
	if (*request_proof(r))
		return 0;
	err_set(e, ERR_DENIED, r->visitor.bearer ? "tokens cannot access private keys or their API keys" :
						   "this needs your password again");
	err_code(e, ADMIN_UNCONFIRMED);
	return err_hint(e, r->visitor.bearer ? "Download the private key with its API key, or sign in as a user." :
					       "Confirm your password, then repeat the request.");
}

/*
 * Finding.
 */

int admin_query(struct request *r, struct params *params, struct err *e)
{
	const struct api_call *call = call_of(r->route);

	if (request_query(r, params, e) < 0)
		return -1;
	for (size_t i = 0; i < params->count; i++) {
		const char *name = params->item[i].name;

		if (!call_item(call, name, true))
			return body_at(name, err_set(e, ERR_USAGE, "unknown parameter \"%.40s\"", name), e);
	}
	return 0;
}

static int missing(struct err *e, const char *what, const char *name)
{
	return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no %s %.100s", what, name) : -1;
}

int admin_find_account(struct request *r, struct txn *t, struct rec_account *account, struct err *e)
{
	const char *name = params_get(&r->path, "name");

	if (name_check(name, e) < 0)
		return -1;
	return rec_account_by_name(t, account, name, e) < 0 ? missing(e, "account", name) : 0;
}

int admin_find_key(struct request *r, struct txn *t, struct rec_key *key, struct err *e)
{
	const char *name = params_get(&r->path, "name");

	if (name_check(name, e) < 0)
		return -1;
	if (rec_key_by_name(t, key, name, e) < 0)
		return missing(e, "key", name);
	return scope_has_key(&r->visitor.scope, key) ? 0 : err_set(e, ERR_MISSING, "there is no key %.100s", name);
}

/* What is not the visitor's to see is not there; nor does it stay in the record. */
static int find_cert(struct request *r, struct txn *t, struct rec_cert *cert, const char *name, bool staging,
		     struct err *e)
{
	if (rec_cert_by_name(t, cert, name, staging, e) < 0)
		return -1;
	if (scope_has_cert(&r->visitor.scope, cert))
		return 0;
	rec_cert_release(cert);
	return err_set(e, ERR_MISSING, "it belongs to someone else");
}

int admin_find_cert(struct request *r, struct txn *t, struct rec_cert *cert, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	const char *name = params_get(&r->path, "name");
	const char *staging;

	if (name_check(name, e) < 0 || request_query(r, &query, e) < 0)
		return -1;
	staging = params_get(&query, "staging");
	if (staging && !str_eq(staging, "true") && !str_eq(staging, "false"))
		return err_set(e, ERR_USAGE, "staging=%.40s is not understood; it is true or false", staging);
	if (find_cert(r, t, cert, name, str_eq(staging, "true"), e) == 0)
		return 0;
	if (e->kind == ERR_MISSING && !staging && find_cert(r, t, cert, name, true, e) == 0)
		return 0;
	return missing(e, str_eq(staging, "true") ? "staging certificate" : "certificate", name);
}

/*
 * Showing.
 */

void admin_put_account_name(json_t *o, struct txn *t, const char *account_id)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };

	json_put_str(o, "account", rec_account_get(t, &account, account_id, NULL) == 0 ? account.name : NULL);
}

void admin_put_key_name(json_t *o, struct txn *t, const char *key_id)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	json_put_str(o, "key", rec_key_get(t, &key, key_id, NULL) == 0 ? key.name : NULL);
}

int admin_check_key(struct txn *t, struct slice spki, struct err *e)
{
	_cleanup_free_ char *digest = spki_digest(spki);

	return compromise_refuse(t, digest, e);
}

bool admin_key_is_compromised(struct txn *t, const struct rec_key *key)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(key->id, key->current ? key->current : key->newest), *digest = NULL;

	if (rec_key_version_get(t, &version, id, NULL) < 0)
		return false;
	digest = spki_digest(slice_buf(&version.spki));
	return compromise_known(t, digest, NULL) > 0;
}

void admin_put_owner_name(json_t *o, struct txn *t, const char *user_id)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };
	bool owned = user_id && rec_user_get(t, &user, user_id, NULL) == 0;

	json_put_str(o, "owner", owned ? user.name : NULL);
	json_put_str(o, "owner_plan",
		     owned && user.plan_id && rec_plan_get(t, &plan, user.plan_id, NULL) == 0 ? plan.name : NULL);
}

void admin_put_steps(const struct request *r, json_t *o, const char *member, char *const *log)
{
	json_object_set_new(o, member, steps_json(log, r->visitor.role == ROLE_ADMIN));
}

void admin_put_key_type(json_t *o, const char *member)
{
	_cleanup_free_ char *name = xasprintf("%s_text", member);
	const char *word = json_str(o, member);
	enum key_type type;
	bool known = word && key_type_by_word(word, &type, &(struct err){ 0 }) == 0;

	json_put_str(o, name, known ? key_type_text(type) : word);
}

const char *admin_api_key_purpose(int slot)
{
	return slot == 1 ? "server" : "spare";
}

void admin_put_consumers(json_t *o, struct txn *t, const char *id, int64_t current)
{
	json_t *list = json_array();

	json_object_set_new(o, "consumers", list);
	for (int slot = 1; slot <= API_KEYS; slot++) {
		_cleanup_(rec_consumer_release) struct rec_consumer consumer = { 0 };
		_cleanup_free_ char *child = xasprintf("%s/%d", id, slot);
		json_t *one;

		if (rec_consumer_get(t, &consumer, child, NULL) < 0)
			continue;
		one = rec_consumer_json(&consumer);
		json_put_int(one, "slot", slot);
		json_put_str(one, "purpose", admin_api_key_purpose(slot));
		json_put_bool(one, "behind", consumer.version != current);
		json_array_append_new(list, one);
	}
}

/*
 * Keys and API keys.
 */

int admin_put_key(struct txn *t, struct rec_key *key, const struct slice *field, struct err *e)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	enum key_type type;

	if (spki_type(field[3], &type, e) < 0)
		return -1;
	record_set(&key->id, field[0].data);
	record_set_blob(&key->access, field[1]);
	record_set(&key->type, key_type_word(type));
	key->created = clock_now();
	return key_version_add(t, key, key->type, field[2], field[3], &version, e);
}

void admin_put_api_keys(json_t *o, const char *member, struct slice first, struct slice second)
{
	json_object_set_new(o, member, json_pack("[s%, s%]", first.data, first.len, second.data, second.len));
}

void admin_take_names(const struct request *r, struct rec_cert *cert, char **names)
{
	if (!strv_eq(names, cert->names))
		cert->reach = gate_reach(&r->visitor);
	strv_free(cert->names);
	cert->names = names;
}

bool admin_is_site(const struct request *r, char *const *names)
{
	for (; *names; names++)
		if (!strcasecmp(*names, r->webui->settings->hostname))
			return true;
	return false;
}

int admin_check_names(const struct request *r, char *const *names, struct err *e)
{
	if (r->visitor.scope.own && admin_is_site(r, names))
		return err_set(e, ERR_DENIED, "your plan does not allow this server's own name, %s",
			       r->webui->settings->hostname);
	return scope_check_names(&r->visitor.scope, names, e);
}

struct handler_rotation {
	const struct admin_rotation *of;
	char *id, *name;
	struct buf access;	/* as it was when the keeper was asked */
};

static void rotation_release(void *state)
{
	struct handler_rotation *o = state;

	free(o->id);
	free(o->name);
	buf_release(&o->access);
}

static int put_access(const struct handler_rotation *o, struct txn *t, struct slice access, struct err *e)
{
	const struct record_type *type = o->of->type;
	_cleanup_free_ void *rec = xcalloc(1, record_size(type));
	struct buf *now = (struct buf *)((char *)rec + o->of->access);
	int result;

	if (record_get(t, type, rec, o->id, e) < 0)
		return -1;
	if (slice_eq(slice_buf(now), slice_buf(&o->access))) {
		record_set_blob(now, access);
		result = record_put(t, type, rec, e);
	} else {
		result = err_set(e, ERR_CONFLICT, "the API keys of %s were changed at the same time: try again",
				 o->name);
	}
	record_release(type, rec);
	return result;
}

static int put_rotated(struct request *r, struct slice access, struct err *e)
{
	struct handler_rotation *o = r->state;
	_cleanup_free_ char *action = xasprintf("%s.apikey", o->of->object);
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_write(r, &t, e) < 0 || put_access(o, t, access, e) < 0 ||
	    admin_event(r, t, action, o->id, o->name, e, "API key %s replaced", params_get(&r->path, "slot")) < 0)
		return -1;
	return admin_commit(r, TAKE(t), false, e);
}

static int rotated(struct request *r, const struct slice *field, struct err *e)
{
	json_t *answer;

	if (put_rotated(r, field[0], e) < 0)
		return -1;
	answer = json_object();
	json_put_str(answer, "api_key", field[1].data);
	return reply_json(r, 200, answer);
}

int admin_rotate(struct request *r, const struct admin_rotation *of, const char *id, const char *name,
		 struct slice access, struct err *e)
{
	struct handler_rotation *o = request_state(r, sizeof(*o), rotation_release);

	if (admin_confirmed(r, e) < 0)
		return -1;
	o->of = of;
	o->id = xstrdup(id);
	o->name = xstrdup(name);
	buf_add(&o->access, access.data, access.len);
	return REQUEST_ASK(r, access_rotate, request_proof_socket(r), rotated, slice_str(id), access,
			   slice_str(params_get(&r->path, "slot")), slice_str(request_proof(r)));
}

char *admin_hostname(const struct request *r, struct txn *t)
{
	_cleanup_(rec_setting_release) struct rec_setting kept = { 0 };

	if (rec_setting_get(t, &kept, HOSTNAME, NULL) == 0 && kept.value && *kept.value)
		return xstrdup(kept.value);
	return xstrdup(r->webui->settings->hostname);
}

bool admin_hostname_is_chosen(const struct request *r, struct txn *t)
{
	_cleanup_(rec_setting_release) struct rec_setting kept = { 0 };
	const json_t *group, *setting;
	size_t i, k;

	if (rec_setting_get(t, &kept, HOSTNAME, NULL) == 0 && kept.value && *kept.value)
		return true;
	json_array_foreach (r->webui->settings->shown, i, group)
		json_array_foreach (json_object_get(group, "settings"), k, setting)
			if (str_eq(json_str(setting, "name"), HOSTNAME))
				return json_str(setting, "file_value") && *json_str(setting, "file_value");
	return false;
}
