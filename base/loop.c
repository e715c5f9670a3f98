#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

struct loop_post {
	struct loop_post *next;
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	int wake_fd; /* an eventfd: readable while something was posted */
	struct event *wake;
	pthread_mutex_t lock;       /* of the list below */
	struct loop_post *first, **last; /* posted and not yet run */
};

static struct loop_post *take_posts(struct loop *loop)
{
	struct loop_post *first;

	pthread_mutex_lock(&loop->lock);
	first = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	pthread_mutex_unlock(&loop->lock);
	return first;
}

static void run_posts(evutil_socket_t fd, short what, void *arg)
{
	eventfd_t count;
	struct loop_post *next;

	/* First the wake-up, then the list: what is posted in between wakes once more. */
	eventfd_read(fd, &count);
	for (struct loop_post *p = take_posts(arg); p; p = next) {
		next = p->next;
		p->fn(p->arg);
		free(p);
	}
}

/* No locks: what other threads have for a loop comes through loop_post(), and its eventfd. */
static struct event_base *new_base(int flags)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config || event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | flags) < 0)
		die("an event loop cannot be made");
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static struct loop *make(int flags)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->last = &loop->first;
	pthread_mutex_init(&loop->lock, NULL);
	loop->base = new_base(flags);
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!loop->base || loop->wake_fd < 0)
		die("an event loop cannot be made: %s", strerror(errno));
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, run_posts, loop);
	if (!loop->wake || event_add(loop->wake, NULL) < 0)
		die("an event loop cannot watch its wake-up");
	return loop;
}

struct loop *loop_new(void)
{
	return make(0);
}

struct loop *loop_new_serving(void)
{
	return make(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
}

void loop_free(struct loop *loop)
{
	struct loop_post *next;

	if (!loop)
		return;
	for (struct loop_post *p = take_posts(loop); p; p = next) {
		next = p->next;
		free(p);
	}
	event_free(loop->wake);
	close(loop->wake_fd);
	event_base_free(loop->base);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void loop_run(struct loop *loop)
{
	if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		die("the event loop broke: %s", strerror(errno));
}

void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct loop_post *p = xmalloc(sizeof(*p));

	*p = (struct loop_post){ NULL, fn, arg };
	pthread_mutex_lock(&loop->lock);
	*loop->last = p;
	loop->last = &p->next;
	/* Inside the lock: once that is open, the loop may run this post and be freed. */
	eventfd_write(loop->wake_fd, 1);
	pthread_mutex_unlock(&loop->lock);
}

static void stop_here(void *arg)
{
	struct loop *loop = arg;

	event_base_loopbreak(loop->base);
}

/* Posted, so that a stop which comes before loop_run() is not forgotten. */
void loop_stop(struct loop *loop)
{
	loop_post(loop, stop_here, loop);
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;
	void (*fn)(void *) = t->fn;
	void *fn_arg = t->arg;

	/* Idle before fn runs: it may start the timer again, or free its owner. */
	timer_stop(t);
	fn(fn_arg);
}

void timer_start(struct timer *t, struct loop *loop, int64_t ms, void (*fn)(void *arg), void *arg)
{
	struct timeval after = { .tv_sec = MAX(ms, 0) / 1000, .tv_usec = MAX(ms, 0) % 1000 * 1000 };

	timer_stop(t);
	t->fn = fn;
	t->arg = arg;
	t->event = evtimer_new(loop->base, timer_fired, t);
	if (!t->event || evtimer_add(t->event, &after) < 0)
		die("a timer cannot be started");
}

void timer_stop(struct timer *t)
{
	if (t->event)
		event_free(t->event);
	t->event = NULL;
}
