/* Connections between nodes: who has the master key gets through, nobody else does, and what is said comes out as it went in. */
#include "t/lib/nodes.h"

#include <netdb.h>

#include "base/clock.h"

#define MUCH (3 * 1024 * 1024)

/* The addresses of the name "several", in this order; no other name is known. */
static const char *several[4];

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
	static struct addrinfo list[4];
	static struct sockaddr_in in[4];
	size_t count = 0;

	if (strcmp(host, "several"))
		return EAI_NONAME;
	for (; several[count]; count++) {
		in[count] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(port, NULL, 10)) };
		inet_pton(AF_INET, several[count], &in[count].sin_addr);
		list[count] = (struct addrinfo){ .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&in[count], .ai_addrlen = sizeof(in[count]) };
		if (count)
			list[count - 1].ai_next = &list[count];
	}
	*out = count ? list : NULL;
	return count ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
}

static void both_have_the_master_key(void **state)
{
	struct two *two = *state;
	char text[8] = "";

	call(two, two->b.address, PEER_requests);
	assert_true(two->fd >= 0);
	assert_int_equal(two->b.came, 1);
	assert_int_equal(two->b.use, PEER_requests);
	assert_string_equal(two->b.from, "a");
	assert_int_equal(send(two->fd, "question", 8, 0), 8);
	turn(two, 100);
	assert_int_equal(recv(two->b.fd, text, sizeof(text), MSG_DONTWAIT), 8);
	assert_memory_equal(text, "question", 8);
}

/* More than all buffers hold, and whoever does not read stops who writes. */
static void much_is_carried_whole(void **state)
{
	struct two *two = *state;
	unsigned char piece[8192];
	size_t sent = 0, got = 0;
	bool stopped = false;

	call(two, two->b.address, PEER_copy);
	assert_true(two->fd >= 0);
	for (int i = 0; i < 4000 && got < MUCH; i++) {
		ssize_t n = 0;

		for (size_t k = 0; k < sizeof(piece); k++)
			piece[k] = (unsigned char)((sent + k) / 7);
		while (sent < MUCH && (n = send(two->fd, piece, MIN(sizeof(piece), MUCH - sent), MSG_DONTWAIT)) > 0) {
			sent += (size_t)n;
			for (size_t k = 0; k < sizeof(piece); k++)
				piece[k] = (unsigned char)((sent + k) / 7);
		}
		turn(two, 2);
		if (i < 200 && sent < MUCH) {
			stopped |= n < 0;
			continue;
		}
		while ((n = recv(two->b.fd, piece, sizeof(piece), MSG_DONTWAIT)) > 0)
			for (ssize_t k = 0; k < n; k++, got++)
				if (piece[k] != (unsigned char)(got / 7))
					fail_msg("byte %zu is a different one", got);
	}
	assert_true(stopped);
	assert_int_equal(got, MUCH);
}

static void its_end_is_passed_on(void **state)
{
	struct two *two = *state;
	char byte;

	call(two, two->b.address, PEER_requests);
	assert_int_equal(send(two->fd, "last", 4, 0), 4);
	cleanup_close(&two->fd);
	turn(two, 100);
	assert_int_equal(recv(two->b.fd, &byte, 1, MSG_DONTWAIT), 1);
	while (recv(two->b.fd, &byte, 1, MSG_DONTWAIT) == 1)
		;
	assert_int_equal(recv(two->b.fd, &byte, 1, MSG_DONTWAIT), 0);
}

static void another_master_key_is_refused_in_words(void **state)
{
	struct two *two = *state;
	struct fixture other = { .loop = two->f->loop };
	struct node stranger = { .came = 0 };

	make_dir(&other);
	other.keeper = start_keeper(&other, 1);
	other.client = keeper_attach(other.keeper, 0, other.loop, on_death, &other);
	node_start(&stranger, &other, other.client, "stranger");

	peers_call(stranger.peers, two->b.address, PEER_requests, two->f->loop, connected, two);
	for (int i = 0; i < 300 && !two->answered; i++)
		turn(two, 20);
	assert_int_equal(two->fd, -1);
	assert_int_equal(two->err.kind, ERR_DENIED);
	assert_non_null(strstr(two->err.message, "do not have the same master key"));
	assert_int_equal(two->b.came, 0);

	/* And whoever answers at a node's address is no node either. */
	call(two, stranger.address, PEER_requests);
	assert_int_equal(two->fd, -1);
	assert_non_null(strstr(two->err.message, "do not have the same master key"));
	peers_free(stranger.peers);
	keeper_detach(other.client);
	keeper_stop(other.keeper);
	remove_dir(&other);
}

static void a_different_cluster_is_refused(void **state)
{
	struct two *two = *state;

	snprintf(two->a.cluster.view.id, sizeof(two->a.cluster.view.id), "two");
	call(two, two->b.address, PEER_requests);
	assert_int_equal(two->fd, -1);
	assert_non_null(strstr(two->err.message, "different clusters"));
	*two->a.cluster.view.id = '\0';
	call(two, two->b.address, PEER_copy);
	assert_true(two->fd >= 0);
}

static void nobody_there(void **state)
{
	struct two *two = *state;
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%d", a_port());
	call(two, address, PEER_requests);
	assert_int_equal(two->fd, -1);
	assert_int_equal(two->err.kind, ERR_NETWORK);
	call(two, "nowhere", PEER_requests);
	assert_int_equal(two->fd, -1);
}

/* An address that takes no connection and says nothing: as many wait there as may.  They are closed with the two. */
static int silent_at(const char *address, int port, int waiting[2])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, address, &in.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < 2; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(waiting[i], (struct sockaddr *)&in, sizeof(in));
	}
	return fd;
}

/* One refuses, one is silent, and at the last the node answers. */
static void all_addresses_of_a_name_are_tried(void **state)
{
	struct two *two = *state;
	int port = (int)strtol(strchr(two->b.address, ':') + 1, NULL, 10), waiting[2], silent = silent_at("127.0.0.3", port, waiting);
	int64_t begun = clock_mono_ms();
	struct err e = { 0 };
	char address[32];

	snprintf(address, sizeof(address), "several:%d", port);
	memcpy(several, (const char *[]){ "127.0.0.2", "127.0.0.3", "127.0.0.1", NULL }, sizeof(several));
	call(two, address, PEER_requests);
	assert_true(two->fd >= 0);
	assert_true(clock_mono_ms() - begun < 3000);
	for (int i = 0; i < 2; i++)
		close(waiting[i]);
	close(silent);

	/* And of a name that is listened at, the one that this machine has. */
	snprintf(address, sizeof(address), "several:%d", a_port());
	memcpy(several, (const char *[]){ "192.0.2.1", "127.0.0.1", NULL }, 3 * sizeof(*several));
	silent = peers_listen(address, &e);
	assert_true(silent >= 0);
	close(silent);
	memset(several, 0, sizeof(several));
	call(two, address, PEER_requests);
	assert_non_null(strstr(two->err.message, "looking up several"));
}

/* Passes bytes on, with a certificate of its own at each end: the proofs are about different ones. */
static void somebody_in_between_is_nobody(void **state)
{
	struct hello h = { .use = PEER_requests, .asked = "1", .answered = "2", .connected = { "a", "one", "" } }, seen = h;
	_cleanup_buf_ struct buf one = BUF_INIT, two = BUF_INIT, three = BUF_INIT, four = BUF_INIT;

	seen.print[0] = 1;
	hello_statement(&h, false, &one);
	hello_statement(&seen, false, &two);
	hello_statement(&h, true, &three);
	snprintf(h.asked, sizeof(h.asked), "3");
	hello_statement(&h, false, &four);
	assert_false(slice_eq(slice_buf(&one), slice_buf(&two)));
	assert_false(slice_eq(slice_buf(&one), slice_buf(&three)));
	assert_false(slice_eq(slice_buf(&one), slice_buf(&four)));
}

static void what_is_no_line_is_refused(void **state)
{
	struct hello h = { 0 };
	struct err e = { 0 };

	assert_int_equal(hello_read_greeting(&h, "HTTP/1.1 400 Bad Request", &e), -1);
	assert_int_equal(hello_read_greeting(&h, "certera-peer 2 00", &e), -1);
	assert_non_null(strstr(e.message, "version 2"));
	assert_int_equal(hello_read(&h, "hello requests a one 00", &e), -1);
	assert_int_equal(hello_read(&h, "hello everything a one 00 00", &e), -1);
	assert_int_equal(hello_read(&h, "hello requests a - 00 00", &e), 0);
	assert_string_equal(h.connected.cluster, "");
	assert_int_equal(hello_read_welcome(&h, "no the two servers are of different clusters", &e), -1);
	assert_non_null(strstr(e.message, "different clusters"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, two_nodes, no_nodes)
	const struct CMUnitTest tests[] = {
		TEST(both_have_the_master_key), TEST(much_is_carried_whole), TEST(its_end_is_passed_on),
		TEST(another_master_key_is_refused_in_words), TEST(a_different_cluster_is_refused), TEST(nobody_there),
		TEST(all_addresses_of_a_name_are_tried),
		cmocka_unit_test(somebody_in_between_is_nobody), cmocka_unit_test(what_is_no_line_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
