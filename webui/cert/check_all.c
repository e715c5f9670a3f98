/*
 * POST /api/v1/check: what people have of a certificate to be, or of one that is there, in one look: each part decoded,
 * what belongs together, and what an account's CA would say to an order.  Nothing of it is kept.
 */
#include <stdarg.h>

#include "base/clock.h"
#include "pki/file/collect.h"
#include "pki/file/decode.h"
#include "pki/file/pfx.h"
#include "pki/identifier.h"
#include "webui/cert/challenge.h"
#include "webui/http/name.h"
#include "webui/http/upload.h"
#include "webui/order/preview.h"

static const char *const parts[] = { "csr", "certificate", "chain", "key" };
#define PARTS ARRAY_SIZE(parts)

struct check_all {
	json_t *body;
	struct decoded decoded;
	struct buf part[PARTS];
	size_t next;		/* the part whose turn it is */
	char **names;		/* as given, but those that can be none; NULL: none are left */
	json_t *fits, *findings;
};

static void check_all_release(void *state)
{
	struct check_all *c = state;

	cleanup_body(&c->body);
	decode_release(&c->decoded);
	for (size_t i = 0; i < PARTS; i++)
		buf_wipe(&c->part[i]);
	strv_free(c->names);
	json_decref(c->fits);
	json_decref(c->findings);
}

/*
 * What belongs together.
 */

static void PRINTF_LIKE(3, 4) say(struct check_all *c, bool ok, const char *fmt, ...)
{
	json_t *one = json_object();
	va_list args;

	va_start(args, fmt);
	json_put_bool(one, "ok", ok);
	json_object_set_new(one, "says", json_vsprintf(fmt, args));
	va_end(args);
	json_array_append_new(c->fits, one);
}

static const struct cert *leaf_of(const struct check_all *c)
{
	for (size_t i = 0; i < c->decoded.certs.count; i++)
		if (!c->decoded.certs.cert[i].is_ca)
			return &c->decoded.certs.cert[i];
	return NULL;
}

static void compare_keys(struct check_all *c, const struct cert *leaf)
{
	const struct decoded *d = &c->decoded;

	for (size_t i = 0; i < d->spkis; i++) {
		struct slice key = slice_buf(&d->spki[i]);

		if (leaf && slice_eq(key, slice_buf(&leaf->spki)))
			say(c, true, "The private key belongs to the certificate.");
		else if (leaf)
			say(c, false, "The private key does not belong to the certificate.");
		if (d->has_csr && slice_eq(key, slice_buf(&d->csr.spki)))
			say(c, true, "The certificate request is made with the private key.");
		else if (d->has_csr)
			say(c, false, "The certificate request is not made with the private key.");
	}
	if (!leaf || !d->has_csr)
		return;
	if (slice_eq(slice_buf(&d->csr.spki), slice_buf(&leaf->spki)))
		say(c, true, "The certificate has the key of the request.");
	else
		say(c, false, "The certificate does not have the key of the request.");
}

/* Which of these names does the other not cover?  Owned; "": it covers all. */
static char *uncovered(char *const *names, char *const *by)
{
	struct buf list = BUF_INIT;

	for (char *const *name = names; name && *name; name++) {
		bool covered = strv_has(by, *name);

		for (char *const *one = by; !covered && one && *one; one++)
			covered = !identifier_is_wildcard(*name) && identifier_covers(*one, *name);
		if (!covered)
			buf_addf(&list, "%s%s", list.len ? ", " : "", *name);
	}
	return buf_detach(&list);
}

static void compare_names(struct check_all *c, char *const *names, const char *whose, char *const *by, const char *what)
{
	_cleanup_free_ char *missing = uncovered(names, by);

	if (missing && *missing)
		say(c, false, "%s does not have %s: %.300s.", what, whose, missing);
	else
		say(c, true, "%s has %s.", what, whose);
}

/* Up from the leaf, as far as the certificates that were sent lead. */
static void follow_chain(struct check_all *c, const struct cert *leaf)
{
	const struct chain *all = &c->decoded.certs;

	for (size_t i = 0; i < all->count; i++) {
		if (&all->cert[i] == leaf || cert_signed_by(leaf, &all->cert[i], NULL) < 0)
			continue;
		say(c, true, "The certificate is issued by %s, whose certificate is here.", cert_issuer(leaf));
		return;
	}
	if (all->count > 1)
		say(c, false, "None of the other certificates issued it: its issuer is %s.", cert_issuer(leaf));
	else
		say(c, false, "The certificate of its issuer %s is missing: web servers need it.", cert_issuer(leaf));
}

static void compare(struct check_all *c)
{
	const struct cert *leaf = leaf_of(c);

	compare_keys(c, leaf);
	if (leaf)
		follow_chain(c, leaf);
	if (leaf && c->decoded.has_csr)
		compare_names(c, c->decoded.csr.names, "the names of the request", leaf->names, "The certificate");
	if (leaf && c->names)
		compare_names(c, c->names, "the names you gave", leaf->names, "The certificate");
	if (c->decoded.has_csr && c->names)
		compare_names(c, c->names, "the names you gave", c->decoded.csr.names, "The certificate request");
}

/*
 * What a CA would say.
 */

static void refuse(struct check_all *c, const struct err *why)
{
	_cleanup_free_ char *text = xasprintf("%s.%s%s", why->message, why->hint[0] ? " " : "", why->hint);

	text[0] = (char)(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0]);
	json_array_append_new(c->findings, json_string(text));
}

/* The request, if it is for that; else a new key is made, of a type that every CA takes. */
static void judge_key(struct check_all *c, struct txn *t)
{
	struct err e = { 0 };
	enum key_type type;

	for (size_t i = 0; i < c->decoded.spkis; i++)
		if (admin_check_key(t, slice_buf(&c->decoded.spki[i]), &e) < 0)
			refuse(c, &e);
	if (!c->decoded.has_csr)
		return;
	err_clear(&e);
	if (admin_check_key(t, slice_buf(&c->decoded.csr.spki), &e) < 0 ||
	    spki_check(slice_buf(&c->decoded.csr.spki), &e) < 0 ||
	    spki_type(slice_buf(&c->decoded.csr.spki), &type, &e) < 0)
		refuse(c, &e);
	else if (!key_type_makeable(type))
		json_array_append_new(c->findings,
				      json_string("Most public CAs refuse keys of this type in a request: use RSA with "
						  "2048, 3072 or 4096 bits, P-256 or P-384."));
}

/* For names that no public CA can look at. */
static void judge_names(struct check_all *c, char *const *names)
{
	static const char *const inside[] = { ".local",     ".internal", ".lan", ".localhost",
					      ".home.arpa", ".corp",     ".test" };

	for (; names && *names; names++) {
		const char *base = identifier_base(*names);
		bool private = !strchr(base, '.') && !strchr(base, ':');

		for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
			private |= str_ends(base, inside[i]);
		if (private)
			json_array_append_new(c->findings,
					      json_sprintf("%s is not a public name: no public CA issues for it.",
							   *names));
	}
}

static char *const *ordered_names(const struct check_all *c)
{
	const struct cert *leaf = leaf_of(c);

	return c->names ? c->names : c->decoded.has_csr ? c->decoded.csr.names : leaf ? leaf->names : NULL;
}

/* Each that can be no name is a finding.  Owned; NULL: all are. */
static char **usable_names(struct check_all *c, char *const *typed)
{
	char **usable = NULL;

	for (; typed && *typed; typed++) {
		struct err why = { 0 };
		_cleanup_free_ char *name = identifier_normal(*typed, &why);

		if (!name)
			refuse(c, &why);
		else if (!strv_has(usable, name))
			strv_add(&usable, name);
	}
	return usable;
}

static void judge_identifiers(struct request *r, struct check_all *c, struct rec_cert *cert)
{
	_cleanup_strv_ char **usable = usable_names(c, ordered_names(c));
	struct err why = { 0 };

	for (char **name = usable; name && *name; name++) {
		struct err no = { 0 };

		if (admin_check_names(r, (char *[]){ *name, NULL }, &no) < 0)
			refuse(c, &no);
	}
	cert->names = usable ? identifier_list_of(usable, &why) : NULL;
	if (usable && (!cert->names || proof_read(cert, c->body, &why) < 0))
		refuse(c, &why);
}

static int judge_order(struct request *r, struct check_all *c, struct txn *t, json_t *answer, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	const char *name = json_str(c->body, "account");
	struct err why = { 0 };
	json_t *more;

	judge_identifiers(r, c, &cert);
	if (body_at("account", name_check(name, e), e) < 0)
		return -1;
	if (rec_account_by_name(t, &account, name, e) < 0)
		return body_at("account",
			       e->kind == ERR_MISSING ? err_set(e, ERR_CONFLICT, "there is no account %s", name) : -1,
			       e);
	if (admin_check_orders(&account, &why) < 0 ||
	    admin_check_profile(&account, json_str(c->body, "profile"), &why) < 0)
		refuse(c, &why);
	if (!account.staging && account.ca && *account.ca)
		judge_names(c, cert.names);
	judge_key(c, t);
	if (!cert.names)
		return 0;
	record_set(&cert.account_id, account.id);
	if (preview_put(answer, t, &cert, r->webui->settings->dns_hook, e) < 0)
		return -1;
	more = json_object_get(answer, "findings");
	json_array_extend(c->findings, more);
	return 0;
}

/*
 * The parts, one after the other.
 */

static int conclude(struct request *r, struct check_all *c, struct err *e)
{
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	bool wanted = json_str(c->body, "account"), named = c->names || json_array_size(c->findings);

	if (decode_is_empty(&c->decoded) && !named)
		return err_set(e, ERR_INVALID, "there is nothing to check: no request, certificate, key or name");
	compare(c);
	json_put_bool(answer, "orders", wanted);
	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (wanted && !ordered_names(c) && !named)
		return body_at("names", err_set(e, ERR_INVALID, "an order needs names: give some, or a request"), e);
	if (wanted && judge_order(r, c, t, answer, e) < 0)
		return -1;
	if (!wanted)
		judge_key(c, t);
	json_object_set_new(answer, "contents", decode_show(&c->decoded, clock_now()));
	json_object_set(answer, "fits", c->fits);
	json_object_set(answer, "findings", c->findings);
	return reply_json(r, 200, TAKE(answer));
}

static int next_part(struct request *, struct check_all *, struct err *);

static int inspected(struct request *r, const struct slice *field, struct err *e)
{
	struct check_all *c = r->state;
	_cleanup_strv_ char **refused = strv_split(field[2].data, "\n");

	if ((field[0].len && decode_add(&c->decoded, field[0], e) < 0) ||
	    (field[1].len && decode_add(&c->decoded, field[1], e) < 0))
		return -1;
	for (char **one = refused; one && *one; one++)
		if (**one)
			strv_add(&c->decoded.refused, *one);
	return next_part(r, c, e);
}

/* What is in it beside a private key.  What is nothing else is no fault. */
static int add_public(struct check_all *c, struct slice part, bool has_key, struct err *e)
{
	if (pfx_is(part) || decode_add(&c->decoded, part, has_key ? NULL : e) == 0)
		return 0;
	return has_key ? 0 : -1;
}

/* What has a private key in it, the keeper reads. */
static int next_part(struct request *r, struct check_all *c, struct err *e)
{
	while (c->next < PARTS) {
		size_t i = c->next++;
		struct slice part = slice_buf(&c->part[i]);
		const char *password = json_str(c->body, "password");
		bool has_key = part.len && (collect_has_key(part) || pfx_is(part));

		if (!part.len)
			continue;
		if (add_public(c, part, has_key, e) < 0)
			return body_at(parts[i], -1, e);
		if (has_key)
			return REQUEST_ASK(r, inspect, -1, inspected, part, slice_str(password ? password : ""),
					   slice_str(visitor_id(&r->visitor)));
	}
	return conclude(r, c, e);
}

static void read_names(struct check_all *c)
{
	const char *text = json_str(c->body, "names");
	_cleanup_strv_ char **typed = text ? identifier_split(text) : json_strv(c->body, "names");

	c->names = usable_names(c, typed);
}

int page_check_all(struct request *r, struct err *e)
{
	struct check_all *c = request_state(r, sizeof(*c), check_all_release);

	c->fits = json_array();
	c->findings = json_array();
	c->body = body_read(r, e);
	if (!c->body)
		return -1;
	for (size_t i = 0; i < PARTS; i++)
		if (body_at(parts[i], upload_read(&c->part[i], parts[i], json_str(c->body, parts[i]), e), e) < 0)
			return -1;
	read_names(c);
	return next_part(r, c, e);
}
