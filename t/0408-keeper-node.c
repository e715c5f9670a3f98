/* What the nodes of a cluster prove to each other by their keepers: who has this master key, and that a local administrator asks. */
#include "t/lib/keeper.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* A connection of root's, or of our user's, from a process of its own: accepted on a named socket. */
static int connection(const struct fixture *f, pid_t *child)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int listening = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", f->socket);
	unlink(f->socket);
	assert_int_equal(bind(listening, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listening, 1), 0);
	*child = fork();
	if (*child == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
			pause();
		_exit(0);
	}
	fd = accept(listening, NULL, NULL);
	close(listening);
	return fd;
}

static void disconnect(int fd, pid_t child)
{
	close(fd);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void node_mac(void **state)
{
	struct fixture *f = *state, other = { .loop = f->loop };
	struct reply one = { 0 }, same = { 0 }, two = { 0 }, theirs = { 0 };

	make_dir(&other);
	other.keeper = start_keeper(&other, 1);
	other.client = keeper_attach(other.keeper, 0, other.loop, on_death, &other);
	assert_int_equal(ASK(f, &one, node_mac, -1, S("I am a")), ERR_NONE);
	assert_int_equal(ASK(f, &same, node_mac, -1, S("I am a")), ERR_NONE);
	assert_int_equal(ASK(f, &two, node_mac, -1, S("I am b")), ERR_NONE);
	assert_int_equal(ASK(&other, &theirs, node_mac, -1, S("I am a")), ERR_NONE);
	assert_int_equal(one.field[0].len, 32);
	assert_true(slice_eq(F(&one, 0), F(&same, 0)));
	assert_false(slice_eq(F(&one, 0), F(&two, 0)));
	assert_false(slice_eq(F(&one, 0), F(&theirs, 0)));
	keeper_detach(other.client);
	keeper_stop(other.keeper);
	remove_dir(&other);
	release_reply(&one);
	release_reply(&same);
	release_reply(&two);
	release_reply(&theirs);
}

static enum err_kind vouched(struct fixture *f, const char *node, struct slice voucher, struct reply *r)
{
	return ASK(f, r, vouched, -1, S(node), voucher);
}

static void a_voucher_is_good_once(void **state)
{
	struct fixture *f = *state;
	struct reply key = { 0 }, voucher = { 0 }, word = { 0 }, r = { 0 };
	_cleanup_free_ char *broken = NULL;
	char *name;
	pid_t child;
	int fd = connection(f, &child);

	assert_int_equal(ASK(f, &voucher, vouch, fd, S("b"), S(KEEPER_PROOF_PEER), S("alice (1000)")), ERR_NONE);
	disconnect(fd, child);
	broken = xstrndup(voucher.field[0].data, voucher.field[0].len);
	broken[8] = broken[8] == '1' ? '2' : '1';	/* its time */
	assert_int_equal(vouched(f, "b", S(broken), &word), ERR_DENIED);
	assert_int_equal(vouched(f, "b", S("cvo_1.x.y"), &word), ERR_DENIED);
	assert_int_equal(vouched(f, "b", S(""), &word), ERR_DENIED);
	assert_int_equal(vouched(f, "c", F(&voucher, 0), &word), ERR_DENIED);
	broken[8] = ((const char *)voucher.field[0].data)[8];
	name = strchr(broken, '.') + 1;
	*name = *name == 'x' ? 'y' : 'x'; /* who it is */
	assert_int_equal(vouched(f, "b", S(broken), &word), ERR_DENIED);
	assert_int_equal(vouched(f, "b", F(&voucher, 0), &word), ERR_NONE);
	assert_true(slice_eq(F(&word, 1), S("alice (1000)")));
	assert_int_equal(vouched(f, "b", F(&voucher, 0), &r), ERR_DENIED);
	assert_non_null(strstr(r.err.message, "used before"));

	/* It is an administrator's: it opens a key, and the key of an account. */
	assert_int_equal(ASK(f, &key, key_new, -1, S("p256"), S(KEEPER_USE_ACCOUNT)), ERR_NONE);
	assert_int_equal(ASK(f, &r, key_export, -1, F(&key, 0), F(&key, 1), F(&key, 2), F(&word, 0), S("pem")), ERR_NONE);
	assert_int_equal(ASK(f, &r, user_new, -1, S("viewer"), S("a password of the test"), F(&word, 0)), ERR_NONE);
	release_reply(&key);
	release_reply(&voucher);
	release_reply(&word);
	release_reply(&r);
}

static void only_local_administrators_are_vouched_for(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };
	int pair[2];

	assert_int_equal(ASK(f, &r, vouch, -1, S("b"), S(KEEPER_PROOF_PEER), S("")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, vouch, -1, S("b"), S("ckw_x"), S("")), ERR_DENIED);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(ASK(f, &r, vouch, pair[0], S("b"), S(KEEPER_PROOF_PEER), S("")), ERR_DENIED);
	close(pair[0]);
	close(pair[1]);
	release_reply(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(node_mac, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_voucher_is_good_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_local_administrators_are_vouched_for, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
