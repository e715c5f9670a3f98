/* /api/v1/keys: private keys with a name.  Their material comes and goes through the keeper. */
#include "base/encode.h"
#include "pki/key.h"
#include "store/key/sharing.h"
#include "store/leftover.h"
#include "webui/download/used.h"
#include "webui/http/name.h"
#include "webui/http/same.h"
#include "webui/http/upload.h"
#include "webui/list/list.h"

struct making {
	json_t *body;
	struct rec_key key, there;	/* the same that was made before; no id: there is none */
	char *type, *password;
	struct buf pem;		/* the file; empty: a key is made */
};

struct key_exporting {
	char *id, *name;
	bool der;
};

/*
 * Showing.
 */

static json_t *show(struct txn *t, const void *rec)
{
	json_t *o = rec_key_json(rec);

	admin_put_key_type(o, "type");
	return o;
}

struct key_filters {
	const char *algorithm;
	char owner_id[64];	/* "": any */
};

static int prepare(struct list *l, struct txn *t, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	const char *owner = list_filter(l, "owner");
	struct key_filters *f = l->filters;

	if (owner && rec_user_by_name(t, &user, owner, e) < 0)
		return err_field(e, "owner");
	snprintf(f->owner_id, sizeof(f->owner_id), "%s", owner ? user.id : "");
	return list_read_algorithm(l, &f->algorithm, e);
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	const struct key_filters *f = l->filters;
	const struct rec_key *key = rec;

	return list_in(&l->created, key->created) && list_is_algorithm(value[REC_key_type], f->algorithm) &&
	       list_is(value[REC_key_owner_id], *f->owner_id ? f->owner_id : NULL) &&
	       list_is(value[REC_key_use], list_filter(l, "use")) &&
	       list_is(value[REC_key_type], list_filter(l, "type")) &&
	       (list_contains(value[REC_key_name], l->search) || list_contains(value[REC_key_description], l->search));
}

static int64_t by_creation(const struct list *l, const void *rec)
{
	const struct rec_key *key = rec;

	return key->created;
}

int page_keys(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = {
		{ "name", NULL, REC_key_name }, { "created", by_creation, REC_key_created }, { NULL, NULL, 0 },
	};
	static const struct list_text texts[] = { { "type", REC_key_type }, { "use", REC_key_use }, { NULL, 0 } };
	static const struct list_facet facets[] = {
		{ .word = "use", .field = REC_key_use },
		{ .word = "type", .field = REC_key_type },
		{ .word = "owner", .field = REC_key_owner_id, .names = &rec_user_type },
		{ .word = NULL },
	};
	static const struct list_type type = {
		.member = "keys", .type = &rec_key_type, .name = REC_key_name, .prepare = prepare, .wanted = wanted,
		.sorts = sorts, .texts = texts, .facets = facets, .show = show,
	};

	return list_reply(r, &type, sizeof(struct key_filters), e);
}

/* What uses a key: "certificate shop", "account ca"; a certificate that is not the visitor's to see is only counted. */
struct key_users {
	const struct scope *scope;
	const char *key_id;
	char **names;
	size_t others;
};

static void add_user(struct key_users *u, struct slice key_id, const char *what, struct slice name)
{
	_cleanup_free_ char *text = NULL;

	if (!list_is(key_id, u->key_id))
		return;
	text = xasprintf("%s %.*s", what, (int)name.len, (const char *)name.data);
	strv_add(&u->names, text);
}

static int add_cert(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct key_users *u = arg;

	if (scope_has_cert(u->scope, cert))
		add_user(u, slice_str(cert->key_id), cert->staging ? "staging certificate" : "certificate",
			 slice_str(cert->name));
	else
		u->others += str_eq(cert->key_id, u->key_id);
	return 0;
}

static int add_account(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	add_user(arg, value[REC_account_key_id], "account", value[REC_account_name]);
	return 0;
}

static int add_former(void *arg, const struct rec_cert *cert, struct err *e)
{
	_cleanup_free_ char *text = xasprintf("%scertificate %s, until its next version",
					      cert->staging ? "staging " : "", cert->name);
	struct key_users *u = arg;

	if (scope_has_cert(u->scope, cert))
		strv_add(&u->names, text);
	else
		u->others++;
	return 0;
}

/* Owned. */
static int find_users(struct txn *t, const struct scope *scope, const struct rec_key *key, char ***names, struct err *e)
{
	struct key_users u = { .scope = scope, .key_id = key->id };
	_cleanup_free_ char *others = NULL;

	if (record_each_with(t, &rec_cert_type, REC_cert_key_id, key->id, add_cert, &u, e) < 0 ||
	    sharing_each_former(t, key, add_former, &u, e) < 0 ||
	    record_skim(t, &rec_account_type, add_account, &u, e) < 0) {
		strv_free(u.names);
		return -1;
	}
	others = u.others ? xasprintf("%zu %s of others", u.others, u.others > 1 ? "certificates" : "certificate")
			  : NULL;
	if (others)
		strv_add(&u.names, others);
	*names = u.names;
	return 0;
}

int page_key(struct request *r, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_strv_ char **users = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_key(r, t, &key, e) < 0 ||
	    find_users(t, &r->visitor.scope, &key, &users, e) < 0)
		return -1;
	answer = show(t, &key);
	json_put_strv(answer, "used_by", users);
	json_put_bool(answer, "shared", strv_len(users) > 1);
	json_put_bool(answer, "compromised", admin_key_is_compromised(t, &key));
	admin_put_key_age(answer, r, t, &key, "");
	admin_put_consumers(answer, t, key.id, key.current ? key.current : key.newest);
	return reply_json(r, 200, answer);
}

/*
 * Adding.
 */

static void making_release(void *state)
{
	struct making *m = state;

	cleanup_body(&m->body);
	rec_key_release(&m->key);
	rec_key_release(&m->there);
	free(m->type);
	buf_wipe(&m->pem);
	wipe_free(m->password);
}

static int read_key(struct request *r, struct making *m, struct err *e)
{
	json_t *body = m->body = body_read(r, e);
	const char *type = json_str(body, "type"), *pem = json_str(body, "pem"), *password = json_str(body, "password");
	enum key_type known;

	if (!body || body_at("name", name_check(json_str(body, "name"), e), e) < 0)
		return -1;
	if (pem && type)
		return body_at("type",
			       err_set(e, ERR_INVALID, "\"type\" is for new keys, and \"pem\" is one already"), e);
	if (password && !pem)
		return body_at("pem",
			       err_set(e, ERR_INVALID, "\"password\" opens the key in \"pem\", and there is none"), e);
	if (type && key_type_by_word(type, &known, e) < 0)
		return err_field(e, "type");
	if (body_at("pem", upload_read(&m->pem, "pem", pem, e), e) < 0 ||
	    admin_read_rotate_after(body, &m->key.rotate_after, e) < 0)
		return -1;
	record_set(&m->key.name, json_str(body, "name"));
	record_set(&m->key.description, json_str(body, "description"));
	record_set(&m->key.use, KEEPER_USE_CERTIFICATE);
	record_set(&m->key.type, type);
	record_set(&m->key.owner_id, r->visitor.scope.user_id);
	m->type = xstrdup(type ? type : r->webui->settings->key_type);
	m->password = xstrdup(password ? password : "");
	return 0;
}

/* The one of that name, if it is what the body asks for. */
static int find_there(struct request *r, struct making *m, struct err *e)
{
	static const char *const apart[] = { "name", "pem", "password", NULL };
	_cleanup_json_ json_t *there = NULL, *wanted = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_key_by_name(t, &m->there, m->key.name, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (!scope_has_key(&r->visitor.scope, &m->there) || !str_eq(m->there.use, KEEPER_USE_CERTIFICATE))
		return body_at("name", err_set(e, ERR_CONFLICT, "there is a key %s already", m->there.name), e);
	there = rec_key_json(&m->there);
	wanted = rec_key_json(&m->key);
	return same_check(m->body, there, wanted, apart, "a key", e);
}

/* Is the private key that was sent the one that is there? */
static int there_imported(struct request *r, const struct slice *field, struct err *e)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	const struct making *m = r->state;
	_cleanup_free_ char *id = record_child_id(m->there.id, m->there.newest);
	_cleanup_json_ json_t *there = rec_key_json(&m->there);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || rec_key_version_get(t, &version, id, e) < 0)
		return -1;
	if (!slice_eq(slice_buf(&version.spki), field[3]))
		return same_not("a key", there, "pem", e);
	return same_reply(r, "key", TAKE(there));
}

static int put_key(struct request *r, const struct slice *field, struct err *e)
{
	struct making *m = r->state;
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_write(r, &t, e) < 0 || body_at("pem", admin_check_key(t, field[3], e), e) < 0 ||
	    admin_put_key(t, &m->key, field, e) < 0 ||
	    admin_event(r, t, "key.added", m->key.id, m->key.name, e, "%s, type %s", m->pem.len ? "imported" : "made",
			m->key.type) < 0)
		return -1;
	return admin_commit(r, TAKE(t), false, e);
}

static int key_made(struct request *r, const struct slice *field, struct err *e)
{
	struct making *m = r->state;
	json_t *answer;

	if (put_key(r, field, e) < 0)
		return -1;
	answer = json_object();
	json_object_set_new(answer, "key", rec_key_json(&m->key));
	admin_put_api_keys(answer, "api_keys", field[4], field[5]);
	return reply_json(r, 201, answer);
}

int page_key_add(struct request *r, struct err *e)
{
	struct making *m = request_state(r, sizeof(*m), making_release);

	if (read_key(r, m, e) < 0 || find_there(r, m, e) < 0)
		return -1;
	if (m->pem.len)
		return REQUEST_ASK(r, key_import, -1, m->there.id ? there_imported : key_made, slice_buf(&m->pem),
				   slice_str(m->password), slice_str(m->key.use), slice_str(visitor_id(&r->visitor)));
	if (m->there.id)
		return same_reply(r, "key", rec_key_json(&m->there));
	return REQUEST_ASK(r, key_new, -1, key_made, slice_str(m->type), slice_str(m->key.use));
}

/*
 * Removing.
 */

static int check_unused(const struct request *r, struct txn *t, const struct rec_key *key, struct err *e)
{
	_cleanup_strv_ char **users = NULL;

	if (find_users(t, &r->visitor.scope, key, &users, e) < 0)
		return -1;
	if (!users)
		return 0;
	err_set(e, ERR_CONFLICT, "the key %s is in use by: %s", key->name, users[0]);
	return err_hint(e, "Remove first what uses it.");
}

int admin_remove_key(struct request *r, struct txn *t, const struct rec_key *key, struct err *e)
{
	if (check_unused(r, t, key, e) < 0 || leftover_remove_children(t, &rec_key_version_type, key->id, e) < 0 ||
	    leftover_remove_children(t, &rec_consumer_type, key->id, e) < 0 || rec_key_delete(t, key->id, e) < 0)
		return -1;
	return admin_event(r, t, "key.removed", key->id, key->name, e, "had %lld versions", (long long)key->newest);
}

int page_key_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_key(r, t, &key, e) < 0 ||
	    admin_remove_key(r, t, &key, e) < 0 || admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 200, rec_key_json(&key));
}

/*
 * Exporting, for a local admin.
 */

static void exporting_release(void *state)
{
	struct key_exporting *x = state;

	free(x->id);
	free(x->name);
}

static int record_export(struct request *r, const struct key_exporting *x, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 ||
	    admin_event(r, t, "key.exported", x->id, x->name, e, "exported as %s", x->der ? "der" : "pem") < 0)
		return -1;
	return admin_commit(r, TAKE(t), false, e);
}

static int exported(struct request *r, const struct slice *field, struct err *e)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;
	const struct key_exporting *x = r->state;
	json_t *answer;

	if (x->der)
		base64_add(&text, field[0].data, field[0].len);
	else
		buf_add(&text, field[0].data, field[0].len);
	if (record_export(r, x, e) < 0)		/* no export without its event */
		return -1;
	answer = json_object();
	json_put_str(answer, "key", buf_str(&text));
	return reply_json(r, 200, answer);
}

int page_key_export(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	_cleanup_free_ char *version_id = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	const char *format = json_str(body, "format");
	struct key_exporting *x = request_state(r, sizeof(*x), exporting_release);

	if (!body || store_read(r->webui->env->store, &t, e) < 0 || admin_find_key(r, t, &key, e) < 0 ||
	    admin_confirmed(r, e) < 0)
		return -1;
	version_id = record_child_id(key.id, key.current ? key.current : key.newest);
	if (rec_key_version_get(t, &version, version_id, e) < 0)
		return -1;
	x->id = xstrdup(key.id);
	x->name = xstrdup(key.name);
	x->der = str_eq(format, "der");
	return REQUEST_ASK(r, key_export, request_proof_socket(r), exported, slice_str(key.id), slice_buf(&key.access),
			   slice_buf(&version.material), slice_str(request_proof(r)),
			   slice_str(format ? format : "pem"));
}

/*
 * API keys.
 */

int page_key_apikey(struct request *r, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_key(r, t, &key, e) < 0 ||
	    used_put(answer, t, key.id, params_get(&r->path, "slot"), e) < 0)
		return -1;
	json_put_str(answer, "name", key.name);
	return reply_json(r, 200, TAKE(answer));
}

int page_key_rotate(struct request *r, struct err *e)
{
	static const struct admin_rotation rotation = { "key", &rec_key_type, offsetof(struct rec_key, access) };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_key(r, t, &key, e) < 0)
		return -1;
	return admin_rotate(r, &rotation, key.id, key.name, slice_buf(&key.access), e);
}
