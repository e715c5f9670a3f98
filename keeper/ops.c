#include "keeper/ops.h"

#include <crypt.h>
#include <errno.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "keeper/access.h"
#include "keeper/peer.h"
#include "pki/csr.h"
#include "pki/key.h"

/* Kinds of blobs beside those of access.h. */
#define CHECK "check"
#define MATERIAL "key"
#define HMAC "hmac"
#define CONFIG "config"

#define ID_BYTES 16
#define YESCRYPT "$y$"

/* One question under way.  Its fields go by their names in proto.def. */
struct call {
	const struct room *room;
	const struct proto_op *op;
	struct message question;
	int proof_fd;
	struct buf answer[KEEPER_FIELDS];
};

static struct slice in(const struct call *c, const char *name)
{
	return c->question.field[proto_index(c->op->question, name)];
}

static struct buf *out(struct call *c, const char *name)
{
	return &c->answer[proto_index(c->op->answer, name)];
}

/* A field as a string; NULL if a NUL would hide part of it. */
static const char *text_in(const struct call *c, const char *name, struct err *e)
{
	struct slice s = in(c, name);

	if (!memchr(s.data, '\0', s.len))
		return s.data;
	err_set(e, ERR_INVALID, "the %s has a NUL byte in it", name);
	return NULL;
}

static int op_check_new(struct call *c, struct err *e)
{
	seal_close(&c->room->seal, CHECK, slice_str(""), slice_str("certera"), out(c, "blob"));
	return 0;
}

static int op_check(struct call *c, struct err *e)
{
	_cleanup_buf_ struct buf inside = BUF_INIT;

	return seal_open(&c->room->seal, CHECK, slice_str(""), in(c, "blob"), &inside, e);
}

/* A new identity with two API keys: the fields every *_new op answers. */
static void make_access(struct call *c, const char *kind, const char *use)
{
	struct access a = { .kind = kind };
	_cleanup_free_ char *id = random_hex(ID_BYTES);

	snprintf(a.use, sizeof(a.use), "%s", use);
	access_rotate(&a, 0, out(c, "apikey1"));
	access_rotate(&a, 1, out(c, "apikey2"));
	buf_add_str(out(c, "id"), id);
	access_close(&a, &c->room->seal, slice_str(id), out(c, "access"));
}

static int op_access_new(struct call *c, struct err *e)
{
	make_access(c, ACCESS_CERTIFICATE, "");
	return 0;
}

static int op_access_check(struct call *c, struct err *e)
{
	const struct seal *seal = &c->room->seal;
	struct slice blob = in(c, "access");
	struct access a;
	bool opened;
	int slot;

	/* A name that does not exist must take as long as a wrong API key. */
	if (seal_check(seal, blob, NULL))
		blob = slice_buf(&c->room->nobody);
	opened = !access_open(&a, seal, NULL, in(c, "id"), blob, NULL);
	slot = access_slot(&a, in(c, "apikey"));
	buf_addf(out(c, "slot"), "%d", opened ? slot : 0);
	return 0;
}

/* Who may have what is secret: the holder of one of its API keys, or a person on this machine. */
static int check_proof(const struct call *c, const struct access *a, struct err *e)
{
	struct slice proof = in(c, "proof");

	if (slice_eq(proof, slice_str(KEEPER_PROOF_PEER)))
		return peer_check(c->proof_fd, c->room->daemon, c->room->user, e);
	if (!access_slot(a, proof))
		return err_set(e, ERR_DENIED, "the API key is not one of this record");
	return 0;
}

static int op_access_rotate(struct call *c, struct err *e)
{
	struct slice slot = in(c, "slot");
	struct access a;

	if (!slice_eq(slot, slice_str("1")) && !slice_eq(slot, slice_str("2")))
		return err_set(e, ERR_INVALID, "a record has the API keys 1 and 2");
	if (access_open(&a, &c->room->seal, NULL, in(c, "id"), in(c, "access"), e) || check_proof(c, &a, e))
		return -1;
	access_rotate(&a, slice_eq(slot, slice_str("1")) ? 0 : 1, out(c, "apikey"));
	access_close(&a, &c->room->seal, in(c, "id"), out(c, "access"));
	return 0;
}

/* The answer fields of a new version of a key. */
static int put_material(struct call *c, const struct key *key, struct slice id, struct err *e)
{
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;

	if (key_pkcs8(key, &der, e) || key_spki(key, out(c, "spki"), e))
		return -1;
	seal_close(&c->room->seal, MATERIAL, id, slice_buf(&der), out(c, "material"));
	return 0;
}

static int open_material(const struct call *c, struct buf *der, struct err *e)
{
	return seal_open(&c->room->seal, MATERIAL, in(c, "id"), in(c, "material"), der, e);
}

static struct key *read_key(const struct call *c, struct err *e)
{
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;

	return open_material(c, &der, e) ? NULL : key_parse(slice_buf(&der), NULL, e);
}

static struct key *generate(const struct call *c, struct err *e)
{
	const char *word = text_in(c, "type", e);
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
		if (slice_eq(in(c, "use"), slice_str(uses[i])))
			return uses[i];
	err_set(e, ERR_INVALID, "a key is for use \"%s\", \"%s\" or \"%s\"", uses[0], uses[1], uses[2]);
	return NULL;
}

static int put_new_key(struct call *c, const struct key *key, const char *use, struct err *e)
{
	make_access(c, ACCESS_KEY, use);
	return put_material(c, key, slice_buf(out(c, "id")), e);
}

static int op_key_new(struct call *c, struct err *e)
{
	const char *use = read_use(c, e);
	_cleanup_key_ struct key *key = use ? generate(c, e) : NULL;

	return key ? put_new_key(c, key, use, e) : -1;
}

static int op_key_import(struct call *c, struct err *e)
{
	const char *use = read_use(c, e), *password = text_in(c, "password", e);
	_cleanup_key_ struct key *key = NULL;

	if (!use || !password)
		return -1;
	key = key_parse(in(c, "pem"), *password ? password : NULL, e);
	return key ? put_new_key(c, key, use, e) : -1;
}

static int op_key_next(struct call *c, struct err *e)
{
	_cleanup_key_ struct key *key = NULL;
	struct access a;

	/* Only the id of a key gets a version; what it may be used for stays in the access blob. */
	if (access_open(&a, &c->room->seal, ACCESS_KEY, in(c, "id"), in(c, "access"), e))
		return -1;
	key = generate(c, e);
	return key ? put_material(c, key, in(c, "id"), e) : -1;
}

static int op_sign(struct call *c, struct err *e)
{
	_cleanup_key_ struct key *key = read_key(c, e);

	return key ? key_sign(key, in(c, "data"), out(c, "signature"), e) : -1;
}

static int op_csr(struct call *c, struct err *e)
{
	const char *names = text_in(c, "names", e);
	_cleanup_strv_ char **list = names ? strv_split(names, "\n") : NULL;
	_cleanup_key_ struct key *key = names ? read_key(c, e) : NULL;

	return key ? csr_make(key, list, NULL, out(c, "der"), e) : -1;
}

static int op_key_export(struct call *c, struct err *e)
{
	bool pem = slice_eq(in(c, "format"), slice_str("pem"));
	bool by_peer = slice_eq(in(c, "proof"), slice_str(KEEPER_PROOF_PEER));
	_cleanup_key_ struct key *key = NULL;
	struct access a;

	if (!pem && !slice_eq(in(c, "format"), slice_str("der")))
		return err_set(e, ERR_USAGE, "a key is exported as \"pem\" or \"der\"");
	if (access_open(&a, &c->room->seal, ACCESS_KEY, in(c, "id"), in(c, "access"), e) || check_proof(c, &a, e))
		return -1;
	if (str_eq(a.use, KEEPER_USE_ACCOUNT) && !by_peer) {
		err_set(e, ERR_DENIED, "the key of an account is not exported by API key");
		return err_hint(e, "Use `certeractl key export` on the server itself.");
	}
	key = read_key(c, e);
	if (!key)
		return -1;
	log_info("key %s goes out, asked for %s", (const char *)in(c, "id").data,
		 by_peer ? "on a local connection" : "with its API key");
	return pem ? key_pem(key, out(c, "key"), e) : key_pkcs8(key, out(c, "key"), e);
}

static int op_site_key(struct call *c, struct err *e)
{
	struct access a;

	if (access_open(&a, &c->room->seal, ACCESS_KEY, in(c, "id"), in(c, "access"), e))
		return -1;
	if (!str_eq(a.use, KEEPER_USE_SITE))
		return err_set(e, ERR_DENIED, "this key was not made for Certera's own site");
	return open_material(c, out(c, "der"), e);
}

static int op_seal(struct call *c, struct err *e)
{
	static const char *const kinds[] = { HMAC, CONFIG };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!slice_eq(in(c, "kind"), slice_str(kinds[i])))
			continue;
		seal_close(&c->room->seal, kinds[i], in(c, "id"), in(c, "secret"), out(c, "blob"));
		return 0;
	}
	return err_set(e, ERR_INVALID, "secrets are sealed as \"%s\" or \"%s\"", kinds[0], kinds[1]);
}

static int op_open(struct call *c, struct err *e)
{
	return seal_open(&c->room->seal, CONFIG, in(c, "id"), in(c, "blob"), out(c, "secret"), e);
}

static int op_hmac(struct call *c, struct err *e)
{
	_cleanup_buf_wipe_ struct buf secret = BUF_INIT;
	unsigned char mac[SHA256_SIZE];

	if (seal_open(&c->room->seal, HMAC, in(c, "id"), in(c, "blob"), &secret, e))
		return -1;
	hmac_sha256(slice_buf(&secret), in(c, "data"), mac);
	buf_add(out(c, "mac"), mac, sizeof(mac));
	return 0;
}

/* crypt(3) with memory of its own; setting NULL: a new salt. */
static int hash_password(const char *password, const char *setting, struct buf *hash, struct err *e)
{
	_cleanup_free_ char *fresh = NULL;
	void *work = NULL;
	int work_size = 0;
	char *result;

	if (strlen(password) >= CRYPT_MAX_PASSPHRASE_SIZE)
		return err_set(e, ERR_INVALID, "a password may have %d bytes at most", CRYPT_MAX_PASSPHRASE_SIZE - 1);
	if (!setting)
		setting = fresh = crypt_gensalt_ra(YESCRYPT, 0, NULL, 0);
	result = setting ? crypt_ra(password, setting, &work, &work_size) : NULL;
	if (result && *result != '*')
		buf_add_str(hash, result);
	else
		err_errno(e, ERR_INTERNAL, "hashing a password with yescrypt");
	if (work)
		wipe(work, (size_t)work_size);
	free(work);
	return hash->len ? 0 : -1;
}

static int op_password_hash(struct call *c, struct err *e)
{
	const char *password = text_in(c, "password", e);

	return password ? hash_password(password, NULL, out(c, "hash"), e) : -1;
}

static int op_password_check(struct call *c, struct err *e)
{
	const char *password = text_in(c, "password", e), *hash = text_in(c, "hash", e);
	_cleanup_buf_wipe_ struct buf again = BUF_INIT;
	bool known, same;

	if (!password || !hash)
		return -1;
	/* A user who does not exist (no hash) must take as long as a wrong password. */
	known = str_starts(hash, YESCRYPT);
	if (hash_password(password, known ? hash : NULL, &again, e))
		return -1;
	same = known && again.len == strlen(hash) && same_secret(again.data, hash, again.len);
	buf_add_str(out(c, "same"), same ? "1" : "0");
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
	seal_init(&r->seal, master_key, origin);
	access_close(&nobody, &r->seal, slice_str(""), &r->nobody);
}

void room_release(struct room *r)
{
	seal_release(&r->seal);
	buf_wipe(&r->nobody);
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
