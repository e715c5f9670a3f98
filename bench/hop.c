/*
 * What the way from the front to its desk and back costs: CPU of both sides for each request, without connections and
 * without what answers it.
 *
 *	hop [REQUESTS] [BYTES-OF-THE-ANSWER] [UNDER-WAY-AT-ONCE]	(default: 200000 1500 32, as by bench/run)
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/http/reader.h"
#include "base/process/frames.h"
#include "daemon/desk/inbox.h"
#include "daemon/front/line.h"

#define AT_ONCE_MOST 4096

static const char text[] =
	"GET /api/certificate/www.example.org?encoding=pem HTTP/1.1\r\nHost: certera.example.org\r\n"
	"apiKey: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\nUser-Agent: curl/8.5.0\r\n"
	"Accept: */*\r\nIf-None-Match: \"0123456789abcdef0123456789abcdef\"\r\n\r\n";

static struct {
	struct loop *loop;
	struct desk_line *line;
	struct http_request request;
	struct http_exchange exchange[AT_ONCE_MOST];
	long asked, answered, all, at_once;
} front;
static struct http_answer answer = { .status = 200, .type = "text/html; charset=utf-8" };

static void desk_attend(void *arg, struct http_exchange *x)
{
	x->way->answer(x, &answer);
}

static void ask(void *exchange)
{
	if (front.asked++ < front.all)
		line_attend(front.line, exchange);
}

static void front_answered(struct http_exchange *x, const struct http_answer *a)
{
	if (++front.answered == front.all)
		loop_stop(front.loop);
	loop_post(front.loop, ask, x);	/* its id is free when this has returned */
}

static bool front_gone(struct http_exchange *x)
{
	return false;
}

static void front_drop(struct http_exchange *x)
{
	die("an answer is missing");
}

static const struct http_way way = { .answer = front_answered, .drop = front_drop, .gone = front_gone };

static void line_closed(void *arg)
{
	die("the line is closed");
}

static void *desk_main(void *loop)
{
	loop_run(loop);
	return NULL;
}

static double cpu_seconds(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void read_request(void)
{
	struct http_reader reader;
	char *copy = xstrdup(text);
	size_t len = strlen(copy);

	http_reader_init(&reader, 0);
	if (http_read(&reader, &front.request, copy, &len) != HTTP_WHOLE)
		die("the request is none");
	if (address_parse(&front.request.peer, "192.0.2.1:4711", NULL) < 0)
		die("the address is none");
}

static double run_all(void)
{
	double before = cpu_seconds();

	for (int i = 0; i < front.at_once; i++) {
		front.exchange[i] = (struct http_exchange){ &way, &front.request, 0 };
		loop_post(front.loop, ask, &front.exchange[i]);
	}
	loop_run(front.loop);
	return cpu_seconds() - before;
}

static long argument(char **argv, int nth, long otherwise)
{
	for (int i = 1; i < nth; i++)
		if (!argv[i])
			return otherwise;
	return argv[nth] ? strtol(argv[nth], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	size_t bytes = (size_t)argument(argv, 2, 1500);
	struct loop *desk = loop_new_serving();
	struct inbox *inbox = inbox_new(desk, desk_attend, NULL);
	pthread_t thread;
	int pair[2];
	double took;

	front.all = argument(argv, 1, 200000);
	front.at_once = MIN(argument(argv, 3, 32), AT_ONCE_MOST);
	answer.body = slice(xcalloc(1, bytes), bytes);
	read_request();
	if (frames_pair(pair, NULL) < 0)
		die("there is no socket");
	front.loop = loop_new_serving();
	front.line = line_new(front.loop, pair[0], line_closed, NULL);
	inbox_connect(inbox, pair[1]);
	if (pthread_create(&thread, NULL, desk_main, desk))
		die("there is no thread");
	took = run_all();
	loop_stop(desk);
	pthread_join(thread, NULL);
	printf("the hop of a request to its desk and back, %zu bytes answered, %ld at once: %.1f µs CPU\n", bytes,
	       front.at_once, took * 1e6 / (double)front.all);
	inbox_free(inbox);
	return 0;
}
