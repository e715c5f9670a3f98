#include "webui/cert/set_key.h"

#include "pki/key.h"
#include "webui/http/name.h"
#include "webui/key/grant.h"

void set_key_release(struct set_key *k)
{
	rec_key_release(&k->key);
	for (size_t i = 0; i < ARRAY_SIZE(k->field); i++)
		buf_wipe(&k->field[i]);
	buf_release(&k->before);
	buf_release(&k->access);
	free(k->cert_id);
}

int set_key_find(struct request *r, struct txn *t, const char *name, bool site, struct rec_key *key, struct err *e)
{
	if (name_check(name, e) < 0)
		return -1;
	if (rec_key_by_name(t, key, name, e) < 0 && e->kind != ERR_MISSING)
		return -1;
	if (!key->id || !scope_has_key(&r->visitor.scope, key))
		return err_set(e, ERR_CONFLICT, "there is no key %s", name);
	if (admin_confirmed(r, e) < 0)
		return -1;
	if (str_eq(key->use, KEEPER_USE_ACCOUNT))
		return err_set(e, ERR_CONFLICT, "the key %s is an account's, not for certificates", key->name);
	if (site && !str_eq(key->use, KEEPER_USE_SITE)) {
		err_set(e, ERR_CONFLICT, "the key %s was not made for this server's own https", key->name);
		return err_hint(e, "Leave out \"key\": the certificate then gets its own key.");
	}
	return 0;
}

int set_check_reissue(const struct rec_cert *cert, struct err *e)
{
	if (cert->own_csr) {
		err_set(e, ERR_CONFLICT, "the names and the key of %s are those of a request that a person sent",
			cert->name);
		return err_hint(e, "Send a new certificate request instead.");
	}
	if (cert->imported) {
		err_set(e, ERR_CONFLICT, "the names and the key of %s are those of the files it was imported from",
			cert->name);
		return err_hint(e,
				"Import a version with the new names or key, or add a certificate under a new name.");
	}
	if (!cert->open_order)
		return 0;
	err_set(e, ERR_CONFLICT, "an order of %s is in progress, with its names, key and account as they were",
		cert->name);
	return err_hint(e, "Try again when the order has ended.");
}

static int granted(struct request *r, const struct slice *field, struct err *e)
{
	struct set_key *k = r->state;

	buf_add(&k->access, field[0].data, field[0].len);
	return k->then(r, e);
}

/* Its own API key is the proof. */
static int made(struct request *r, const struct slice *field, struct err *e)
{
	struct set_key *k = r->state;

	for (size_t i = 0; i < ARRAY_SIZE(k->field); i++)
		buf_add(&k->field[i], field[i].data, field[i].len);
	return permit_ask(r, k->field[0].data, slice_buf(&k->field[1]), slice_str(k->cert_id), k->field[4].data,
			  granted);
}

static int ask_for_new(struct request *r, struct txn *t, struct set_key *k, const struct rec_cert *cert,
		       const json_t *body, struct err *e)
{
	const char *name = json_str(body, "new_key");
	_cleanup_free_ char *type = xstrdup(cert->key_type);

	if (body_at("new_key", name_check(name, e), e) < 0 || admin_read_key_type(body, &type, e) < 0)
		return -1;
	if (rec_key_by_name(t, &k->key, name, e) == 0)
		return body_at("new_key", err_set(e, ERR_CONFLICT, "there is a key %s already", name), e);
	if (e->kind != ERR_MISSING)
		return -1;
	*e = (struct err){ 0 };
	k->is_new = true;
	record_set(&k->key.name, name);
	record_set(&k->key.owner_id, cert->owner_id);
	record_set(&k->key.use, cert->site ? KEEPER_USE_SITE : KEEPER_USE_CERTIFICATE);
	return REQUEST_ASK(r, key_new, -1, made, slice_str(type), slice_str(k->key.use));
}

static int ask_for_other(struct request *r, struct txn *t, struct set_key *k, const struct rec_cert *cert,
			 const char *name, struct err *e)
{
	_cleanup_buf_ struct buf ids = BUF_INIT;
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (body_at("key", set_key_find(r, t, name, cert->site, &key, e), e) < 0)
		return -1;
	if (str_eq(key.id, cert->key_id))
		return k->then(r, e);
	if (permit_certificates(t, key.id, cert->id, &ids, e) < 0)
		return -1;
	k->key = key;
	key = (struct rec_key){ 0 };
	buf_add(&k->before, k->key.access.data, k->key.access.len);
	return permit_ask(r, k->key.id, slice_buf(&k->before), slice_buf(&ids), request_proof(r), granted);
}

int set_key_ask(struct request *r, struct set_key *k, const json_t *body, int (*then)(struct request *, struct err *),
		struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	const char *name = json_str(body, "key"), *new_name = json_str(body, "new_key");
	_cleanup_txn_ struct txn *t = NULL;

	k->then = then;
	if (name && new_name)
		return body_at("new_key",
			       err_set(e, ERR_INVALID,
				       "give either \"key\", a key that exists, or \"new_key\", "
				       "the name of a new one"),
			       e);
	if (!name && !new_name)
		return then(r, e);
	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    body_at(name ? "key" : "new_key", set_check_reissue(&cert, e), e) < 0)
		return -1;
	k->cert_id = xstrdup(cert.id);
	return name ? ask_for_other(r, t, k, &cert, name, e) : ask_for_new(r, t, k, &cert, body, e);
}

/* Both the record and what the keeper was told of it. */
static int put_new(struct request *r, struct txn *t, const struct set_key *k, struct rec_key *key,
		   const struct rec_cert *cert, struct err *e)
{
	struct slice field[ARRAY_SIZE(k->field)];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		field[i] = slice_buf(i == 1 ? &k->access : &k->field[i]);
	record_set(&key->name, k->key.name);
	record_set(&key->owner_id, k->key.owner_id);
	record_set(&key->use, k->key.use);
	if (admin_put_key(t, key, field, e) < 0)
		return body_at("new_key", -1, e);
	return admin_event(r, t, "key.added", key->id, key->name, e, "made for certificate %s, type %s", cert->name,
			   key->type);
}

int set_key_put(struct request *r, struct txn *t, const struct set_key *k, struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	enum key_type type;

	if (!k->key.name)
		return 0;
	if (set_check_reissue(cert, e) < 0)
		return -1;
	if (k->is_new ? put_new(r, t, k, &key, cert, e) < 0 :
	    permit_put(t, k->key.id, slice_buf(&k->before), slice_buf(&k->access), e) < 0 ||
	    rec_key_get(t, &key, k->key.id, e) < 0)
		return -1;
	record_set(&cert->key_id, key.id);
	cert->new_key = false;
	if (key_type_by_word(key.type, &type, NULL) == 0 && key_type_makeable(type))
		record_set(&cert->key_type, key.type);
	return 1;
}
