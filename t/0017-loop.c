/* The event loop: posts from other threads, stopping, timers. */
#include "base/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static struct loop *loop;
static struct timer guard;

static void took_too_long(void *arg)
{
	die("the loop did not stop by itself");
}

static int set_up(void **state)
{
	loop = loop_new();
	timer_start(&guard, loop, 20000, took_too_long, NULL);
	return 0;
}

static int tear_down(void **state)
{
	timer_stop(&guard);
	loop_free(loop);
	return 0;
}

static void stop(void *arg)
{
	loop_stop(loop);
}

static char order[16];

static void note(void *arg)
{
	size_t len = strlen(order);

	if (len + 1 < sizeof(order))
		order[len] = *(char *)arg;
}

static void note_and_post_more(void *arg)
{
	note(arg);
	loop_post(loop, note, "x");
	loop_post(loop, stop, NULL);
}

static void posts_in_order(void **state)
{
	memset(order, 0, sizeof(order));
	loop_post(loop, note, "a");
	loop_post(loop, note_and_post_more, "b");
	loop_post(loop, note, "c");
	assert_string_equal(order, "");
	loop_run(loop);
	assert_string_equal(order, "abcx");
}

#define THREADS 4
#define POSTS 20000

static struct {
	int thread, number;
} posts[THREADS][POSTS];
static int arrived[THREADS], total;

static void arrive(void *arg)
{
	int *post = arg, thread = post[0], number = post[1];

	if (arrived[thread]++ != number)
		die("post %d of thread %d came as number %d", number, thread, arrived[thread]);
	if (++total == THREADS * POSTS)
		loop_stop(loop);
}

static void *poster(void *arg)
{
	int thread = (int)(intptr_t)arg;

	for (int i = 0; i < POSTS; i++) {
		posts[thread][i].thread = thread;
		posts[thread][i].number = i;
		loop_post(loop, arrive, &posts[thread][i]);
	}
	return NULL;
}

static void posts_from_threads(void **state)
{
	pthread_t thread[THREADS];

	total = 0;
	memset(arrived, 0, sizeof(arrived));
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, poster, (void *)i), 0);
	loop_run(loop);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(total, THREADS * POSTS);
}

static void *stop_later(void *arg)
{
	usleep(30000);
	loop_stop(loop);
	return NULL;
}

static void stop_from_a_thread(void **state)
{
	pthread_t thread;
	int64_t start = clock_mono_ms();

	assert_int_equal(pthread_create(&thread, NULL, stop_later, NULL), 0);
	loop_run(loop);
	pthread_join(thread, NULL);
	assert_in_range(clock_mono_ms() - start, 25, 5000);
}

static void stop_before_run(void **state)
{
	loop_stop(loop);
	loop_run(loop); /* returns, and can run again */
	loop_stop(loop);
	loop_run(loop);
}

static void stop_only_when_told(void **state)
{
	/* Without any timer or event of its own the loop still waits. */
	timer_stop(&guard);
	stop_from_a_thread(state);
}

static void not_run_when_freed(void **state)
{
	memset(order, 0, sizeof(order));
	loop_post(loop, note, "a");
	loop_free(loop);
	assert_string_equal(order, "");
	loop = loop_new();
	loop_free(NULL);
	memset(&guard, 0, sizeof(guard));
}

static int not_run_set_up(void **state)
{
	loop = loop_new();
	return 0;
}

static void timers(void **state)
{
	struct timer a = { 0 }, b = { 0 }, c = { 0 }, never = { 0 }, end = { 0 };
	int64_t start = clock_mono_ms();

	memset(order, 0, sizeof(order));
	timer_start(&c, loop, 60, note, "c");
	timer_start(&b, loop, 30, note, "b");
	timer_start(&a, loop, -5, note, "a");
	timer_start(&never, loop, 10, note, "n");
	timer_start(&end, loop, 100, stop, NULL);
	timer_stop(&never);
	timer_stop(&never);
	assert_string_equal(order, "");
	loop_run(loop);
	assert_string_equal(order, "abc");
	assert_in_range(clock_mono_ms() - start, 95, 5000);
	assert_null(a.event); /* one that has fired holds nothing */
}

static void rearmed(void **state)
{
	struct timer t = { 0 }, end = { 0 };

	memset(order, 0, sizeof(order));
	timer_start(&t, loop, 10, note, "1");
	timer_start(&t, loop, 40, note, "2");
	timer_start(&end, loop, 80, stop, NULL);
	loop_run(loop);
	assert_string_equal(order, "2");
}

struct owner {
	struct timer timer;
	int left;
};

/* Starts itself again a few times; the last time it frees the memory the timer lives in. */
static void again_or_free(void *arg)
{
	struct owner *owner = arg;

	note("t");
	if (owner->left--) {
		timer_start(&owner->timer, loop, 1, again_or_free, owner);
		return;
	}
	free(owner);
	loop_stop(loop);
}

static void timer_owner_may_go(void **state)
{
	struct owner *owner = xcalloc(1, sizeof(*owner));

	memset(order, 0, sizeof(order));
	owner->left = 3;
	timer_start(&owner->timer, loop, 0, again_or_free, owner);
	loop_run(loop);
	assert_string_equal(order, "tttt");
}

static struct timer other;

static void stop_other(void *arg)
{
	note("s");
	timer_stop(&other);
}

static void stopped_by_another(void **state)
{
	struct timer first = { 0 }, end = { 0 };

	memset(order, 0, sizeof(order));
	timer_start(&first, loop, 10, stop_other, NULL);
	timer_start(&other, loop, 10, note, "o");
	timer_start(&end, loop, 40, stop, NULL);
	usleep(20000); /* both are due in the same turn */
	loop_run(loop);
	assert_string_equal(order, "s");
}

#define ON_A_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_LOOP(posts_in_order),
		ON_A_LOOP(posts_from_threads),
		ON_A_LOOP(stop_from_a_thread),
		ON_A_LOOP(stop_before_run),
		ON_A_LOOP(stop_only_when_told),
		cmocka_unit_test_setup_teardown(not_run_when_freed, not_run_set_up, tear_down),
		ON_A_LOOP(timers),
		ON_A_LOOP(rearmed),
		ON_A_LOOP(timer_owner_may_go),
		ON_A_LOOP(stopped_by_another),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
