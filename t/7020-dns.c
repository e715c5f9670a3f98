/* DNS answers as hostile servers send them: each is an answer or an error, never more. */
#include "daemon/dns/dns.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/encode.h"
#include "base/words.h"

#define ROUNDS 3000
#define BEHIND_QUESTION 29

/* For www.example: a CNAME, a TXT of two strings, an A, an NS in the authority section; names point backwards. */
static const unsigned char good[] = {
	0, 0, 0x84, 0x00, 0, 1, 0, 3, 0, 1, 0, 0,
	3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 16, 0, 1,
	0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 1, 0, 4, 1, 'a', 0xc0, 16,
	1, 'A', 0xc0, 16, 0, 16, 0, 1, 0, 0, 0, 1, 0, 6, 2, 'h', 'e', 2, 'r', 'e',
	0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 1,
	0xc0, 16, 0, 2, 0, 1, 0, 0, 0, 1, 0, 5, 2, 'n', 's', 0xc0, 16,
};

static int server_fd;
static char server[64];
static int mutate;	/* seed; 0: the good answer */
static int refuses;	/* so many answers are SERVFAIL */

/* Answers everything: with the question's id, and the rest as it likes. */
static void *serve(void *arg)
{
	unsigned char packet[1500];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	unsigned seed;

	while (recvfrom(server_fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len) > 2) {
		unsigned char answer[sizeof(good)];
		size_t size = sizeof(good);

		memcpy(answer, good, sizeof(good));
		seed = (unsigned)mutate;
		for (int i = 0; mutate && i < 1 + mutate % 5; i++)
			answer[12 + (size_t)rand_r(&seed) % (sizeof(good) - 12)] = (unsigned char)rand_r(&seed);
		if (mutate % 7 == 1)
			size = BEHIND_QUESTION + (size_t)rand_r(&seed) % (sizeof(good) - BEHIND_QUESTION);
		if (mutate % 11 == 1)
			answer[7 + 2 * (size_t)(rand_r(&seed) % 3)] = 255;
		answer[0] = packet[0];
		answer[1] = packet[1];
		if (refuses > 0 && refuses--)
			answer[3] = 2;
		/* c-ares compares the question, and waits for another answer if it differs. */
		memcpy(answer + 12, packet + 12, BEHIND_QUESTION - 12);
		sendto(server_fd, answer, size, 0, (struct sockaddr *)&from, len);
		len = sizeof(from);
	}
	return NULL;
}

struct seen {
	struct loop *loop;
	int answers, errors;
	size_t records;
	char text[64], owner[64], error[128];
};

/* What a stranger's zone has is shown to people. */
static void assert_fit(const char *text)
{
	uint32_t point;

	for (size_t len; *text; text += len) {
		len = utf8_char(text, strlen(text), &point);
		assert_true(len && words_fit(point));
	}
}

static void answered(void *arg, const struct dns_answer *a)
{
	struct seen *s = arg;
	const struct dns_record *txt = a->err ? NULL : dns_first(a, DNS_TXT);

	s->answers += !a->err;
	s->errors += a->err != NULL;
	s->records = a->count;
	for (size_t i = 0; !a->err && i < a->count; i++) {
		assert_fit(a->records[i].text);
		assert_fit(a->records[i].owner);
	}
	snprintf(s->error, sizeof(s->error), "%.100s", a->err ? a->err->message : "");
	if (txt) {
		snprintf(s->text, sizeof(s->text), "%s", txt->text);
		snprintf(s->owner, sizeof(s->owner), "%s", txt->owner);
	}
	loop_stop(s->loop);
}

static void ask(struct dns *dns, struct seen *s)
{
	dns_ask(dns, &(struct dns_question){ .name = "www.example", .type = DNS_TXT, .servers = server, .authoritative = true },
		answered, s);
	loop_run(s->loop);
}

static void test_answer(void **state)
{
	struct seen s = { .loop = loop_new() };
	struct dns *dns = dns_new(s.loop);

	mutate = 0;
	ask(dns, &s);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.records, 4);
	assert_string_equal(s.text, "here");
	assert_string_equal(s.owner, "a.example");
	dns_free(dns);
	loop_free(s.loop);
}

static void ask_resolver(struct dns *dns, struct seen *s)
{
	dns_ask(dns, &(struct dns_question){ .name = "www.example", .type = DNS_TXT, .servers = server }, answered, s);
	loop_run(s->loop);
}

/* A resolver that answers is not one that does not; one that fails once is asked again. */
static void test_refusals(void **state)
{
	struct seen s = { .loop = loop_new() };
	struct dns *dns = dns_new(s.loop);

	mutate = 0;
	refuses = 100;
	ask_resolver(dns, &s);
	assert_string_equal(s.error, "answered SERVFAIL");
	refuses = 1;
	ask_resolver(dns, &s);
	assert_string_equal(s.error, "");
	assert_string_equal(s.text, "here");
	refuses = 0;
	dns_free(dns);
	loop_free(s.loop);
}

static void test_mutations(void **state)
{
	struct seen s = { .loop = loop_new() };
	struct dns *dns = dns_new(s.loop);
	for (int i = 1; i <= ROUNDS; i++) {
		mutate = i;
		ask(dns, &s);
	}
	assert_int_equal(s.answers + s.errors, ROUNDS);
	assert_true(s.answers > 0 && s.errors > 0);
	dns_free(dns);
	loop_free(s.loop);
}

static void test_cancel(void **state)
{
	struct loop *loop = loop_new();
	struct dns *dns = dns_new(loop);
	struct seen s = { .loop = loop };
	struct dns_query *queries[200];

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		queries[i] = dns_ask(dns, &(struct dns_question){ .name = "x.example", .type = DNS_A, .servers = "127.0.0.1:1" },
				     answered, &s);
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		dns_cancel(queries[i]);
	assert_int_equal(s.answers + s.errors, 0);
	dns_free(dns);
	loop_free(loop);
}

static int set_up(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	static pthread_t thread;

	server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (server_fd < 0 || bind(server_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    getsockname(server_fd, (struct sockaddr *)&sa, &len) < 0)
		return -1;
	snprintf(server, sizeof(server), "127.0.0.1:%d", ntohs(sa.sin_port));
	return pthread_create(&thread, NULL, serve, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_cancel),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, NULL);
}
