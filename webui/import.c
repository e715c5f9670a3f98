/*
 * POST /api/v1/certificates/NAME/import: a certificate that comes from elsewhere, with its key, becomes the version in
 * force of NAME, which keeps its API keys; or a new certificate.
 *
 *	inspected()	what a PFX held
 *	key_sealed()	the key, as the keeper has it now
 *	access_made(), granted()	the identity of a new certificate
 *	finish()	version, key and certificate are put at once
 */
#include "base/clock.h"
#include "pki/collect.h"
#include "pki/pfx.h"
#include "store/agenda.h"
#include "store/deploy.h"
#include "store/key_version.h"
#include "store/version.h"
#include "webui/name.h"
#include "webui/permit.h"
#include "webui/upload.h"

struct import {
	struct rec_cert cert;		/* its id is NULL while it is new */
	struct rec_key key;
	struct buf file, chain_file, key_file;
	char *password;
	struct chain collected, chain;
	struct buf material, spki;
	int64_t generation;		/* of the key, if the store has it; 0: it is new */
	struct buf key_api[2], cert_api[2];
};

static void import_release(void *state)
{
	struct import *im = state;
	struct buf *secrets[] = { &im->file,       &im->chain_file, &im->key_file,    &im->material,   &im->spki,
				  &im->key_api[0], &im->key_api[1], &im->cert_api[0], &im->cert_api[1] };

	rec_cert_release(&im->cert);
	rec_key_release(&im->key);
	wipe_free(im->password);
	chain_release(&im->collected);
	chain_release(&im->chain);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		buf_wipe(secrets[i]);
}

static bool is_new(const struct import *im)
{
	return !im->cert.id;
}

static int read_body(struct request *r, struct import *im, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);

	if (!body || body_at("file", upload_read(&im->file, "file", json_str(body, "file"), e), e) < 0 ||
	    body_at("chain_file", upload_read(&im->chain_file, "chain_file", json_str(body, "chain_file"), e), e) < 0 ||
	    body_at("key_file", upload_read(&im->key_file, "key_file", json_str(body, "key_file"), e), e) < 0)
		return -1;
	im->password = xstrdup(json_str(body, "password") ? json_str(body, "password") : "");
	return 0;
}

/* The one of that name, or none of it and of its key. */
static int find(struct request *r, struct import *im, struct txn *t, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(rec_key_release) struct rec_key other = { 0 };
	const char *name = params_get(&r->path, "name");

	if (admin_find_cert(r, t, &im->cert, e) == 0 && im->cert.own_csr)
		return err_set(e, ERR_CONFLICT, "the certificate %s is of its owner's own request: choose another name",
			       im->cert.name);
	if (im->cert.id)
		return rec_key_get(t, &im->key, im->cert.key_id, e);
	if (e->kind != ERR_MISSING || request_query(r, &query, e) < 0)
		return -1;
	record_set(&im->cert.name, name);
	record_set(&im->cert.owner_id, r->visitor.scope.user_id);
	record_set(&im->key.owner_id, r->visitor.scope.user_id);
	im->cert.staging = str_eq(params_get(&query, "staging"), "true");
	if (rec_key_by_name(t, &other, name, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	err_set(e, ERR_CONFLICT, "the imported key would have the certificate's name, but there is a key %s already", name);
	return err_hint(e, "Choose another name, or remove that key if nothing uses it.");
}

/*
 * The end: all is known, and put.
 */

static int put_key(struct import *im, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	enum key_type type;

	if (im->generation) {
		im->key.current = im->generation;
		return rec_key_put(t, &im->key, e);
	}
	if (spki_type(slice_buf(&im->spki), &type, e) < 0)
		return -1;
	im->generation = im->key.current = im->key.newest + 1;
	record_set(&im->key.type, key_type_word(type));
	return key_version_add(t, &im->key, im->key.type, slice_buf(&im->material), slice_buf(&im->spki), &version, e);
}

static int put_version(struct import *im, struct txn *t, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { .imported = true };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	const struct cert *leaf = &im->chain.cert[0];

	version.id = record_child_id(im->cert.id, ++im->cert.newest);
	chain_pem(&im->chain, 0, im->chain.count, &pem);
	record_set(&version.chain, buf_str(&pem));
	version.names = strv_dup(leaf->names);
	record_set(&version.serial, leaf->serial);
	record_set(&version.fingerprint, leaf->fingerprint);
	record_set(&version.issuer, cert_issuer(leaf));
	version.not_before = leaf->not_before;
	version.not_after = leaf->not_after;
	record_set(&version.key_id, im->key.id);
	version.key_version = im->generation;
	version.issued = clock_now();
	return rec_version_put(t, &version, e);
}

static void update_cert(const struct request *r, struct import *im)
{
	const struct cert *leaf = &im->chain.cert[0];
	struct rec_cert *c = &im->cert;
	enum key_type type;

	strv_free(c->names);
	c->names = strv_dup(leaf->names);
	c->site = admin_is_site(r, c->names);
	record_set(&c->key_id, im->key.id);
	if (!c->key_type || (key_type_by_word(im->key.type, &type, NULL) == 0 && key_type_makeable(type)))
		record_set(&c->key_type, im->key.type);
	c->current = c->newest;
	c->issued = clock_now();
	c->not_before = leaf->not_before;
	c->not_after = leaf->not_after;
	c->imported = true;
	c->renew_at = c->retry_at = c->failures = c->revoked = 0;
	record_set(&c->error, NULL);
	if (!c->created)
		c->created = clock_now();
}

static int put_all(struct request *r, struct import *im, struct txn *t, struct err *e)
{
	bool first = !im->cert.newest;

	if (put_key(im, t, e) < 0 || put_version(im, t, e) < 0)
		return -1;
	update_cert(r, im);
	if (version_in_force(t, &im->cert, e) < 0 || rec_cert_put(t, &im->cert, e) < 0 ||
	    agenda_delete(t, AGENDA_issue, im->cert.id, e) < 0 ||
	    (im->cert.site && agenda_set(t, AGENDA_site, im->cert.id, clock_now(), e) < 0) ||
	    (deploy_script(&im->cert, r->webui->settings->deploy_hook) && deploy_ask(t, &im->cert, e) < 0))
		return -1;
	return admin_event(r, t, "certificate.imported", im->cert.id, im->cert.name, e, "%sversion %lld, issued by %s, serial %s",
			   first ? "new, " : "", (long long)im->cert.current,
			   cert_issuer(&im->chain.cert[0]), im->chain.cert[0].serial);
}

/* The record may have changed while the keeper worked. */
static int same_as_before(struct import *im, struct txn *t, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert now = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (im->cert.created == 0)
		return 0;
	if (rec_cert_get(t, &now, im->cert.id, e) < 0 || rec_key_get(t, &key, im->key.id, e) < 0)
		return -1;
	if (now.newest != im->cert.newest || now.open_order != im->cert.open_order || key.newest != im->key.newest ||
	    !slice_eq(slice_buf(&now.access), slice_buf(&im->cert.access)) ||
	    !slice_eq(slice_buf(&key.access), slice_buf(&im->key.access)))
		return err_set(e, ERR_CONFLICT, "the certificate %s was changed at the same time: try again", now.name);
	return 0;
}

static int finish(struct request *r, struct import *im, struct err *e)
{
	bool added = im->cert.created == 0;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || same_as_before(im, t, e) < 0 ||
	    admin_check_names(r, im->chain.cert[0].names, e) < 0 ||
	    (added && scope_check_count(&r->visitor.scope, t, e) < 0) || put_all(r, im, t, e) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	answer = json_object();
	json_object_set_new(answer, "certificate", admin_show_cert(&im->cert, NULL, im->key.name));
	json_put_int(answer, "chain", (int64_t)im->chain.count);
	json_put_int(answer, "left_over", (int64_t)im->collected.count);
	if (added) {
		admin_put_api_keys(answer, "api_keys", slice_buf(&im->cert_api[0]), slice_buf(&im->cert_api[1]));
		admin_put_api_keys(answer, "key_api_keys", slice_buf(&im->key_api[0]), slice_buf(&im->key_api[1]));
	}
	return reply_json(r, added ? 201 : 200, answer);
}

/*
 * A new certificate's identity.
 */

static int granted(struct request *r, const struct slice *field, struct err *e)
{
	struct import *im = r->state;

	record_set_blob(&im->key.access, field[0]);
	return finish(r, im, e);
}

static int access_made(struct request *r, const struct slice *field, struct err *e)
{
	struct import *im = r->state;

	record_set(&im->cert.id, field[0].data);
	record_set_blob(&im->cert.access, field[1]);
	for (size_t i = 0; i < ARRAY_SIZE(im->cert_api); i++)
		buf_add(&im->cert_api[i], field[2 + i].data, field[2 + i].len);
	return permit_ask(r, im->key.id, slice_buf(&im->key.access), slice_str(im->cert.id), im->key_api[0].data,
			  granted);
}

/*
 * The chain for the key that is known now.
 */

static int check_dates(const struct cert *leaf, struct err *e)
{
	char text[CLOCK_RFC3339_SIZE];

	if (leaf->not_after > clock_now())
		return 0;
	return err_set(e, ERR_INVALID, "the certificate has expired at %s", clock_rfc3339(text, leaf->not_after));
}

static int fit_chain(struct import *im, struct err *e)
{
	if (collect_chain(&im->collected, slice_buf(&im->spki), &im->chain, e) < 0)
		return -1;
	return check_dates(&im->chain.cert[0], e);
}

/* Which generation of the certificate's key has this public key? 0: none. */
static int find_generation(struct txn *t, const struct rec_key *key, struct slice spki, int64_t *generation,
			   struct err *e)
{
	*generation = 0;
	for (int64_t n = key->newest; n > 0 && !*generation; n--) {
		_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
		_cleanup_free_ char *id = record_child_id(key->id, n);

		if (rec_key_version_get(t, &version, id, e) < 0)
			return -1;
		if (slice_eq(slice_buf(&version.spki), spki))
			*generation = n;
	}
	return 0;
}

static int key_replaced(struct request *r, const struct slice *field, struct err *e)
{
	struct import *im = r->state;
	_cleanup_txn_ struct txn *t = NULL;

	buf_add(&im->material, field[0].data, field[0].len);
	buf_add(&im->spki, field[1].data, field[1].len);
	if (fit_chain(im, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    find_generation(t, &im->key, slice_buf(&im->spki), &im->generation, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	return finish(r, im, e);
}

static int key_imported(struct request *r, const struct slice *field, struct err *e)
{
	struct import *im = r->state;

	record_set(&im->key.id, field[0].data);
	record_set_blob(&im->key.access, field[1]);
	record_set(&im->key.name, im->cert.name);
	im->key.created = clock_now();
	buf_add(&im->material, field[2].data, field[2].len);
	buf_add(&im->spki, field[3].data, field[3].len);
	for (size_t i = 0; i < ARRAY_SIZE(im->key_api); i++)
		buf_add(&im->key_api[i], field[4 + i].data, field[4 + i].len);
	if (fit_chain(im, e) < 0)
		return -1;
	return request_ask(r, KEEPER_access_new, NULL, 0, -1, access_made);
}

static int seal_key(struct request *r, struct import *im, struct slice file, struct err *e)
{
	bool site = false;

	for (size_t i = 0; i < im->collected.count; i++)
		site |= !im->collected.cert[i].is_ca && admin_is_site(r, im->collected.cert[i].names);
	if (!is_new(im))
		return REQUEST_ASK(r, key_replace, -1, key_replaced, slice_str(im->key.id), slice_buf(&im->key.access),
				   file, slice_str(im->password));
	record_set(&im->key.use, site ? KEEPER_USE_SITE : KEEPER_USE_CERTIFICATE);
	return REQUEST_ASK(r, key_import, -1, key_imported, file, slice_str(im->password), slice_str(im->key.use));
}

/* Without a private key: it must be one we have. */
static int use_known_key(struct request *r, struct import *im, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	for (size_t i = 0; !is_new(im) && !im->generation && i < im->collected.count; i++) {
		const struct buf *spki = &im->collected.cert[i].spki;

		if (find_generation(t, &im->key, slice_buf(spki), &im->generation, e) < 0)
			return -1;
		if (im->generation)
			buf_add(&im->spki, spki->data, spki->len);
	}
	txn_abort(TAKE(t));
	if (im->generation)
		return fit_chain(im, e) < 0 ? -1 : finish(r, im, e);
	if (!im->collected.count)
		return err_set(e, ERR_INVALID, "there is no certificate in what was given");
	err_set(e, ERR_INVALID, "the private key of the certificate is missing");
	return err_hint(e, "Give it too: in the same file, or as \"key_file\" (certeractl: --key-file).");
}

static int go_on(struct request *r, struct import *im, struct err *e)
{
	bool pfx = pfx_is(slice_buf(&im->file));

	if (im->key_file.len)
		return seal_key(r, im, slice_buf(&im->key_file), e);
	if (pfx || collect_has_key(slice_buf(&im->file)))
		return seal_key(r, im, slice_buf(&im->file), e);
	return use_known_key(r, im, e);
}

static int inspected(struct request *r, const struct slice *field, struct err *e)
{
	struct import *im = r->state;

	return collect_certs(&im->collected, field[0], e) < 0 ? -1 : go_on(r, im, e);
}

static int read_intermediates(struct import *im, struct err *e)
{
	if (collect_certs(&im->collected, slice_buf(&im->chain_file), e) < 0)
		return err_prefix(e, "the chain");
	return im->chain_file.len && !im->collected.count ? err_set(e, ERR_INVALID, "there is no certificate in the chain") : 0;
}

int page_cert_import(struct request *r, struct err *e)
{
	struct import *im = request_state(r, sizeof(*im), import_release);
	_cleanup_txn_ struct txn *t = NULL;

	if (name_check(params_get(&r->path, "name"), e) < 0 || read_body(r, im, e) < 0 ||
	    store_read(r->webui->env->store, &t, e) < 0 || find(r, im, t, e) < 0)
		return -1;
	if (im->cert.open_order)
		return err_set(e, ERR_CONFLICT, "an order of %s is under way: import when it has ended", im->cert.name);
	if (read_intermediates(im, e) < 0)
		return body_at("chain_file", -1, e);
	if (pfx_is(slice_buf(&im->file)))
		return REQUEST_ASK(r, inspect, -1, inspected, slice_buf(&im->file), slice_str(im->password));
	if (collect_certs(&im->collected, slice_buf(&im->file), e) < 0)
		return -1;
	return go_on(r, im, e);
}
