/*
 * POST /api/v1/certificates/NAME/import: a certificate that comes from elsewhere, with its key, becomes the version in
 * force of NAME, which keeps its API keys; or a new certificate.  Without a key, if that is wanted, it is only tracked.
 * With an account it is renewed from there, as if it had been ordered here.
 *
 *	inspected()	what a PFX held
 *	key_sealed()	the key, as the keeper has it now
 *	access_made(), granted()	the identity of a new certificate
 *	finish()	version, key and certificate are put at once
 */
#include "base/clock.h"
#include "pki/file/collect.h"
#include "pki/file/pem.h"
#include "pki/file/pfx.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/deploy.h"
#include "store/hooks.h"
#include "store/key/sharing.h"
#include "store/key/version.h"
#include "store/version.h"
#include "webui/cert/challenge.h"
#include "webui/http/name.h"
#include "webui/http/upload.h"
#include "webui/key/grant.h"
#include "webui/order/dry.h"

/* What people upload, in any order: each may have certificates, the key, or all of it. */
static const char *const parts[] = { "file", "chain_file", "bundle_file", "key_file" };
#define PARTS ARRAY_SIZE(parts)

struct import {
	struct rec_cert cert;		/* its id is NULL while it is new */
	struct rec_key key;
	struct buf part[PARTS];
	int key_part;			/* which of them has the private key; -1: none */
	char *password;
	json_t *body;
	struct rec_account account;	/* which renews it; no id: nobody does */
	bool without_key, other_names;	/* it is wanted so */
	bool dry;			/* and none of it is to be kept */
	struct chain collected, chain;
	struct buf material, spki;
	int64_t generation;		/* of the key, if the store has it; 0: it is new */
	struct buf key_api[2], cert_api[2];
};

static void import_release(void *state)
{
	struct import *im = state;
	struct buf *secrets[] = { &im->material,   &im->spki,        &im->key_api[0],
				  &im->key_api[1], &im->cert_api[0], &im->cert_api[1] };

	rec_cert_release(&im->cert);
	rec_key_release(&im->key);
	rec_account_release(&im->account);
	cleanup_body(&im->body);
	wipe_free(im->password);
	chain_release(&im->collected);
	chain_release(&im->chain);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		buf_wipe(secrets[i]);
	for (size_t i = 0; i < PARTS; i++)
		buf_wipe(&im->part[i]);
}

static bool is_new(const struct import *im)
{
	return !im->cert.id;
}

static bool has_key(const struct rec_cert *cert)
{
	return cert->key_id && *cert->key_id;
}

static int read_body(struct request *r, struct import *im, struct err *e)
{
	json_t *body = im->body = body_read(r, e);

	if (!body)
		return -1;
	for (size_t i = 0; i < PARTS; i++)
		if (body_at(parts[i], upload_read(&im->part[i], parts[i], json_str(body, parts[i]), e), e) < 0)
			return -1;
	im->without_key = json_bool(body, "without_key", false);
	im->other_names = json_bool(body, "other_names", false);
	im->password = xstrdup(json_str(body, "password") ? json_str(body, "password") : "");
	return 0;
}

/* Who renews it; the certificate is for testing if the account is. */
static int find_account(struct request *r, struct import *im, struct txn *t, struct err *e)
{
	const char *name = json_str(im->body, "account");

	if (!name || !*name)
		return 0;
	if (im->without_key)
		return err_set(
			e, ERR_INVALID,
			"a certificate is renewed with a private key: give either an account or \"without_key\"");
	if (name_check(name, e) < 0)
		return -1;
	if (rec_account_by_name(t, &im->account, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_CONFLICT, "there is no account %s", name) : -1;
	return admin_check_orders(&im->account, e);
}

/* It may be renewed by an account of the same kind only: for testing, or not. */
static int fit_account(struct import *im, struct err *e)
{
	if (!im->account.id)
		return 0;
	if (!im->cert.created)
		im->cert.staging = im->account.staging;
	if (im->cert.staging != im->account.staging)
		return err_set(e, ERR_CONFLICT, "of the certificate %s and the account %s, one is for testing only",
			       im->cert.name, im->account.name);
	if (im->cert.no_key)
		return err_set(e, ERR_CONFLICT,
			       "the certificate %s is tracked without its private key, so nothing can renew it",
			       im->cert.name);
	return admin_check_profile(&im->account, json_str(im->body, "profile"), e);
}

/* The one of that name, or none of it and of its key. */
static int find(struct request *r, struct import *im, struct txn *t, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(rec_key_release) struct rec_key other = { 0 };
	const char *name = params_get(&r->path, "name");

	if (admin_find_cert(r, t, &im->cert, e) == 0 && im->cert.own_csr)
		return err_set(e, ERR_CONFLICT,
			       "the certificate %s is from its owner's request: choose a different name",
			       im->cert.name);
	if (im->cert.id && has_key(&im->cert))
		return rec_key_get(t, &im->key, im->cert.key_id, e);
	if (is_new(im) && (e->kind != ERR_MISSING || request_query(r, &query, e) < 0))
		return -1;
	if (is_new(im)) {
		record_set(&im->cert.name, name);
		record_set(&im->cert.owner_id, r->visitor.scope.user_id);
		im->cert.staging = json_bool(im->body, "staging", str_eq(params_get(&query, "staging"), "true"));
	}
	record_set(&im->key.owner_id, im->cert.owner_id);
	if (im->without_key)
		return 0;
	if (rec_key_by_name(t, &other, name, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	err_set(e, ERR_CONFLICT, "the imported key would have the certificate's name, but there is a key %s already",
		name);
	return err_hint(e, "Choose a different name, or remove this key if nothing uses it.");
}

/*
 * The end: all is known, and put.
 */

static int put_key(struct import *im, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	enum key_type type;

	if (!im->key.id)
		return 0;
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

	chain_pem(&im->chain, 0, im->chain.count, &pem);
	version_make(&version, &im->cert, &im->chain.cert[0], buf_str(&pem));
	record_set(&version.key_id, im->key.id);
	version.key_version = im->generation;
	return rec_version_put(t, &version, e);
}

static void choose_scripts(const struct request *r, struct import *im)
{
	static const char *const members[] = { "hook_set", "hook_cleanup", "hook_arguments", "deploy_hook" };
	unsigned chosen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_object_get(im->body, members[i]))
			chosen |= hooks_member(members[i]);
	if (chosen)
		hooks_choose(&im->cert, chosen, r->visitor.name);
}

/*
 * How it is renewed, as cert add has it; the names are known.  What one that is there says stays where nothing is said.
 */
static int manage(struct request *r, struct import *im, struct err *e)
{
	struct rec_cert *c = &im->cert;
	bool proof = !c->created || json_str(im->body, "challenge");

	if ((proof ? proof_read(c, im->body, e) : proof_change(c, NULL, e)) < 0 ||
	    admin_read_renew_before(im->body, &c->renew_before, e) < 0 ||
	    admin_read_labels(im->body, c, e) < 0)
		return -1;
	if (json_object_get(im->body, "key_reuse")) {
		c->key_reuse = json_bool(im->body, "key_reuse", false);
		c->key_fresh = !c->key_reuse;
	}
	if (json_object_get(im->body, "no_preflight"))
		c->no_preflight = json_bool(im->body, "no_preflight", false);
	if (json_str(im->body, "profile"))
		record_set(&c->profile, json_str(im->body, "profile"));
	if (json_str(im->body, "preferred_chain"))
		record_set(&c->preferred_chain, json_str(im->body, "preferred_chain"));
	if (!c->created)
		c->reach = gate_reach(&r->visitor);
	record_set(&c->account_id, im->account.id);
	c->imported = false;
	choose_scripts(r, im);
	return 0;
}

static void update_cert(const struct request *r, struct import *im)
{
	const struct cert *leaf = &im->chain.cert[0];
	struct rec_cert *c = &im->cert;
	enum key_type type;

	admin_take_names(r, c, strv_dup(leaf->names));
	c->site = admin_is_site(r, c->names);
	record_set(&c->key_id, im->key.id);
	c->no_key = !has_key(c);
	c->site &= !c->no_key;
	if (!c->no_key &&
	    (!c->key_type || (key_type_by_word(im->key.type, &type, NULL) == 0 && key_type_makeable(type))))
		record_set(&c->key_type, im->key.type);
	c->current = c->newest;
	free(c->public_key);
	c->public_key = spki_digest(slice_buf(&leaf->spki));
	c->issued = clock_now();
	c->not_before = leaf->not_before;
	c->not_after = leaf->not_after;
	record_set(&c->issuer, cert_issuer(leaf));
	c->imported = true;
	c->renew_at = c->revoked = 0;
	c->ari_start = c->ari_end = c->patient_until = 0;
	record_set(&c->ari_explanation, NULL);
	record_set(&c->error, NULL);
}

/* Its renewal is planned by the engine, which knows how; without an account there is none. */
static int plan(struct request *r, struct import *im, struct txn *t, struct err *e)
{
	update_cert(r, im);
	if (im->account.id && manage(r, im, e) < 0)
		return -1;
	if (!im->cert.created)
		im->cert.created = clock_now();
	if (version_in_force(t, &im->cert, e) < 0 || cert_plan(t, &im->cert, CERT_imported, e) < 0)
		return -1;
	return im->account.id ? agenda_set(t, AGENDA_renewal, im->cert.id, clock_now(), e) : 0;
}

static int put_all(struct request *r, struct import *im, struct txn *t, struct err *e)
{
	bool first = !im->cert.newest;

	if (put_key(im, t, e) < 0 || put_version(im, t, e) < 0)
		return -1;
	if (plan(r, im, t, e) < 0 ||
	    (im->cert.site && agenda_set(t, AGENDA_site, im->cert.id, clock_now(), e) < 0) ||
	    (deploy_script(&im->cert, r->webui->settings->deploy_hook) && deploy_ask(t, &im->cert, e) < 0) ||
	    (im->key.id && sharing_follow(t, &im->key, im->cert.staging, e) < 0))
		return -1;
	return admin_event(r, t, "certificate.imported", im->cert.id, im->cert.name, e,
			   "%s%sversion %lld, issued by %s, serial %s%s%s", first ? "new, " : "",
			   im->cert.no_key ? "without its private key, " : "", (long long)im->cert.current,
			   cert_issuer(&im->chain.cert[0]), im->chain.cert[0].serial,
			   im->account.id ? ", renewed from account " : "", im->account.id ? im->account.name : "");
}

/* The record may have changed while the keeper worked. */
static int same_as_before(struct import *im, struct txn *t, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert now = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (im->cert.created == 0)
		return 0;
	if (rec_cert_get(t, &now, im->cert.id, e) < 0 ||
	    (has_key(&im->cert) && rec_key_get(t, &key, im->key.id, e) < 0))
		return -1;
	if (now.newest != im->cert.newest || now.open_order != im->cert.open_order ||
	    !str_eq(now.key_id ? now.key_id : "", im->cert.key_id ? im->cert.key_id : "") ||
	    !slice_eq(slice_buf(&now.access), slice_buf(&im->cert.access)) ||
	    (has_key(&im->cert) && (key.newest != im->key.newest ||
				    !slice_eq(slice_buf(&key.access), slice_buf(&im->key.access)))))
		return err_set(e, ERR_CONFLICT, "the certificate %s was changed at the same time: try again", now.name);
	return 0;
}

static int finish(struct request *r, struct import *im, struct err *e)
{
	bool added = im->cert.created == 0;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (admin_write(r, &t, e) < 0 || same_as_before(im, t, e) < 0 ||
	    admin_check_names(r, im->chain.cert[0].names, e) < 0 ||
	    (!added && admin_check_other_names(im->cert.names, im->chain.cert[0].names, im->other_names, e) < 0) ||
	    admin_check_key(t, slice_buf(&im->spki), e) < 0 ||
	    (added && scope_check_count(&r->visitor.scope, t, e) < 0) || put_all(r, im, t, e) < 0)
		return -1;
	if (im->dry)
		return dry_reply(r, t, &im->cert, "version in force", false, e);
	if (admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	answer = json_object();
	json_object_set_new(answer, "certificate", admin_show_cert(&im->cert, im->account.name, im->key.name));
	json_put_bool(answer, "existing", !added && !im->key_api[0].len);
	json_put_int(answer, "chain", (int64_t)im->chain.count);
	json_put_int(answer, "left_over", (int64_t)im->collected.count);
	if (added)
		admin_put_api_keys(answer, "api_keys", slice_buf(&im->cert_api[0]), slice_buf(&im->cert_api[1]));
	if (im->key_api[0].len)
		admin_put_api_keys(answer, "key_api_keys", slice_buf(&im->key_api[0]), slice_buf(&im->key_api[1]));
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
	if (!im->key.id)
		return finish(r, im, e);
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
	if (is_new(im))
		return request_ask(r, KEEPER_access_new, NULL, 0, -1, access_made);
	return permit_ask(r, im->key.id, slice_buf(&im->key.access), slice_str(im->cert.id), im->key_api[0].data,
			  granted);
}

static int seal_key(struct request *r, struct import *im, struct slice file, struct err *e)
{
	bool site = false;

	for (size_t i = 0; i < im->collected.count; i++)
		site |= !im->collected.cert[i].is_ca && admin_is_site(r, im->collected.cert[i].names);
	if (im->key.id)
		return REQUEST_ASK(r, key_replace, -1, key_replaced, slice_str(im->key.id), slice_buf(&im->key.access),
				   file, slice_str(im->password), slice_str(visitor_id(&r->visitor)));
	record_set(&im->key.use, site ? KEEPER_USE_SITE : KEEPER_USE_CERTIFICATE);
	return REQUEST_ASK(r, key_import, -1, key_imported, file, slice_str(im->password), slice_str(im->key.use),
			   slice_str(visitor_id(&r->visitor)));
}

/* The one that is no CA's; a CA's is meant only if it is alone. */
static const struct cert *find_meant(const struct chain *collected, struct err *e)
{
	const struct cert *meant = collected->count == 1 ? &collected->cert[0] : NULL;

	for (size_t i = 0; i < collected->count; i++) {
		if (collected->cert[i].is_ca || meant == &collected->cert[i])
			continue;
		if (meant)
			return err_set(e, ERR_INVALID,
				       "it has several certificates that are no CA's: send one of them"),
			       NULL;
		meant = &collected->cert[i];
	}
	if (!meant)
		err_set(e, ERR_INVALID, "there is no certificate in what was given, or only those of CAs");
	return meant;
}

/* It is tracked only. */
static int go_without(struct request *r, struct import *im, struct err *e)
{
	const struct cert *meant = find_meant(&im->collected, e);

	if (!meant)
		return -1;
	buf_add(&im->spki, meant->spki.data, meant->spki.len);
	if (fit_chain(im, e) < 0)
		return -1;
	return is_new(im) ? request_ask(r, KEEPER_access_new, NULL, 0, -1, access_made) : finish(r, im, e);
}

static int refuse_without(const struct import *im, struct err *e)
{
	if (!im->collected.count)
		return err_set(e, ERR_INVALID, "there is no certificate in what was given");
	err_set(e, ERR_INVALID, "the private key of the certificate is missing");
	return err_hint(
		e,
		is_new(im)
			? "Add the private key: in the same file, or as a separate key file. Or import the certificate "
			  "without the private key: Certera then only tracks it."
			: "Add the private key: in the same file, or as a separate key file.");
}

/* Without a private key: it must be one we have. */
static int use_known_key(struct request *r, struct import *im, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	for (size_t i = 0; im->key.id && !im->generation && i < im->collected.count; i++) {
		const struct buf *spki = &im->collected.cert[i].spki;

		if (find_generation(t, &im->key, slice_buf(spki), &im->generation, e) < 0)
			return -1;
		if (im->generation)
			buf_add(&im->spki, spki->data, spki->len);
	}
	txn_abort(TAKE(t));
	if (im->generation)
		return fit_chain(im, e) < 0 ? -1 : finish(r, im, e);
	return !im->key.id && (im->without_key || im->cert.no_key) ? go_without(r, im, e) : refuse_without(im, e);
}

static int go_on(struct request *r, struct import *im, struct err *e)
{
	return im->key_part < 0 ? use_known_key(r, im, e) : seal_key(r, im, slice_buf(&im->part[im->key_part]), e);
}

static int inspected(struct request *r, const struct slice *field, struct err *e)
{
	struct import *im = r->state;

	return collect_certs(&im->collected, field[0], e) < 0 ? -1 : go_on(r, im, e);
}

/* The certificates of a part that is no PFX; and is the key in it? */
static int read_part(struct import *im, size_t i, struct err *e)
{
	struct slice part = slice_buf(&im->part[i]);
	bool has_key = collect_has_key(part);
	size_t before = im->collected.count;

	if (has_key)
		im->key_part = (int)i;	/* of several the last, so that key_file has the word */
	if ((!has_key || pem_is(part)) && collect_certs(&im->collected, part, e) < 0)	/* a key in DER is alone */
		return -1;
	return !part.len || has_key || im->collected.count > before ? 0 :
		err_set(e, ERR_INVALID, "there is neither a certificate nor a private key in it");
}

/* Which part is a PFX?  It has certificate and key, so there is one at most; -1: none. */
static int find_pfx(const struct import *im)
{
	for (size_t i = 0; i < PARTS; i++)
		if (pfx_is(slice_buf(&im->part[i])))
			return (int)i;
	return -1;
}

static int read_parts(struct import *im, int pfx, struct err *e)
{
	im->key_part = pfx;
	for (int i = 0; i < (int)PARTS; i++)
		if (i != pfx && read_part(im, (size_t)i, e) < 0)
			return body_at(parts[i], -1, e);
	return 0;
}

int page_cert_import(struct request *r, struct err *e)
{
	struct import *im = request_state(r, sizeof(*im), import_release);
	_cleanup_txn_ struct txn *t = NULL;
	int pfx;

	if (name_check(params_get(&r->path, "name"), e) < 0 || dry_read(r, &im->dry, e) < 0 ||
	    read_body(r, im, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    body_at("account", find_account(r, im, t, e), e) < 0 || find(r, im, t, e) < 0 ||
	    body_at("account", fit_account(im, e), e) < 0)
		return -1;
	if (im->cert.open_order)
		return err_set(e, ERR_CONFLICT, "an order of %s is in progress: import when it has ended",
			       im->cert.name);
	pfx = find_pfx(im);
	if (read_parts(im, pfx, e) < 0)
		return -1;
	return pfx < 0 ? go_on(r, im, e) :
			 REQUEST_ASK(r, inspect, -1, inspected, slice_buf(&im->part[pfx]), slice_str(im->password),
				     slice_str(visitor_id(&r->visitor)));
}
