#include "keeper/ops.h"

#include <unistd.h>

#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "keeper/call.h"
#include "keeper/pack.h"
#include "keeper/peer.h"
#include "keeper/person.h"
#include "pki/csr.h"
#include "pki/pfx.h"

/* Kinds of blobs beside those of access.h. */
#define CHECK "check"
#define MATERIAL "key"
#define HMAC "hmac"
#define CONFIG "config"

#define ID_BYTES 16

struct slice call_in(const struct call *c, const char *name)
{
	return c->question.field[proto_index(c->op->question, name)];
}

struct buf *call_out(struct call *c, const char *name)
{
	return &c->answer[proto_index(c->op->answer, name)];
}

const char *call_text(const struct call *c, const char *name, struct err *e)
{
	struct slice s = call_in(c, name);

	if (!memchr(s.data, '\0', s.len))
		return s.data;
	err_set(e, ERR_INVALID, "the %s has a NUL byte in it", name);
	return NULL;
}

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
	struct access a = { .kind = kind };
	_cleanup_free_ char *id = random_hex(ID_BYTES);

	snprintf(a.use, sizeof(a.use), "%s", use);
	access_rotate(&a, 0, call_out(c, "apikey1"));
	access_rotate(&a, 1, call_out(c, "apikey2"));
	buf_add_str(call_out(c, "id"), id);
	access_close(&a, &c->room->seal, slice_str(id), call_out(c, "access"));
}

int op_access_new(struct call *c, struct err *e)
{
	make_access(c, ACCESS_CERTIFICATE, "");
	return 0;
}

int op_access_check(struct call *c, struct err *e)
{
	const struct seal *seal = &c->room->seal;
	struct slice blob = call_in(c, "access");
	struct access a;
	bool opened;
	int slot;

	/* A name that does not exist must take as long as a wrong API key. */
	if (seal_check(seal, blob, NULL))
		blob = slice_buf(&c->room->nobody);
	opened = !access_open(&a, seal, NULL, call_in(c, "id"), blob, NULL);
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
		return peer_check(c->proof_fd, c->room->daemon, c->room->user, e);
	if (by_person(c))
		return 0;
	if (witness_check_stale(c->room->witnesses, proof, e))
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
	struct access a;

	if (!slice_eq(slot, slice_str("1")) && !slice_eq(slot, slice_str("2")))
		return err_set(e, ERR_INVALID, "a record has the API keys 1 and 2");
	if (access_open(&a, &c->room->seal, NULL, call_in(c, "id"), call_in(c, "access"), e) || check_proof(c, &a, e))
		return -1;
	access_rotate(&a, slice_eq(slot, slice_str("1")) ? 0 : 1, call_out(c, "apikey"));
	access_close(&a, &c->room->seal, call_in(c, "id"), call_out(c, "access"));
	return 0;
}

/* The answer fields of a new version of a key. */
static int put_material(struct call *c, const struct key *key, struct slice id, struct err *e)
{
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;

	if (key_pkcs8(key, &der, e) || key_spki(key, call_out(c, "spki"), e))
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

	return open_material(c, &der, e) ? NULL : key_parse(slice_buf(&der), NULL, e);
}

/* A private key in any file; of a PFX the first one. */
static struct key *parse_any(struct slice file, const char *password, struct err *e)
{
	_cleanup_pfx_ struct pfx pfx = { 0 };

	if (!pfx_is(file))
		return key_parse(file, *password ? password : NULL, e);
	if (pfx_read(&pfx, file, password, e))
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

	if (!word || key_type_by_word(word, &type, e))
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

int op_key_new(struct call *c, struct err *e)
{
	const char *use = read_use(c, e);
	_cleanup_key_ struct key *key = use ? generate(c, e) : NULL;

	return key ? put_new_key(c, key, use, e) : -1;
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
	struct access a;

	/* Only the id of a key gets a version; what it may be used for stays in the access blob. */
	if (access_open(&a, &c->room->seal, ACCESS_KEY, call_in(c, "id"), call_in(c, "access"), e))
		return -1;
	key = generate(c, e);
	return key ? put_material(c, key, call_in(c, "id"), e) : -1;
}

int op_sign(struct call *c, struct err *e)
{
	_cleanup_key_ struct key *key = read_key(c, e);

	return key ? key_sign(key, call_in(c, "data"), call_out(c, "signature"), e) : -1;
}

int op_csr(struct call *c, struct err *e)
{
	const char *names = call_text(c, "names", e);
	_cleanup_strv_ char **list = names ? strv_split(names, "\n") : NULL;
	_cleanup_key_ struct key *key = names ? read_key(c, e) : NULL;

	return key ? csr_make(key, list, NULL, call_out(c, "der"), e) : -1;
}

int op_key_export(struct call *c, struct err *e)
{
	bool pem = slice_eq(call_in(c, "format"), slice_str("pem"));
	_cleanup_key_ struct key *key = NULL;
	struct access a;

	if (!pem && !slice_eq(call_in(c, "format"), slice_str("der")))
		return err_set(e, ERR_USAGE, "a key is exported as \"pem\" or \"der\"");
	if (access_open(&a, &c->room->seal, ACCESS_KEY, call_in(c, "id"), call_in(c, "access"), e) ||
	    check_proof(c, &a, e))
		return -1;
	if (str_eq(a.use, KEEPER_USE_ACCOUNT) && !call_by_peer(c) && !by_person(c)) {
		err_set(e, ERR_DENIED, "the key of an account is not exported by API key");
		return err_hint(e, "Use `certeractl key export` on the server itself.");
	}
	key = read_key(c, e);
	if (!key)
		return -1;
	log_info("key %s goes out, asked for %s", (const char *)call_in(c, "id").data, asked_how(c));
	return pem ? key_pem(key, call_out(c, "key"), e) : key_pkcs8(key, call_out(c, "key"), e);
}

int op_access_allow(struct call *c, struct err *e)
{
	struct access a;

	if (witness_check_stale(c->room->witnesses, call_in(c, "proof"), e))
		return -1;
	if (!call_by_peer(c) && !by_person(c))
		return err_set(e, ERR_DENIED, "only a person says what the API keys of a certificate may have");
	if (check_proof(c, NULL, e) ||
	    access_open(&a, &c->room->seal, ACCESS_CERTIFICATE, call_in(c, "id"), call_in(c, "access"), e))
		return -1;
	a.withheld = !slice_eq(call_in(c, "allow"), slice_str("1"));
	access_close(&a, &c->room->seal, call_in(c, "id"), call_out(c, "access"));
	return 0;
}

int op_key_grant(struct call *c, struct err *e)
{
	const char *text = call_text(c, "certificates", e);
	_cleanup_strv_ char **ids = text ? strv_split(text, "\n") : NULL;
	struct access a;

	if (!text || access_open(&a, &c->room->seal, ACCESS_KEY, call_in(c, "id"), call_in(c, "access"), e) ||
	    check_proof(c, &a, e))
		return -1;
	a.grants = 0;
	for (size_t i = 0; i < strv_len(ids); i++)
		if (access_grant(&a, slice_str(ids[i]), e))
			return -1;
	access_close(&a, &c->room->seal, call_in(c, "id"), call_out(c, "access"));
	return 0;
}

int op_key_replace(struct call *c, struct err *e)
{
	const char *password = call_text(c, "password", e);
	_cleanup_key_ struct key *key = NULL;
	struct access a;

	if (!password || access_open(&a, &c->room->seal, ACCESS_KEY, call_in(c, "id"), call_in(c, "access"), e))
		return -1;
	key = parse_any(call_in(c, "pem"), password, e);
	return key ? put_material(c, key, call_in(c, "id"), e) : -1;
}

static int put_public(struct call *c, const struct key *key, struct err *e)
{
	_cleanup_buf_ struct buf spki = BUF_INIT;

	if (key_spki(key, &spki, e))
		return -1;
	spki_pem(slice_buf(&spki), call_out(c, "keys"));
	return 0;
}

static int inspect_pfx(struct call *c, const char *password, struct err *e)
{
	_cleanup_pfx_ struct pfx pfx = { 0 };

	if (pfx_read(&pfx, call_in(c, "file"), password, e))
		return -1;
	chain_pem(&pfx.certs, 0, pfx.certs.count, call_out(c, "certificates"));
	for (size_t i = 0; i < pfx.keys; i++) {
		_cleanup_key_ struct key *key = key_parse(slice_buf(&pfx.key[i]), NULL, e);

		if (!key || put_public(c, key, e))
			return -1;
	}
	return 0;
}

int op_inspect(struct call *c, struct err *e)
{
	const char *password = call_text(c, "password", e);
	_cleanup_key_ struct key *key = NULL;

	if (!password)
		return -1;
	if (pfx_is(call_in(c, "file")))
		return inspect_pfx(c, password, e);
	key = key_parse(call_in(c, "file"), *password ? password : NULL, e);
	return key ? put_public(c, key, e) : -1;
}

/*
 * May whoever asks have this key inside a file?  Its own proof is enough.  An API key of a certificate is, if the
 * certificate's blob does not withhold it and the key's blob names this certificate: only who could have the key
 * anyway could have written that (key_grant).
 */
static int check_permit(const struct call *c, const struct access *key, struct err *e)
{
	struct slice id = call_in(c, "certificate");
	struct access permit;

	if (str_eq(key->use, KEEPER_USE_ACCOUNT))
		return err_set(e, ERR_DENIED, "the key of an account goes into no file with a certificate");
	if (call_by_peer(c) || by_person(c) || access_slot(key, call_in(c, "proof")))
		return check_proof(c, key, e);
	if (witness_check_stale(c->room->witnesses, call_in(c, "proof"), e))
		return -1;
	if (access_open(&permit, &c->room->seal, ACCESS_CERTIFICATE, id, call_in(c, "permit"), e))
		return -1;
	if (!access_slot(&permit, call_in(c, "proof")))
		return err_set(e, ERR_DENIED, "the API key is not one of this record");
	if (permit.withheld) {
		err_set(e, ERR_DENIED, "the API keys of this certificate may not fetch its private key");
		return err_hint(e, "`certeractl cert key-download NAME on` on the server allows it; "
				   "the key's own API keys fetch it from /api/key/.");
	}
	if (!access_granted(key, id)) {
		err_set(e, ERR_DENIED, "the key was not made for this certificate: its API keys may not fetch it");
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
	struct access a;

	if (!format || !name || !password ||
	    access_open(&a, &c->room->seal, ACCESS_KEY, call_in(c, "id"), call_in(c, "access"), e) ||
	    check_permit(c, &a, e) || chain_parse(&chain, call_in(c, "chain"), e))
		return -1;
	key = read_key(c, e);
	if (!key || pack_write(format, &(struct pack){ key, &chain, name, password }, call_out(c, "file"), e))
		return -1;
	log_info("key %s goes out as %s, asked for %s", (const char *)call_in(c, "id").data, format, asked_how(c));
	return 0;
}

int op_site_key(struct call *c, struct err *e)
{
	struct access a;

	if (access_open(&a, &c->room->seal, ACCESS_KEY, call_in(c, "id"), call_in(c, "access"), e))
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

	if (!alg || seal_open(&c->room->seal, HMAC, call_in(c, "id"), call_in(c, "blob"), &secret, e))
		return -1;
	len = hmac_by_name(alg, slice_buf(&secret), call_in(c, "data"), mac);
	if (!len)
		return err_set(e, ERR_INVALID, "there is no MAC called \"%.20s\"", alg);
	buf_add(call_out(c, "mac"), mac, len);
	return 0;
}

static int (*const functions[])(struct call *, struct err *) = {
#define OP(name, speed, question, answer) op_##name,
#include "keeper/proto.def"
#undef OP
};

void room_init(struct room *r, const unsigned char master_key[SEAL_KEY_SIZE], const char *origin, pid_t daemon)
{
	const struct access nobody = { .kind = ACCESS_KEY };

	*r = (struct room){ .daemon = daemon, .user = geteuid() };
	r->witnesses = witnesses_new();
	seal_init(&r->seal, master_key, origin);
	access_close(&nobody, &r->seal, slice_str(""), &r->nobody);
}

void room_release(struct room *r)
{
	seal_release(&r->seal);
	buf_wipe(&r->nobody);
	witnesses_free(r->witnesses);
}

static int ask(struct call *c, struct slice packet, struct err *e)
{
	size_t expected;

	if (proto_decode(&c->question, packet, e))
		return -1;
	c->op = proto_op(c->question.code);
	if (!c->op)
		return err_set(e, ERR_USAGE, "the keeper does not know question %d", c->question.code);
	expected = proto_arity(c->op->question);
	if (c->question.count != expected)
		return err_set(e, ERR_USAGE, "%s takes %zu fields (%s), %zu came", c->op->name, expected,
			       c->op->question, c->question.count);
	return functions[c->question.code](c, e);
}

static int encode_answer(const struct call *c, struct buf *answer, struct err *e)
{
	struct message m = { .id = c->question.id, .code = PROTO_OK, .count = proto_arity(c->op->answer) };

	for (size_t i = 0; i < m.count; i++)
		m.field[i] = slice_buf(&c->answer[i]);
	return proto_encode(answer, &m, e);
}

void ops_answer(const struct room *room, struct slice packet, int proof_fd, struct buf *answer)
{
	struct call c = { .room = room, .proof_fd = proof_fd };
	struct err e = { 0 };

	if (ask(&c, packet, &e) || encode_answer(&c, answer, &e))
		proto_encode_err(answer, c.question.id, &e);
	for (size_t i = 0; i < KEEPER_FIELDS; i++)
		buf_wipe(&c.answer[i]);
}

bool ops_slow(struct slice packet)
{
	struct message m;
	const struct proto_op *op = proto_decode(&m, packet, NULL) ? NULL : proto_op(m.code);

	return op && op->speed == SLOW;
}
