/* The keeper's messages: there and back, cut off, damaged, made up. */
#include "t/lib/keeper.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/digest.h"
#include "base/process/channel.h"
#include "keeper/ops.h"

static const unsigned char master[SEAL_KEY_SIZE] = "0123456789abcdef0123456789abcde";

static void there_and_back(void **state)
{
	_cleanup_buf_ struct buf packet = BUF_INIT;
	struct message m = {
		.id = 0x80000001, .code = 7, .count = 3, .field = { S("one"), { NULL, 0 }, slice("a\0b", 3) }
	};
	struct message got;
	struct err e;

	assert_int_equal(proto_encode(&packet, &m, &e), 0);
	assert_int_equal(proto_decode(&got, slice_buf(&packet), &e), 0);
	assert_int_equal(got.id, m.id);
	assert_int_equal(got.code, 7);
	assert_int_equal(got.count, 3);
	assert_string_equal(got.field[0].data, "one");
	assert_string_equal(got.field[1].data, "");
	assert_true(slice_eq(got.field[2], m.field[2]));
}

static void cut_off(void **state)
{
	_cleanup_buf_ struct buf packet = BUF_INIT;
	struct message m = { .id = 5, .code = 1, .count = 2, .field = { S("one"), S("two") } };
	struct message got;
	struct err e;

	assert_int_equal(proto_encode(&packet, &m, &e), 0);
	for (size_t len = 0; len < packet.len; len++) {
		void *exact = xmemdup(packet.data, len + !len);	/* so that a sanitizer sees a byte too far */

		assert_int_equal(proto_decode(&got, slice(exact, len), &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_int_equal(got.id, len < PROTO_HEADER ? 0 : 5);
		free(exact);
	}
	buf_add_ch(&packet, 'x');
	assert_int_equal(proto_decode(&got, slice_buf(&packet), &e), -1);
}

static void too_much(void **state)
{
	_cleanup_buf_ struct buf packet = BUF_INIT;
	static char big[KEEPER_MESSAGE_MAX];
	struct message m = { .count = 1, .field = { slice(big, sizeof(big)) } };
	struct err e;

	assert_int_equal(proto_encode(&packet, &m, &e), -1);
	assert_int_equal(e.kind, ERR_INVALID);
	for (size_t less = 0; less < 200; less++) {
		m.field[0].len = SIZE_MAX - less;
		assert_int_equal(proto_encode(&packet, &m, &e), -1);
	}
	m.field[0].len = sizeof(big) - PROTO_HEADER - 5;
	assert_int_equal(proto_encode(&packet, &m, &e), 0);
	assert_int_equal(packet.len, KEEPER_MESSAGE_MAX);
	m.count = KEEPER_FIELDS + 1;
	assert_int_equal(proto_encode(&packet, &m, &e), -1);
}

static void errors(void **state)
{
	_cleanup_buf_ struct buf packet = BUF_INIT;
	struct message m;
	struct err e, got;

	err_set(&e, ERR_DENIED, "not for %s", "you");
	err_hint(&e, "Ask somebody else.");
	proto_encode_err(&packet, 9, &e);
	assert_int_equal(proto_decode(&m, slice_buf(&packet), NULL), 0);
	assert_int_equal(m.code, PROTO_ERROR);
	proto_decode_err(&m, &got);
	assert_int_equal(got.kind, ERR_DENIED);
	assert_string_equal(got.message, "not for you");
	assert_string_equal(got.hint, "Ask somebody else.");
}

static void names(void **state)
{
	assert_int_equal(proto_arity(""), 0);
	assert_int_equal(proto_arity("id"), 1);
	assert_int_equal(proto_arity("id  blob data "), 3);
	assert_int_equal(proto_index("id access apikey", "apikey"), 2);
	assert_int_equal(proto_index("apikey1 apikey", "apikey"), 1);
	assert_null(proto_op(KEEPER_OPS));
	assert_string_equal(proto_op(KEEPER_sign)->name, "sign");
	for (unsigned op = 0; op < KEEPER_OPS; op++) {
		assert_true(proto_arity(proto_op(op)->question) <= KEEPER_FIELDS);
		assert_true(proto_arity(proto_op(op)->answer) <= KEEPER_FIELDS);
	}
}

/* Whatever is asked, the answer is a message with the id of the question. */
static void judge(const struct room *room, struct slice packet)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	void *exact = xmemdup(packet.data, packet.len);
	struct message m;

	ops_answer(room, BOTH, slice(exact, packet.len), -1, &answer);
	assert_int_equal(proto_decode(&m, slice_buf(&answer), NULL), 0);
	assert_memory_equal(answer.data, packet.data, 4);
	free(exact);
}

static void nonsense(void **state)
{
	struct room room;

	room_init(&room, master, "test", 1);
	for (int round = 0; round < 3000; round++) {
		unsigned char packet[200];
		size_t len = PROTO_HEADER + random_below(sizeof(packet) - PROTO_HEADER);

		random_bytes(packet, len);
		judge(&room, slice(packet, len));
	}
	room_release(&room);
}

static void random_fields(const struct room *room, unsigned op)
{
	static const char *const words[] = { "", "1", "peer", "p256", "site", "pem", "key", "hmac", "\n\n", "cers\1" };
	_cleanup_buf_ struct buf packet = BUF_INIT;
	struct message m = { .id = (uint32_t)random_below(1u << 31), .code = (unsigned char)op };
	char noise[120];

	m.count = random_below(8) ? proto_arity(proto_op(op)->question) : random_below(KEEPER_FIELDS + 1);
	random_bytes(noise, sizeof(noise));
	for (size_t i = 0; i < m.count; i++)
		m.field[i] = random_below(2) ? slice(noise, random_below(sizeof(noise))) :
					       S(words[random_below(ARRAY_SIZE(words))]);
	assert_int_equal(proto_encode(&packet, &m, NULL), 0);
	if (!random_below(8))
		packet.data[random_below(packet.len)] ^= (char)(1u << random_below(8));
	judge(room, slice_buf(&packet));
}

static void plausible_nonsense(void **state)
{
	struct room room;

	room_init(&room, master, "test", 1);
	for (int round = 0; round < 300; round++)
		for (unsigned op = 0; op < KEEPER_OPS; op++)
			if (proto_op(op)->lane == FAST || round < 5)
				random_fields(&room, op);
	room_release(&room);
}

/* Is it refused for who asks, and not for what is asked? */
static bool is_not_theirs(const struct room *room, unsigned op, enum proto_asker who)
{
	_cleanup_buf_ struct buf packet = BUF_INIT, answer = BUF_INIT;
	struct message m = { .id = 7, .code = (unsigned char)op, .count = proto_arity(proto_op(op)->question) };
	struct err e = { 0 };

	for (size_t i = 0; i < m.count; i++)
		m.field[i] = slice_str("");
	assert_int_equal(proto_encode(&packet, &m, NULL), 0);
	ops_answer(room, who, slice_buf(&packet), -1, &answer);
	assert_int_equal(proto_decode(&m, slice_buf(&answer), NULL), 0);
	if (m.code == PROTO_ERROR)
		proto_decode_err(&m, &e);
	return strstr(e.message, "does not answer");
}

/* Each row by each channel: what is for people is not the engine's to ask, what the machine does not a desk's. */
static void who_asks(void **state)
{
	struct room room;
	unsigned engine = 0, desk = 0;

	room_init(&room, master, "test", 1);
	for (unsigned op = 0; op < KEEPER_OPS; op++) {
		assert_int_equal(is_not_theirs(&room, op, ENGINE), !(proto_op(op)->who & ENGINE));
		assert_int_equal(is_not_theirs(&room, op, DESK), !(proto_op(op)->who & DESK));
		engine += proto_op(op)->who == ENGINE;
		desk += proto_op(op)->who == DESK;
	}
	assert_true(engine >= 8 && desk >= 20);
	assert_int_equal(proto_op(KEEPER_key_export)->who, DESK);
	assert_int_equal(proto_op(KEEPER_log_seal)->who, ENGINE);
	room_release(&room);
}

static void send_fds(int channel, const int *fds, size_t count)
{
	char control[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { "hello!", 6 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	assert_int_equal(sendmsg(channel, &msg, 0), 6);
}

static int lowest_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void passed_descriptors(void **state)
{
	static unsigned char packet[KEEPER_MESSAGE_MAX];
	int ours, theirs, got, before;
	struct err e;

	assert_int_equal(channel_pair(&ours, &theirs, &e), 0);
	before = lowest_free_fd();
	for (size_t count = 1; count <= 8; count++) {
		send_fds(ours, (int[8]){ 0, 1, 2, 0, 1, 2, 0, 1 }, count);
		assert_int_equal(channel_recv(theirs, packet, &got, 0), 6);
		assert_int_equal(got, before);
		close(got);
		assert_int_equal(lowest_free_fd(), before);
		send_fds(ours, (int[8]){ 0, 1, 2, 0, 1, 2, 0, 1 }, count);
		assert_int_equal(channel_recv(theirs, packet, NULL, 0), 6);
		assert_int_equal(lowest_free_fd(), before);
	}
	close(ours);
	assert_int_equal(channel_recv(theirs, packet, &got, 0), 0);
	assert_int_equal(got, -1);
	close(theirs);
}

static int sends_without_memory;

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int);

	if (sends_without_memory > 0) {
		errno = sends_without_memory-- % 2 ? ENOBUFS : ENOMEM;
		return -1;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
	return real(fd, msg, flags);
}

/* That the kernel is short of memory passes, and is no reason to lose what was to be said. */
static void short_of_memory(void **state)
{
	static unsigned char packet[KEEPER_MESSAGE_MAX];
	int ours, theirs;
	struct outbox box;
	struct err e;

	assert_int_equal(channel_pair(&ours, &theirs, &e), 0);
	outbox_init(&box);
	for (sends_without_memory = 4; sends_without_memory;) {
		assert_int_equal(outbox_send(&box, ours, S("first"), -1), 0);
		assert_int_equal(outbox_flush(&box, ours), 0);
		assert_false(outbox_empty(&box));
		assert_int_equal(channel_recv(theirs, packet, NULL, MSG_DONTWAIT), -1);
	}
	assert_int_equal(outbox_flush(&box, ours), 0);
	assert_true(outbox_empty(&box));
	assert_int_equal(channel_recv(theirs, packet, NULL, MSG_DONTWAIT), 5);
	close(theirs);
	close(ours);
}

static void outbox(void **state)
{
	static unsigned char packet[KEEPER_MESSAGE_MAX], big[KEEPER_MESSAGE_MAX];
	int ours, theirs, fds = 0, got, before;
	struct outbox box;
	struct err e;
	unsigned char n;

	assert_int_equal(channel_pair(&ours, &theirs, &e), 0);
	outbox_init(&box);
	before = lowest_free_fd();
	for (n = 0; n < 50; n++) {
		big[0] = n;
		assert_int_equal(outbox_send(&box, ours, slice(big, sizeof(big)), n % 10 ? -1 : 0), 0);
	}
	assert_false(outbox_empty(&box));
	for (n = 0; n < 50; n++) {
		assert_int_equal(channel_recv(theirs, packet, &got, MSG_DONTWAIT), KEEPER_MESSAGE_MAX);
		assert_int_equal(packet[0], n);
		fds += got >= 0;
		cleanup_close(&got);
		assert_int_equal(outbox_flush(&box, ours), 0);
	}
	assert_true(outbox_empty(&box));
	assert_int_equal(fds, 5);
	assert_int_equal(lowest_free_fd(), before);
	close(theirs);
	assert_int_equal(outbox_send(&box, ours, S("x"), -1), -1);
	close(ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(cut_off),
		cmocka_unit_test(too_much), cmocka_unit_test(errors),
		cmocka_unit_test(names), cmocka_unit_test(nonsense),
		cmocka_unit_test(plausible_nonsense), cmocka_unit_test(who_asks), cmocka_unit_test(passed_descriptors),
		cmocka_unit_test(outbox), cmocka_unit_test(short_of_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keeper messages", tests, NULL, NULL);
}
