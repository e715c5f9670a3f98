/* POST /api/v1/certificates: a new certificate, its key, its API keys, and the wish to have it issued. */
#include "base/clock.h"
#include "pki/identifier.h"
#include "pki/key.h"
#include "store/cert_plan.h"
#include "store/hooks.h"
#include "store/ledger.h"
#include "webui/cert/challenge.h"
#include "webui/cert/companion.h"
#include "webui/cert/detail.h"
#include "webui/cert/set_key.h"
#include "webui/guide/install.h"
#include "webui/http/name.h"
#include "webui/http/same.h"
#include "webui/key/grant.h"
#include "webui/order/dry.h"
#include "webui/order/preview.h"

struct add_adding {
	json_t *body;
	struct rec_cert cert;
	struct rec_cert there;		/* the same that was added before; no id: there is none */
	struct rec_key key;		/* its id is NULL while it is to be made */
	char *account, *key_name, *key_type;
	char *environment;		/* of its hooks, until it is sealed */
	char **added;			/* names that were not given, but belong to them */
	bool new_key, issue;
	struct buf key_field[6];	/* what the keeper answered when it made the key */
	struct buf cert_api_key[2];
	struct buf key_access;		/* the key's access blob, naming this certificate */
};

static void adding_release(void *state)
{
	struct add_adding *a = state;

	cleanup_body(&a->body);
	rec_cert_release(&a->cert);
	rec_cert_release(&a->there);
	rec_key_release(&a->key);
	free(a->account);
	free(a->key_name);
	free(a->key_type);
	wipe_free(a->environment);
	strv_free(a->added);
	for (size_t i = 0; i < ARRAY_SIZE(a->key_field); i++)
		buf_wipe(&a->key_field[i]);
	for (size_t i = 0; i < ARRAY_SIZE(a->cert_api_key); i++)
		buf_wipe(&a->cert_api_key[i]);
	buf_release(&a->key_access);
}

/*
 * What is asked for, by itself.
 */

static int complete_names(const struct request *r, struct add_adding *a, const json_t *body, struct err *e)
{
	_cleanup_strv_ char **all = NULL;

	if (!json_bool(body, "www", r->webui->settings->www))
		return 0;
	a->added = companions_of(a->cert.names);
	for (char **name = a->added; name && *name; name++)
		strv_add(&a->cert.names, *name);
	all = identifier_list_of(a->cert.names, e);	/* once more: how many may there be? */
	return all ? 0 : -1;
}

static int read_names(struct request *r, struct add_adding *a, const json_t *body, struct err *e)
{
	const char *csr = json_str(body, "csr");

	if (!csr && !json_object_get(body, "names"))
		return err_set(e, ERR_INVALID, "the member \"names\" is missing (or \"csr\", a request that has them)");
	if (csr && json_object_get(body, "names"))
		return err_set(e, ERR_INVALID, "give either \"csr\" or \"names\", not both: the request has the names");
	if (!csr)
		return admin_read_names(body, &a->cert.names, e) < 0 ? -1 : complete_names(r, a, body, e);
	if (admin_read_csr(r, &a->cert, csr, e) < 0 || !a->cert.names || !*a->cert.names)
		return body_at("csr", err_is_set(e) ? -1 : err_set(e, ERR_INVALID, "\"csr\" has no name in it"), e);
	return 0;
}

/* Without one: after its first host name, as people call a site. */
static int read_name(struct rec_cert *cert, const json_t *body, struct err *e)
{
	const char *name = json_str(body, "name"), *first = identifier_base(cert->names[0]);

	if (!name)
		name = str_starts(first, "www.") ? first + strlen("www.") : first;
	record_set(&cert->name, name);
	return name_check(cert->name, e);
}

static int read_all(struct request *r, struct add_adding *a, struct err *e)
{
	json_t *body = a->body = body_read(r, e);
	struct rec_cert *cert = &a->cert;

	if (!body || body_at("names", read_names(r, a, body, e), e) < 0 ||
	    body_at("name", read_name(cert, body, e), e) < 0 || proof_read(&a->cert, body, e) < 0 ||
	    proof_read_environment(body, "hook_environment", r->webui->settings->hook_variables, &a->environment,
				   e) < 0 ||
	    admin_read_key_type(body, &a->key_type, e) < 0 ||
	    admin_read_renew_before(body, &cert->renew_before, e) < 0 || admin_read_labels(body, cert, e) < 0)
		return -1;
	cert->no_preflight = json_bool(body, "no_preflight", false);
	record_set(&a->account, json_str(body, "account"));
	record_set(&a->key_name, json_str(body, "key"));
	if (cert->own_csr && (a->key_name || a->key_type || json_object_get(body, "key_reuse")))
		return body_at(a->key_name ? "key" : a->key_type ? "key_type" : "key_reuse", err_set(e, ERR_INVALID,
			       "\"csr\" is made with your own key: leave out the members about keys"), e);
	a->new_key = !a->key_name && !cert->own_csr;
	cert->key_reuse = json_bool(body, "key_reuse", false);
	cert->key_fresh = !json_bool(body, "key_reuse", true);
	record_set(&cert->profile, json_str(body, "profile"));
	record_set(&cert->preferred_chain, json_str(body, "preferred_chain"));
	if (detail_read(r, cert, body, e) < 0 ||
	    body_at("server_type", install_check(json_str(body, "server_type"), e), e) < 0)
		return -1;
	record_set(&cert->server_type, json_str(body, "server_type"));
	cert->site = !cert->own_csr && admin_is_site(r, cert->names);
	cert->created = clock_now();
	record_set(&cert->owner_id, r->visitor.scope.user_id);
	cert->reach = gate_reach(&r->visitor);
	a->issue = json_bool(body, "issue", true);
	return 0;
}

/*
 * What it must fit: once before the keeper works for it, and again when it is put.
 */

/* Is the one that is there what the body asks for? */
static int fit_there(struct add_adding *a, struct txn *t, struct err *e)
{
	static const char *const apart[] = { "name", "account", "key", "csr", "issue", "www", NULL };
	_cleanup_json_ json_t *there = rec_cert_json(&a->there), *wanted = rec_cert_json(&a->cert);
	const char *what = a->cert.staging ? "a staging certificate" : "a certificate";
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	json_put_str(wanted, "key_type", a->key_type);
	if (same_check(a->body, there, wanted, apart, what, e) < 0)
		return -1;
	if (!str_eq(a->there.account_id, a->cert.account_id))
		return same_not(what, there, "account", e);
	if (a->cert.own_csr != a->there.own_csr ||
	    (a->cert.own_csr && !slice_eq(slice_buf(&a->cert.csr), slice_buf(&a->there.csr))))
		return same_not(what, there, "csr", e);
	if (a->key_name && (rec_key_get(t, &key, a->there.key_id, NULL) < 0 || !str_eq(key.name, a->key_name)))
		return same_not(what, there, "key", e);
	return 0;
}

static int fit_account(const struct scope *scope, struct add_adding *a, struct txn *t, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };

	if (name_check(a->account, e) < 0)
		return err_field(e, "account");
	if (rec_account_by_name(t, &account, a->account, e) < 0) {
		if (e->kind == ERR_MISSING)
			err_set(e, ERR_CONFLICT, "there is no account %s", a->account);
		return err_field(e, "account");
	}
	if (body_at("profile", admin_check_profile(&account, a->cert.profile, e), e) < 0)
		return -1;
	record_set(&a->cert.account_id, account.id);
	a->cert.staging = account.staging;
	if (rec_cert_by_name(t, &a->there, a->cert.name, account.staging, e) < 0)
		return e->kind == ERR_MISSING ? body_at("account", admin_check_orders(&account, e), e) : -1;
	if (scope_has_cert(scope, &a->there))
		return fit_there(a, t, e);
	err_set(e, ERR_CONFLICT, "there is a %scertificate %s already", account.staging ? "staging " : "",
		a->there.name);
	return err_field(e, "name");
}

static int fit_new_key(struct add_adding *a, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key other = { 0 };

	if (rec_key_by_name(t, &other, a->cert.name, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	err_set(e, ERR_CONFLICT, "the new key would have the certificate's name, but there is a key %s already",
		other.name);
	err_hint(e, "Use this key (key: %s), or choose a different name.", other.name);
	return err_field(e, "name");
}

static int fit_own_key(struct request *r, struct add_adding *a, struct txn *t, struct err *e)
{
	rec_key_release(&a->key);
	return set_key_find(r, t, a->key_name, a->cert.site, &a->key, e);
}

static int fit(struct request *r, struct add_adding *a, struct txn *t, struct err *e)
{
	enum key_type type;

	const struct scope *scope = &r->visitor.scope;

	if (body_at("names", admin_check_names(r, a->cert.names, e), e) < 0 || fit_account(scope, a, t, e) < 0)
		return -1;
	if (a->there.id)
		return 0;
	if (scope_check_count(scope, t, e) < 0)
		return -1;
	if (a->cert.own_csr)
		return body_at("csr", admin_check_csr(t, &a->cert, e), e);
	if (a->new_key ? fit_new_key(a, t, e) < 0 : body_at("key", fit_own_key(r, a, t, e), e) < 0)
		return -1;
	if (a->key_type)
		record_set(&a->cert.key_type, a->key_type);
	else if (!a->new_key && key_type_by_word(a->key.type, &type, NULL) == 0 && key_type_makeable(type))
		record_set(&a->cert.key_type, a->key.type);
	else
		record_set(&a->cert.key_type, r->webui->settings->key_type);
	return 0;
}

/* Of production or staging.  1: there is one, 0: there is none, -1. */
static int find_former(struct txn *t, const char *name, struct rec_cert *former, struct err *e)
{
	for (int staging = 0; staging < 2; staging++) {
		if (rec_cert_by_name(t, former, name, staging, e) == 0)
			return 1;
		if (e->kind != ERR_MISSING)
			return -1;
		err_clear(e);
	}
	return 0;
}

/* If something else uses it, it stays. */
static int remove_key_of(struct request *r, struct txn *t, const char *key_id, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (rec_key_get(t, &key, key_id, e) == 0 && admin_remove_key(r, t, &key, e) == 0)
		return 0;
	if (e->kind != ERR_MISSING && e->kind != ERR_CONFLICT)
		return -1;
	err_clear(e);
	return 0;
}

/*
 * The first one of the setup may take the place of one that was never issued, as its names were wrong: that is gone
 * then, with its key.
 */
static int make_room(struct request *r, const struct add_adding *a, struct txn *t, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert former = { 0 };
	const char *name = json_str(a->body, "instead");
	int found;

	if (!name || !*name)
		return 0;
	if (body_at("instead", name_check(name, e), e) < 0)
		return -1;
	found = find_former(t, name, &former, e);
	if (found < 1)
		return found;
	if (former.current) {
		err_set(e, ERR_CONFLICT, "the certificate %s was issued: it is not replaced", name);
		return err_field(e, "instead");
	}
	return admin_remove_cert(r, t, &former, e) < 0 ? -1 : remove_key_of(r, t, former.key_id, e);
}

/*
 * The keeper makes the key, if there is none, then the identity with its API keys, and names the certificate in the
 * key's access blob; then all is put at once.
 */

static int put_new_key(struct request *r, struct add_adding *a, struct txn *t, struct err *e)
{
	struct slice field[ARRAY_SIZE(a->key_field)];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		field[i] = slice_buf(i == 1 ? &a->key_access : &a->key_field[i]);
	record_set(&a->key.name, a->cert.name);
	record_set(&a->key.owner_id, r->visitor.scope.user_id);
	record_set(&a->key.use, a->cert.site ? KEEPER_USE_SITE : KEEPER_USE_CERTIFICATE);
	if (admin_put_key(t, &a->key, field, e) < 0)
		return -1;
	return admin_event(r, t, "key.added", a->key.id, a->key.name, e, "made for certificate %s, type %s",
			   a->cert.name, a->key.type);
}

static int put_key(struct request *r, struct add_adding *a, struct txn *t, struct err *e)
{
	if (a->new_key)
		return put_new_key(r, a, t, e);
	return permit_put(t, a->key.id, slice_buf(&a->key_field[1]), slice_buf(&a->key_access), e);
}

static int put_cert(struct request *r, struct add_adding *a, struct err *e)
{
	struct rec_cert *cert = &a->cert;
	_cleanup_free_ char *names = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_write(r, &t, e) < 0 || make_room(r, a, t, e) < 0 || fit(r, a, t, e) < 0)
		return -1;
	if (a->there.id)
		return err_set(e, ERR_CONFLICT, "someone else added the certificate %s at the same time: try again",
			       cert->name);
	if (!cert->own_csr && put_key(r, a, t, e) < 0)
		return -1;
	if (!cert->own_csr)
		record_set(&cert->key_id, a->key.id);
	names = ledger_names(cert->names);
	hooks_choose(cert, HOOKS_ALL, r->visitor.name);
	if ((a->issue ? cert_plan(t, cert, CERT_added, e) : rec_cert_put(t, cert, e)) < 0 ||
	    admin_event(r, t, "certificate.added", cert->id, cert->name, e, "%s, account %s, key %s", names, a->account,
			cert->own_csr ? "a person's own" : a->key.name) < 0)
		return -1;
	return admin_commit(r, TAKE(t), a->issue, e);
}

/* What to paste on a server, with the keys that are shown this once. */
static void put_guides(struct request *r, const struct add_adding *a, json_t *answer)
{
	const struct install_keys keys = {
		a->key.name, buf_str(&a->cert_api_key[0]), a->new_key ? buf_str(&a->key_field[4]) : "KEY_API_KEY",
	};

	json_object_set_new(answer, "guides", install_all(r, &a->cert, &keys));
}

static int finish(struct request *r, struct add_adding *a, struct err *e)
{
	json_t *answer;

	if (put_cert(r, a, e) < 0)
		return -1;
	answer = json_object();
	json_object_set_new(answer, "certificate", admin_show_cert(&a->cert, a->account, a->key.name));
	admin_put_api_keys(answer, "api_keys", slice_buf(&a->cert_api_key[0]), slice_buf(&a->cert_api_key[1]));
	if (a->new_key)
		admin_put_api_keys(answer, "key_api_keys", slice_buf(&a->key_field[4]), slice_buf(&a->key_field[5]));
	if (r->html)
		put_guides(r, a, answer);
	return reply_json(r, 201, answer);
}

static int environment_sealed(struct request *r, const struct slice *field, struct err *e)
{
	struct add_adding *a = r->state;

	record_set_blob(&a->cert.hook_environment, field[0]);
	return finish(r, a, e);
}

static int seal_environment(struct request *r, struct add_adding *a, struct err *e)
{
	if (!a->environment)
		return finish(r, a, e);
	return REQUEST_ASK(r, seal, -1, environment_sealed, slice_str("config"), slice_str(a->cert.id),
			   slice_str(a->environment));
}

static int granted(struct request *r, const struct slice *field, struct err *e)
{
	struct add_adding *a = r->state;

	buf_add(&a->key_access, field[0].data, field[0].len);
	return seal_environment(r, a, e);
}

/* A new key's own API key is the proof; for one that was there, the person. */
static int access_made(struct request *r, const struct slice *field, struct err *e)
{
	struct add_adding *a = r->state;
	_cleanup_buf_ struct buf ids = BUF_INIT;
	_cleanup_txn_ struct txn *t = NULL;

	record_set(&a->cert.id, field[0].data);
	record_set_blob(&a->cert.access, field[1]);
	for (size_t i = 0; i < ARRAY_SIZE(a->cert_api_key); i++)
		buf_add(&a->cert_api_key[i], field[2 + i].data, field[2 + i].len);
	if (a->cert.own_csr)
		return seal_environment(r, a, e);
	if (a->new_key)
		return permit_ask(r, a->key_field[0].data, slice_buf(&a->key_field[1]), slice_str(a->cert.id),
				  a->key_field[4].data, granted);
	if (store_read(r->webui->env->store, &t, e) < 0 || permit_certificates(t, a->key.id, a->cert.id, &ids, e) < 0)
		return -1;
	buf_add(&a->key_field[1], a->key.access.data, a->key.access.len);
	return permit_ask(r, a->key.id, slice_buf(&a->key.access), slice_buf(&ids), request_proof(r), granted);
}

static int make_access(struct request *r)
{
	return request_ask(r, KEEPER_access_new, NULL, 0, -1, access_made);
}

static int key_made(struct request *r, const struct slice *field, struct err *e)
{
	struct add_adding *a = r->state;

	for (size_t i = 0; i < ARRAY_SIZE(a->key_field); i++)
		buf_add(&a->key_field[i], field[i].data, field[i].len);
	return make_access(r);
}

static int reply_plan(struct request *r, struct add_adding *a, struct txn *t, struct err *e)
{
	_cleanup_json_ json_t *answer = json_object();

	json_put_bool(answer, "dry_run", true);
	json_put_bool(answer, "existing", a->there.id);
	json_put_bool(answer, "new_key", a->new_key);
	json_put_bool(answer, "orders", a->issue && !a->there.id);
	json_put_strv(answer, "added", a->added);
	json_object_set_new(answer, "certificate",
			    admin_show_cert(&a->cert, a->account, a->new_key ? a->cert.name : a->key.name));
	if (preview_put(answer, t, &a->cert, r->webui->settings->dns_hook, e) < 0)
		return -1;
	if (!a->new_key && a->key.id && admin_key_is_compromised(t, &a->key))
		json_array_append_new(json_object_get(answer, "findings"),
				      json_sprintf("The key %s is compromised: it gets a new version for this.",
						   a->key.name));
	return reply_json(r, 200, TAKE(answer));
}

/* To see whether it fits in the place of another one, that is taken away in a write that comes to nothing. */
static int begin_fit(struct request *r, const struct add_adding *a, struct txn **t, struct err *e)
{
	if (!json_str(a->body, "instead"))
		return store_read(r->webui->env->store, t, e);
	return store_write(r->webui->env->store, t, e) < 0 ? -1 : make_room(r, a, *t, e);
}

int page_cert_add(struct request *r, struct err *e)
{
	struct add_adding *a = request_state(r, sizeof(*a), adding_release);
	_cleanup_txn_ struct txn *t = NULL;
	bool dry;

	if (dry_read(r, &dry, e) < 0 || read_all(r, a, e) < 0 || begin_fit(r, a, &t, e) < 0 || fit(r, a, t, e) < 0)
		return -1;
	if (dry)
		return reply_plan(r, a, t, e);
	if (a->there.id)
		return same_reply(r, "certificate", admin_show_one_cert(t, &a->there));
	if (!a->new_key)
		return make_access(r);
	return REQUEST_ASK(r, key_new, -1, key_made, slice_str(a->cert.key_type),
			   slice_str(a->cert.site ? KEEPER_USE_SITE : KEEPER_USE_CERTIFICATE));
}
