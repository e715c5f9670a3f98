/* A private key leaves the keeper only for a proof: its API key, or another process of root's on a local connection. */
#include "t/lib/keeper.h"

#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "pki/key.h"

enum { ID, ACCESS, MATERIAL, SPKI, APIKEY1, APIKEY2 };
#define NOBODY 65534

static struct reply cert, account;	/* two keys, made once */

static enum err_kind take(struct fixture *f, const struct reply *k, struct slice proof, int fd)
{
	struct reply r = { 0 };
	enum err_kind kind = ASK(f, &r, key_export, fd, F(k, ID), F(k, ACCESS), F(k, MATERIAL), proof, S("pem"));

	assert_true(kind == ERR_NONE || r.fields == 0);
	if (kind == ERR_NONE)
		assert_true(str_starts(r.field[0].data, "-----BEGIN PRIVATE KEY-----\n"));
	release_reply(&r);
	return kind;
}

static void by_api_key(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(take(f, &cert, S(""), -1), ERR_DENIED);
	assert_int_equal(take(f, &cert, S("cak_wrong"), -1), ERR_DENIED);
	assert_int_equal(take(f, &cert, F(&account, APIKEY1), -1), ERR_DENIED);
	assert_int_equal(take(f, &cert, F(&cert, APIKEY1), -1), ERR_NONE);
	assert_int_equal(take(f, &cert, F(&cert, APIKEY2), -1), ERR_NONE);
	assert_int_equal(take(f, &account, F(&account, APIKEY1), -1), ERR_DENIED);
}

static void formats(void **state)
{
	struct fixture *f = *state;
	_cleanup_key_ struct key *pem = NULL, *der = NULL;
	_cleanup_buf_ struct buf spki = BUF_INIT;
	struct reply r = { 0 };

#define EXPORT(format) \
	ASK(f, &r, key_export, -1, F(&cert, ID), F(&cert, ACCESS), F(&cert, MATERIAL), F(&cert, APIKEY1), S(format))
	assert_int_equal(EXPORT("pem"), ERR_NONE);
	pem = key_parse(F(&r, 0), NULL, NULL);
	assert_int_equal(EXPORT("der"), ERR_NONE);
	assert_int_equal(((unsigned char *)r.field[0].data)[0], 0x30);
	der = key_parse(F(&r, 0), NULL, NULL);
	assert_int_equal(EXPORT("txt"), ERR_USAGE);
	assert_non_null(pem);
	assert_int_equal(key_spki(der, &spki, NULL), 0);
	assert_true(slice_eq(slice_buf(&spki), F(&cert, SPKI)));
	release_reply(&r);
}

static void not_another_keys_material(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };

	assert_int_equal(ASK(f, &r, key_export, -1, F(&cert, ID), F(&cert, ACCESS), F(&account, MATERIAL),
			     F(&cert, APIKEY1), S("pem")), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, key_export, -1, F(&account, ID), F(&cert, ACCESS), F(&account, MATERIAL),
			     F(&cert, APIKEY1), S("pem")), ERR_STORAGE);
	release_reply(&r);
}

static struct sockaddr_un address(const struct fixture *f)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", f->socket);
	return sa;
}

static int listen_there(const struct fixture *f)
{
	struct sockaddr_un sa = address(f);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(f->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(chmod(f->socket, 0666), 0);
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static int connect_there(const struct fixture *f)
{
	struct sockaddr_un sa = address(f);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Another process, which connects as `user` and waits for us to close. */
struct visitor {
	pid_t pid;
	int fd;		/* what accept() gave us */
};

static struct visitor visitor_new(const struct fixture *f, uid_t user)
{
	struct visitor v;
	int listener = listen_there(f);

	v.pid = fork();
	if (v.pid == 0) {
		char c;
		int fd;

		if (user != geteuid() && (setgroups(0, NULL) || setgid(user) || setuid(user)))
			_exit(1);
		fd = connect_there(f);
		_exit(fd < 0 || read(fd, &c, 1) != 0);
	}
	v.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(v.fd >= 0);
	close(listener);
	return v;
}

static void visitor_free(struct visitor *v)
{
	int status;

	close(v->fd);
	assert_int_equal(waitpid(v->pid, &status, 0), v->pid);
	assert_int_equal(status, 0);	/* it saw the end: the keeper has closed its copy too */
}

static void by_peer(void **state)
{
	struct fixture *f = *state;
	struct visitor v = visitor_new(f, geteuid());
	struct reply r = { 0 };

	assert_int_equal(take(f, &cert, S("peer"), v.fd), ERR_NONE);
	assert_int_equal(take(f, &account, S("peer"), v.fd), ERR_NONE);
	assert_int_equal(take(f, &cert, S("peer"), -1), ERR_DENIED);
	assert_int_equal(take(f, &cert, S("wrong"), v.fd), ERR_DENIED);
	assert_int_equal(ASK(f, &r, access_rotate, v.fd, F(&cert, ID), F(&cert, ACCESS), S("1"), S("peer")), ERR_NONE);
	release_reply(&r);
	visitor_free(&v);
}

/* Who has gone proves nothing any more: a daemon that was taken over may have kept his connection. */
static void not_by_who_was_there(void **state)
{
	struct fixture *f = *state;
	struct visitor v = visitor_new(f, geteuid());
	int status;

	assert_int_equal(take(f, &cert, S("peer"), v.fd), ERR_NONE);
	kill(v.pid, SIGTERM);
	assert_int_equal(waitpid(v.pid, &status, 0), v.pid);
	assert_int_equal(take(f, &cert, S("peer"), v.fd), ERR_DENIED);
	close(v.fd);
}

static void by_peer_of_another_user(void **state)
{
	struct fixture *f = *state;
	struct visitor v;

	if (geteuid() != 0)
		SKIP("needs root");
	v = visitor_new(f, NOBODY);
	assert_int_equal(take(f, &cert, S("peer"), v.fd), ERR_DENIED);
	visitor_free(&v);
}

static void not_by_ourselves(void **state)
{
	struct fixture *f = *state;
	int listener = listen_there(f), connected = connect_there(f), accepted = accept(listener, NULL, NULL);

	assert_int_equal(take(f, &cert, S("peer"), accepted), ERR_DENIED);
	assert_int_equal(take(f, &cert, S("peer"), connected), ERR_DENIED);
	assert_int_equal(take(f, &cert, S("peer"), listener), ERR_DENIED);
	close(accepted);
	close(connected);
	close(listener);
}

/* The daemon may connect to a service of root's: that proves nothing. */
static void not_by_a_service(void **state)
{
	struct fixture *f = *state;
	int ready[2], fd, status;
	pid_t service;
	char c = 0;

	assert_int_equal(pipe(ready), 0);
	service = fork();
	if (service == 0) {
		int listener = listen_there(f), one;

		one = write(ready[1], "x", 1) == 1 ? accept(listener, NULL, NULL) : -1;
		_exit(one < 0 || read(one, &c, 1) != 0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	fd = connect_there(f);
	assert_true(fd >= 0);
	assert_int_equal(take(f, &cert, S("peer"), fd), ERR_DENIED);
	close(fd);
	close(ready[0]);
	close(ready[1]);
	waitpid(service, &status, 0);
	assert_int_equal(status, 0);
}

static void not_by_other_things(void **state)
{
	struct fixture *f = *state;
	int pair[2], tcp = socket(AF_INET, SOCK_STREAM, 0), alone = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(take(f, &cert, S("peer"), pair[0]), ERR_DENIED);
	assert_int_equal(take(f, &cert, S("peer"), tcp), ERR_DENIED);
	assert_int_equal(take(f, &cert, S("peer"), alone), ERR_DENIED);
	assert_int_equal(take(f, &cert, S("peer"), STDIN_FILENO), ERR_DENIED);
	close(pair[0]);
	close(pair[1]);
	close(tcp);
	close(alone);
}

static int group_set_up(void **state)
{
	set_up(state);
	assert_int_equal(ASK((struct fixture *)*state, &cert, key_new, -1, S("p256"), S("certificate")), ERR_NONE);
	assert_int_equal(ASK((struct fixture *)*state, &account, key_new, -1, S("p256"), S("account")), ERR_NONE);
	return 0;
}

static int group_tear_down(void **state)
{
	release_reply(&cert);
	release_reply(&account);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_api_key), cmocka_unit_test(formats),
		cmocka_unit_test(not_another_keys_material), cmocka_unit_test(by_peer),
		cmocka_unit_test(not_by_who_was_there), cmocka_unit_test(by_peer_of_another_user), cmocka_unit_test(not_by_ourselves),
		cmocka_unit_test(not_by_a_service), cmocka_unit_test(not_by_other_things),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keeper proofs", tests, group_set_up, group_tear_down);
}
