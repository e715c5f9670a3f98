/* The rows of proto.def about API keys, private keys and other secrets. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "keeper/at_hand.h"
#include "keeper/call.h"
#include "keeper/marks.h"
#include "keeper/pack.h"
#include "keeper/peer.h"
#include "keeper/witness.h"
#include "pki/csr.h"
#include "pki/file/pem.h"
#include "pki/file/pfx.h"

/* Kinds of blobs beside those of access.h. */
#define CHECK "check"
#define MATERIAL "key"
#define HMAC "hmac"
#define CONFIG "config"

#define ID_BYTES 16
#define WARN_APART_MS 60000

int op_check_new(struct call *c, struct err *e)
{
	seal_close(&c->room->seal, CHECK, slice_str(""), slice_str("certera"), call_out(c, "blob"));
	return 0;
}

int op_check(struct call *c, struct err *e)
{
	_cleanup_buf_ struct buf inside = BUF_INIT;

	return seal_open(&c->room->seal, CHECK, slice_str(""), call_in(c, "blob"), &inside, e);
}

/* A new identity with two API keys: the fields every *_new op answers. */
static void make_access(struct call *c, const char *kind, const char *use)
{
	_cleanup_access_ struct access a = { .kind = kind };
	_cleanup_free_ char *id = random_hex(ID_BYTES);

	snprintf(a.use, sizeof(a.use), "%s", use);
	access_rotate(&a, 0, call_out(c, "apikey1"));
	access_rotate(&a, 1, call_out(c, "apikey2"));
	buf_add_str(call_out(c, "id"), id);
	access_close(&a, &c->room->seal, slice_str(id), call_out(c, "access"));
}

/* Opens what is not over. */
static int open_access(const struct call *c, struct access *a, const char *kind, const char *id, const char *blob,
		       struct err *e)
{
	return access_open(a, &c->room->seal, kind, call_in(c, id), call_in(c, blob), e) < 0 ||
	       marks_check(c->room->marks, call_in(c, id), a->generation, clock_mono_ms(), e) < 0 ? -1 : 0;
}

/* What it was before is over when this is settled. */
static int close_access(struct call *c, struct access *a, struct err *e)
{
	if (a->generation == ACCESS_GENERATION_MOST)
		return err_set(e, ERR_LIMIT, "these API keys were changed %d times, which is as far as is counted",
			       ACCESS_GENERATION_MOST);
	a->generation++;
	access_close(a, &c->room->seal, call_in(c, "id"), call_out(c, "access"));
	return 0;
}

int op_settled(struct call *c, struct err *e)
{
	struct slice id = call_in(c, "id"), blob = call_in(c, "blob");
	_cleanup_access_ struct access a = { 0 };
	_cleanup_person_ struct person p = { 0 };
	uint32_t generation;

	if (person_open(&p, &c->room->seal, id, blob, NULL) == 0)
		generation = p.generation;
	else if (access_open(&a, &c->room->seal, NULL, id, blob, e) == 0)
		generation = a.generation;
	else
		return -1;
	if (marks_check(c->room->marks, id, generation, clock_mono_ms(), e) < 0)
		return err_prefix(e, "the record %s", (const char *)id.data);
	marks_raise(c->room->marks, id, generation, clock_mono_ms());
	return 0;
}

int op_access_new(struct call *c, struct err *e)
{
	make_access(c, ACCESS_CERTIFICATE, "");
	return 0;
}

/* Whoever asks is told only that the API key is wrong. */
static void warn_of_old(const char *id, const struct err *why)
{
	static int64_t next_ms;		/* one thread answers this question */
	int64_t now = clock_mono_ms();

	if (now < next_ms)
		return;
	next_ms = now + WARN_APART_MS;
	log_warn("the API keys of the record %.40s: %s", id, why->message);
}

int op_access_check(struct call *c, struct err *e)
{
	const struct seal *seal = &c->room->seal;
	struct slice blob = call_in(c, "access");
	_cleanup_access_ struct access a = { 0 };
	struct err over = { 0 };
	bool opened;
	int slot;

	/* A name that does not exist must take as long as a wrong API key. */
	if (seal_check(seal, blob, NULL) < 0)
		blob = slice_buf(&c->room->nobody);
	opened = access_open(&a, seal, NULL, call_in(c, "id"), blob, NULL) == 0;
	opened &= marks_check(c->room->marks, call_in(c, "id"), a.generation, clock_mono_ms(), &over) == 0;
	if (err_is_set(&over))
		warn_of_old(call_in(c, "id").data, &over);
	slot = access_slot(&a, call_in(c, "apikey"));
	buf_addf(call_out(c, "slot"), "%d", opened ? slot : 0);
	return 0;
}

bool call_by_peer(const struct call *c)
{
	return slice_eq(call_in(c, "proof"), slice_str(KEEPER_PROOF_PEER));
}

/* Has a person who works with keys just given the password? */
static bool by_person(const struct call *c)
{
	struct witness who;

	return witness_find(c->room->witnesses, call_in(c, "proof"), &who) && who.role != PERSON_VIEWER;
}

/*
 * Who may have what is secret: the holder of one of its API keys, a person on this machine,
 * or one who has just proved it.
 */
static int check_proof(const struct call *c, const struct access *a, struct err *e)
{
	struct slice proof = call_in(c, "proof");

	if (call_by_peer(c))
		return peer_check(c->proof_fd, c->room->daemon, &c->room->admins, c->room->user, e);
	if (by_person(c))
		return witness_opens(c->room->witnesses, proof, call_in(c, "id")) ? 0 : witness_unconfirmed(e);
	if (witness_check_stale(c->room->witnesses, proof, e) < 0)
		return -1;
	if (!a || !access_slot(a, proof))
		return err_set(e, ERR_DENIED, "the API key is not one of this record");
	return 0;
}

static const char *asked_how(const struct call *c)
{
	return call_by_peer(c) ? "on a local connection" :
	       by_person(c) ? "by a person, with the password" : "with an API key";
}

int op_access_rotate(struct call *c, struct err *e)
{
	struct slice slot = call_in(c, "slot");
	_cleanup_access_ struct access a = { 0 };

	if (!slice_eq(slot, slice_str("1")) && !slice_eq(slot, slice_str("2")))
		return err_set(e, ERR_INVALID, "there are the API keys 1 and 2");
	if (open_access(c, &a, NULL, "id", "access", e) < 0 ||
	    check_proof(c, &a, e) < 0)
		return -1;
	access_rotate(&a, slice_eq(slot, slice_str("1")) ? 0 : 1, call_out(c, "apikey"));
	return close_access(c, &a, e);
}

/* The answer fields of a new version of a key. */
static int put_material(struct call *c, const struct key *key, struct slice id, struct err *e)
{
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;

	if (key_pkcs8(key, &der, e) < 0 || key_spki(key, call_out(c, "spki"), e) < 0)
		return -1;
	seal_close(&c->room->seal, MATERIAL, id, slice_buf(&der), call_out(c, "material"));
	return 0;
}

static int open_material(const struct call *c, struct buf *der, struct err *e)
{
	return seal_open(&c->room->seal, MATERIAL, call_in(c, "id"), call_in(c, "material"), der, e);
}

static struct key *read_key(const struct call *c, struct err *e)
{
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;

	return open_material(c, &der, e) < 0 ? NULL : key_reopen(slice_buf(&der), e);
}

/* A private key in any file; of a PFX the first one. */
static struct key *parse_any(struct slice file, const char *password, struct err *e)
{
	_cleanup_pfx_ struct pfx pfx = { 0 };

	if (!pfx_is(file))
		return key_parse(file, *password ? password : NULL, e);
	if (pfx_read(&pfx, file, password, e) < 0)
		return NULL;
	if (!pfx.keys) {
		err_set(e, ERR_INVALID, "there is no private key in the PFX file");
		return NULL;
	}
	return key_parse(slice_buf(&pfx.key[0]), NULL, e);
}

static struct key *generate(const struct call *c, struct err *e)
{
	const char *word = call_text(c, "type", e);
	enum key_type type;

	if (!word || key_type_by_word(word, &type, e) < 0)
		return NULL;
	if (!key_type_makeable(type)) {
		err_set(e, ERR_INVALID, "keys of type %s can be imported, but not made", word);
		return NULL;
	}
	return key_generate(type, e);
}

static const char *read_use(const struct call *c, struct err *e)
{
	static const char *const uses[] = { KEEPER_USE_CERTIFICATE, KEEPER_USE_ACCOUNT, KEEPER_USE_SITE };

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (slice_eq(call_in(c, "use"), slice_str(uses[i])))
			return uses[i];
	err_set(e, ERR_INVALID, "a key is for use \"%s\", \"%s\" or \"%s\"", uses[0], uses[1], uses[2]);
	return NULL;
}

static int put_new_key(struct call *c, const struct key *key, const char *use, struct err *e)
{
	make_access(c, ACCESS_KEY, use);
	return put_material(c, key, slice_buf(call_out(c, "id")), e);
}

/* Its certificate request comes next, and once: see op_csr(). */
static void keep_at_hand(struct call *c, struct slice id, struct key *key)
{
	at_hand_put(c->room->at_hand, id, slice_buf(call_out(c, "material")), key);
}

int op_key_new(struct call *c, struct err *e)
{
	const char *use = read_use(c, e);
	_cleanup_key_ struct key *key = use ? generate(c, e) : NULL;

	if (!key || put_new_key(c, key, use, e) < 0)
		return -1;
	keep_at_hand(c, slice_buf(call_out(c, "id")), TAKE(key));
	return 0;
}

int op_key_import(struct call *c, struct err *e)
{
	const char *use = read_use(c, e), *password = call_text(c, "password", e);
	_cleanup_key_ struct key *key = NULL;

	if (!use || !password)
		return -1;
	key = parse_any(call_in(c, "pem"), password, e);
	return key ? put_new_key(c, key, use, e) : -1;
}

int op_key_next(struct call *c, struct err *e)
{
	_cleanup_key_ struct key *key = NULL;
	_cleanup_access_ struct access a = { 0 };

	/* Only the id of a key gets a version; what it may be used for stays in the access blob. */
	if (open_access(c, &a, ACCESS_KEY, "id", "access", e) < 0)
		return -1;
	key = generate(c, e);
	if (!key || put_material(c, key, call_in(c, "id"), e) < 0)
		return -1;
	keep_at_hand(c, call_in(c, "id"), TAKE(key));
	return 0;
}

int op_sign(struct call *c, struct err *e)
{
	struct slice id = call_in(c, "id"), material = call_in(c, "material");
	struct key *key = at_hand_take(c->room->at_hand, id, material);
	int ret;

	if (!key)
		key = read_key(c, e);
	if (!key)
		return -1;
	ret = key_sign(key, call_in(c, "data"), call_out(c, "signature"), e);
	at_hand_put(c->room->at_hand, id, material, key);
	return ret;
}

int op_csr(struct call *c, struct err *e)
{
	const char *names = call_text(c, "names", e), *text = names ? call_text(c, "details", e) : NULL;
	_cleanup_strv_ char **list = names ? strv_split(names, "\n") : NULL;
	_cleanup_free_ char *lines = text ? xstrdup(text) : NULL;
	_cleanup_key_ struct key *key =
		text ? at_hand_take(c->room->at_hand, call_in(c, "id"), call_in(c, "material")) : NULL;
	struct csr_details details = { 0 };

	if (text && !key)
		key = read_key(c, e);
	if (!key)
		return -1;
	details_read(&details, lines);
	return csr_make(key, list, &details, call_out(c, "der"), e);
}

/* It goes out as it was sealed: PKCS#8 already. */
int op_key_export(struct call *c, struct err *e)
{
	bool pem = slice_eq(call_in(c, "format"), slice_str("pem"));
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;
	struct buf *out = call_out(c, "key");
	_cleanup_access_ struct access a = { 0 };

	if (!pem && !slice_eq(call_in(c, "format"), slice_str("der")))
		return err_set(e, ERR_USAGE, "a key is exported as \"pem\" or \"der\"");
	if (open_access(c, &a, ACCESS_KEY, "id", "access", e) < 0 ||
	    check_proof(c, &a, e) < 0)
		return -1;
	if (str_eq(a.use, KEEPER_USE_ACCOUNT) && !call_by_peer(c) && !by_person(c)) {
		err_set(e, ERR_DENIED, "the key of an account is not exported by API key");
		return err_hint(e, "An administrator can export it, signed in or on the server itself.");
	}
	if (open_material(c, &der, e) < 0)
		return -1;
	log_info("key %s goes out, asked for %s", (const char *)call_in(c, "id").data, asked_how(c));
	if (pem)
		pem_add(out, "PRIVATE KEY", slice_buf(&der));
	else
		buf_add(out, der.data, der.len);
	return 0;
}

int op_access_allow(struct call *c, struct err *e)
{
	_cleanup_access_ struct access a = { 0 };

	if (witness_check_stale(c->room->witnesses, call_in(c, "proof"), e) < 0)
		return -1;
	if (!call_by_peer(c) && !by_person(c))
		return err_set(e, ERR_DENIED, "only a person says what the API keys of a certificate may have");
	if (check_proof(c, NULL, e) < 0 ||
	    open_access(c, &a, ACCESS_CERTIFICATE, "id", "access", e) < 0)
		return -1;
	a.withheld = !slice_eq(call_in(c, "allow"), slice_str("1"));
	return close_access(c, &a, e);
}

int op_key_grant(struct call *c, struct err *e)
{
	const char *text = call_text(c, "certificates", e);
	_cleanup_strv_ char **ids = text ? strv_split(text, "\n") : NULL;
	_cleanup_access_ struct access a = { 0 };

	if (!text || open_access(c, &a, ACCESS_KEY, "id", "access", e) < 0 ||
	    check_proof(c, &a, e) < 0)
		return -1;
	a.grants = 0;
	for (size_t i = 0; i < strv_len(ids); i++)
		if (access_grant(&a, slice_str(ids[i]), e) < 0)
			return -1;
	return close_access(c, &a, e);
}

int op_key_replace(struct call *c, struct err *e)
{
	const char *password = call_text(c, "password", e);
	_cleanup_key_ struct key *key = NULL;
	_cleanup_access_ struct access a = { 0 };

	if (!password || open_access(c, &a, ACCESS_KEY, "id", "access", e) < 0)
		return -1;
	key = parse_any(call_in(c, "pem"), password, e);
	return key ? put_material(c, key, call_in(c, "id"), e) : -1;
}

static int put_public(struct call *c, const struct key *key, struct err *e)
{
	_cleanup_buf_ struct buf spki = BUF_INIT;

	if (key_spki(key, &spki, e) < 0)
		return -1;
	spki_pem(slice_buf(&spki), call_out(c, "keys"));
	return 0;
}

/* One that is readable, but not used here, is no reason to say nothing of what is with it. */
static int inspect_key(struct call *c, struct slice file, const char *password, struct err *e)
{
	bool refused;
	_cleanup_key_ struct key *key = key_look(file, password, &refused, e);

	if (key)
		return put_public(c, key, e);
	if (!refused)
		return -1;
	buf_addf(call_out(c, "refused"), "%s\n", e->message);
	err_clear(e);
	return 0;
}

static int inspect_pfx(struct call *c, const char *password, struct err *e)
{
	_cleanup_pfx_ struct pfx pfx = { 0 };

	if (pfx_read(&pfx, call_in(c, "file"), password, e) < 0)
		return -1;
	chain_pem(&pfx.certs, 0, pfx.certs.count, call_out(c, "certificates"));
	for (size_t i = 0; i < pfx.keys; i++)
		if (inspect_key(c, slice_buf(&pfx.key[i]), NULL, e) < 0)
			return -1;
	return 0;
}

int op_inspect(struct call *c, struct err *e)
{
	const char *password = call_text(c, "password", e);

	if (!password)
		return -1;
	if (pfx_is(call_in(c, "file")))
		return inspect_pfx(c, password, e);
	return inspect_key(c, call_in(c, "file"), *password ? password : NULL, e);
}

/*
 * May whoever asks have this key inside a file?  Its own proof is enough.  An API key of a certificate is, if the
 * certificate's blob does not withhold it and the key's blob names this certificate: only who could have the key
 * anyway could have written that (key_grant).
 */
static int check_permit(const struct call *c, const struct access *key, struct err *e)
{
	struct slice id = call_in(c, "certificate");
	_cleanup_access_ struct access permit = { 0 };

	if (str_eq(key->use, KEEPER_USE_ACCOUNT))
		return err_set(e, ERR_DENIED, "the key of an account goes into no file with a certificate");
	if (call_by_peer(c) || by_person(c) || access_slot(key, call_in(c, "proof")))
		return check_proof(c, key, e);
	if (witness_check_stale(c->room->witnesses, call_in(c, "proof"), e) < 0)
		return -1;
	if (open_access(c, &permit, ACCESS_CERTIFICATE, "certificate", "permit", e) < 0)
		return -1;
	if (!access_slot(&permit, call_in(c, "proof")))
		return err_set(e, ERR_DENIED, "the API key is not one of this record");
	if (permit.withheld) {
		err_set(e, ERR_DENIED, "the API keys of this certificate may not download its private key");
		return err_hint(e, "`certeractl cert key-download NAME on` on the server allows it; "
				   "the key's own API keys fetch it from /api/key/.");
	}
	if (!access_granted(key, id)) {
		err_set(e, ERR_DENIED, "the key was not made for this certificate: its API keys may not download it");
		return err_hint(e, "`certeractl cert key-download NAME on` on the server allows it.");
	}
	return 0;
}

int op_pack(struct call *c, struct err *e)
{
	const char *format = call_text(c, "format", e), *name = call_text(c, "name", e),
		   *password = call_text(c, "password", e);
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_key_ struct key *key = NULL;
	_cleanup_access_ struct access a = { 0 };

	if (!format || !name || !password ||
	    open_access(c, &a, ACCESS_KEY, "id", "access", e) < 0 ||
	    check_permit(c, &a, e) < 0 || chain_parse(&chain, call_in(c, "chain"), e) < 0)
		return -1;
	key = read_key(c, e);
	if (!key || pack_write(format, &(struct pack){ key, &chain, name, password }, call_out(c, "file"), e) < 0)
		return -1;
	log_info("key %s goes out as %s, asked for %s", (const char *)call_in(c, "id").data, format, asked_how(c));
	return 0;
}

int op_site_key(struct call *c, struct err *e)
{
	_cleanup_access_ struct access a = { 0 };

	if (open_access(c, &a, ACCESS_KEY, "id", "access", e) < 0)
		return -1;
	if (!str_eq(a.use, KEEPER_USE_SITE))
		return err_set(e, ERR_DENIED, "this key was not made for Certera's own site");
	return open_material(c, call_out(c, "der"), e);
}

int op_seal(struct call *c, struct err *e)
{
	static const char *const kinds[] = { HMAC, CONFIG };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!slice_eq(call_in(c, "kind"), slice_str(kinds[i])))
			continue;
		seal_close(&c->room->seal, kinds[i], call_in(c, "id"), call_in(c, "secret"), call_out(c, "blob"));
		return 0;
	}
	return err_set(e, ERR_INVALID, "secrets are sealed as \"%s\" or \"%s\"", kinds[0], kinds[1]);
}

int op_open(struct call *c, struct err *e)
{
	return seal_open(&c->room->seal, CONFIG, call_in(c, "id"), call_in(c, "blob"), call_out(c, "secret"), e);
}

int op_hmac(struct call *c, struct err *e)
{
	_cleanup_buf_wipe_ struct buf secret = BUF_INIT;
	const char *alg = call_text(c, "alg", e);
	unsigned char mac[HMAC_MAX];
	size_t len;

	if (!alg || seal_open(&c->room->seal, HMAC, call_in(c, "id"), call_in(c, "blob"), &secret, e) < 0)
		return -1;
	len = hmac_by_name(alg, slice_buf(&secret), call_in(c, "data"), mac);
	if (!len)
		return err_set(e, ERR_INVALID, "there is no MAC called \"%.20s\"", alg);
	buf_add(call_out(c, "mac"), mac, len);
	return 0;
}
