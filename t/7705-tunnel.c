/* The tunnel to a mail server: what is stopped ends, also before anybody has come to the near end, and while its name is looked up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/dns/lookup.h"
#include "daemon/notify/tunnel.h"

#define PATIENCE_MS 20000	/* without an end, nothing would ever come */

static int listen_on_loopback(int *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

/* -1: refused. */
static int connect_to(int port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) }, .sin_port = htons((uint16_t)port),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void stopped_before_anybody_came(void **state)
{
	int port, server = listen_on_loopback(&port), stop = eventfd(0, EFD_CLOEXEC), near;
	const struct tunnel_options options = {
		.host = "127.0.0.1", .port = port, .tls = TUNNEL_NONE, .timeout_ms = PATIENCE_MS, .stop_fd = stop,
	};
	struct err e = { 0 };
	struct tunnel *tunnel = tunnel_open(&options, &e);

	assert_non_null(tunnel);
	assert_int_equal(eventfd_write(stop, 1), 0);
	near = connect_to(tunnel_port(tunnel));
	if (near >= 0) {	/* it came just in time to be turned away */
		struct pollfd end = { .fd = near, .events = POLLIN };
		char byte;

		assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
		assert_true(recv(near, &byte, 1, 0) <= 0);
		close(near);
	}
	tunnel_close(tunnel, &e);
	close(server);
	close(stop);
}

/* A resolver that takes questions and never answers. */
static int silent_resolver(char servers[32])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(servers, 32, "127.0.0.1:%d", ntohs(in.sin_port));
	return fd;
}

static void looked_up(void **state)
{
	int stop = eventfd(0, EFD_CLOEXEC), resolver;
	char servers[32];
	struct lookup look = { .port = 25, .servers = servers, .timeout_ms = 300, .stop_fd = stop };
	struct err e = { 0 };
	struct address *found;
	size_t count = 0;
	int64_t began;

	resolver = silent_resolver(servers);
	look.host = "localhost";
	found = lookup(&look, &count, &e);
	assert_non_null(found);
	assert_true(count >= 1);
	assert_int_equal(address_port(&found[0]), 25);
	free(found);
	look.host = "192.0.2.9";
	found = lookup(&look, &count, &e);
	assert_non_null(found);
	assert_int_equal(count, 1);
	free(found);
	look.host = "mail.example";
	assert_null(lookup(&look, &count, &e));
	assert_int_equal(e.kind, ERR_TIMEOUT);
	err_clear(&e);
	look.timeout_ms = PATIENCE_MS;
	began = clock_mono_ms();
	assert_int_equal(eventfd_write(stop, 1), 0);
	assert_null(lookup(&look, &count, &e));
	assert_string_equal(e.message, "looking up mail.example: stopped");
	assert_true(clock_mono_ms() - began < PATIENCE_MS / 4);
	close(resolver);
	close(stop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stopped_before_anybody_came),
		cmocka_unit_test(looked_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
