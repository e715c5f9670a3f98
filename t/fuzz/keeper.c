/*
 * Questions to the keeper, as code that was taken over would ask them: with the ids and blobs that it finds in the store, as
 * they are or spoilt, but without a proof.  Each is answered by one packet with its id, and none with a private key.
 *
 * The input: 0 and a packet; or the number of a question and its fields, each a byte: below FOUND one of what was found, spoilt
 * at the place that the next byte says (0: not); else so many bytes less FOUND, which follow.
 */
#include "keeper/call.h"

#include <unistd.h>

#include "base/log.h"
#include "keeper/person.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	KEY_ID, KEY_ACCESS, KEY_MATERIAL, CERT_ID, CERT_ACCESS, USER_ID, USER, PENDING, SITE_ID, SITE_ACCESS, SITE_MATERIAL,
	CONFIG_BLOB, HMAC_BLOB, PEER, WORD, FOUND
};

static struct room room;
static struct buf found[FOUND], secret;

/* Asks, and takes what is wanted of the answer. */
static void make(enum keeper_op op, const struct slice *fields, size_t count, const int *to, size_t wanted)
{
	struct message m = { .id = 1, .code = (unsigned char)op, .count = count }, answer;
	struct buf question = BUF_INIT, said = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		m.field[i] = fields[i];
	if (proto_encode(&question, &m, NULL) < 0)
		die("the question is too long");
	ops_answer(&room, BOTH, slice_buf(&question), -1, &said);
	if (proto_decode(&answer, slice_buf(&said), NULL) < 0 || answer.code != PROTO_OK || answer.count < wanted)
		die("question %d is not answered", op);
	for (size_t i = 0; i < wanted; i++)
		buf_add(&found[to[i]], answer.field[i].data, answer.field[i].len);
	buf_release(&question);
	buf_release(&said);
}
#define MAKE(op, to, ...) make(KEEPER_##op, (const struct slice[]){ __VA_ARGS__ }, \
	sizeof((const struct slice[]){ __VA_ARGS__ }) / sizeof(struct slice), to, ARRAY_SIZE(to))

static void add_text(int which, const char *text)
{
	buf_add_str(&found[which], text);
}

/* As in a store: nobody has proved anything. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned char master[SEAL_KEY_SIZE] = { 1, 2, 3 };
	const int key[] = { KEY_ID, KEY_ACCESS, KEY_MATERIAL }, site[] = { SITE_ID, SITE_ACCESS, SITE_MATERIAL },
		  cert[] = { CERT_ID, CERT_ACCESS }, config[] = { CONFIG_BLOB }, hmac[] = { HMAC_BLOB };
	struct person p = { .role = PERSON_VIEWER, .totp = true };

	log_setup(LOG_LEVEL_ERROR, false);
	room_init(&room, master, "the fuzzer", getpid());
	MAKE(key_new, key, slice_str("p256"), slice_str(KEEPER_USE_CERTIFICATE));
	MAKE(key_new, site, slice_str("p256"), slice_str(KEEPER_USE_SITE));
	make(KEEPER_access_new, NULL, 0, cert, ARRAY_SIZE(cert));
	MAKE(seal, config, slice_str("config"), slice_str("x"), slice_str("a password"));
	MAKE(seal, hmac, slice_str("hmac"), slice_str("x"), slice_str("a key"));
	add_text(USER_ID, "00112233445566778899aabbccddeeff");
	person_close(&p, &room.seal, slice_buf(&found[USER_ID]), &found[USER]);
	seal_close(&room.seal, PERSON_PENDING, slice_buf(&found[USER_ID]), slice("01234567890123456789", PERSON_SECRET_SIZE),
		   &found[PENDING]);
	add_text(PEER, KEEPER_PROOF_PEER);
	add_text(WORD, "ckw_0123456789012345678901234567890123456789012");
	if (seal_open(&room.seal, "key", slice_buf(&found[KEY_ID]), slice_buf(&found[KEY_MATERIAL]), &secret, NULL) < 0)
		die("the key does not open");
	return 0;
}

/* Part of a field, and where the next one begins. */
static size_t take_field(struct buf *field, const uint8_t *data, size_t size)
{
	size_t len;

	if (data[0] < FOUND) {
		buf_add(field, found[data[0]].data, found[data[0]].len);
		if (size > 1 && data[1] && field->len)
			field->data[data[1] % field->len] ^= (char)data[1];
		return MIN(size, 2);
	}
	len = MIN((size_t)(data[0] - FOUND), size - 1);
	buf_add(field, data + 1, len);
	return 1 + len;
}

static bool is_quick(unsigned op)
{
	const struct proto_op *of = proto_op(op);

	return of && of->lane == FAST && op != KEEPER_setup_open;
}

static void put_together(struct buf *packet, const uint8_t *data, size_t size)
{
	struct message m = { .id = 7, .code = data[0] };
	struct buf field[KEEPER_FIELDS] = { 0 };

	for (size_t at = 1; at < size && m.count < KEEPER_FIELDS; m.count++)
		at += take_field(&field[m.count], data + at, size - at);
	for (size_t i = 0; i < m.count; i++)
		m.field[i] = slice_buf(&field[i]);
	proto_encode(packet, &m, NULL);
	for (size_t i = 0; i < KEEPER_FIELDS; i++)
		buf_release(&field[i]);
}

static void ask(struct slice packet)
{
	struct message question, m;
	struct buf answer = BUF_INIT;
	bool good = proto_decode(&question, packet, NULL) == 0;

	if (good && !is_quick(question.code) && proto_op(question.code))
		return;		/* hashing and making keys takes long, and is not what is looked for */
	ops_answer(&room, BOTH, packet, -1, &answer);
	if (proto_decode(&m, slice_buf(&answer), NULL) < 0 || (good && m.id != question.id))
		die("the answer is none");
	/* The private number is in the middle of PKCS#8: 32 bytes. */
	if (memmem(answer.data, answer.len, secret.data + 36, 32))
		die("a private key went out");
	buf_release(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf packet = BUF_INIT;

	if (!size)
		return 0;
	if (data[0])
		put_together(&packet, data, size);
	else
		buf_add(&packet, data + 1, size - 1);
	if (packet.len >= PROTO_HEADER)
		ask(slice_buf(&packet));
	buf_release(&packet);
	return 0;
}
