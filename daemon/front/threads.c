#include "daemon/front/threads.h"

#include <pthread.h>

#include "base/log.h"
#include "daemon/front/exchange.h"
#include "daemon/front/line.h"

#define DRAIN_LOOK_MS 50
#define UNREAD_MS 2000	/* for requests on connections that we took: who connected in time is answered */

struct front_thread {
	struct threads *all;
	pthread_t thread;
	bool running;
	char role[24];
	struct loop *loop;
	struct desk_line *line;
	struct exchanges *exchanges;
	struct conns *conns;
	struct serving *serving;
	struct timer drain;
	int64_t patience_ms, hsts;	/* what it is told */
	int64_t unread_ms;		/* how long requests may still come */
};

struct threads {
	struct threads_options o;
	int beats, drains;	/* threads that are still to say so */
	struct front_thread thread[];
};

static void *thread_main(void *arg)
{
	struct front_thread *t = arg;

	log_role(t->role);
	loop_run(t->loop);
	return NULL;
}

static void line_is_closed(void *arg)
{
	struct front_thread *t = arg;

	loop_post(t->all->o.loop, t->all->o.closed, t->all->o.arg);
}

static void thread_open(struct front_thread *t, struct threads *all, int index, int64_t hsts)
{
	const struct threads_options *o = &all->o;
	struct answering answering = {
		.challenges = o->challenges, .attend = line_attend, .left = line_left, .brief = true,
	};

	t->all = all;
	snprintf(t->role, sizeof(t->role), "front %d", index + 1);
	t->loop = loop_new_serving();
	answering.arg = t->line = line_new(t->loop, o->line[index], line_is_closed, t);
	t->exchanges = exchanges_new(&answering);
	t->conns = conns_new(t->loop, o->tls, o->doors, o->count, &exchange_handler, t->exchanges);
	conns_configure(t->conns, hsts);
	t->serving = listeners_serve(o->listeners, index, 1u << FACE_HTTP | 1u << FACE_HTTPS, t->loop, t->conns);
}

struct threads *threads_start(const struct threads_options *o, int64_t hsts)
{
	struct threads *all = xcalloc(1, sizeof(*all) + (size_t)o->count * sizeof(all->thread[0]));

	all->o = *o;
	for (int i = 0; i < o->count; i++)
		thread_open(&all->thread[i], all, i, hsts);
	for (int i = 0; i < o->count; i++) {
		struct front_thread *t = &all->thread[i];

		t->running = !pthread_create(&t->thread, NULL, thread_main, t);
		if (t->running)
			continue;
		threads_stop(all);
		return NULL;
	}
	return all;
}

static void take_configuration(void *arg)
{
	struct front_thread *t = arg;

	conns_configure(t->conns, t->hsts);
}

void threads_configure(struct threads *all, int64_t hsts)
{
	for (int i = 0; i < all->o.count; i++) {
		all->thread[i].hsts = hsts;
		loop_post(all->thread[i].loop, take_configuration, &all->thread[i]);
	}
}

static void note_beat(void *arg)
{
	struct threads *all = arg;

	if (--all->beats == 0)
		all->o.beaten(all->o.arg);
}

static void beat(void *arg)
{
	struct front_thread *t = arg;

	loop_post(t->all->o.loop, note_beat, t->all);
}

void threads_beat(struct threads *all)
{
	if (all->beats)
		return;
	all->beats = all->o.count;
	for (int i = 0; i < all->o.count; i++)
		loop_post(all->thread[i].loop, beat, &all->thread[i]);
}

static void note_drained(void *arg)
{
	struct threads *all = arg;

	if (--all->drains == 0)
		all->o.drained(all->o.arg);
}

static void drain(void *arg)
{
	struct front_thread *t = arg;

	if (!conns_idle(t->conns, t->unread_ms > 0) && t->patience_ms > 0) {
		t->patience_ms -= DRAIN_LOOK_MS;
		t->unread_ms -= DRAIN_LOOK_MS;
		timer_start(&t->drain, t->loop, DRAIN_LOOK_MS, drain, t);
		return;
	}
	loop_post(t->all->o.loop, note_drained, t->all);
}

static void begin_drain(void *arg)
{
	struct front_thread *t = arg;

	serving_stop(t->serving);
	conns_drain(t->conns);
	t->unread_ms = UNREAD_MS;
	drain(t);
}

void threads_drain(struct threads *all, int64_t patience_ms)
{
	if (all->drains)
		return;
	all->drains = all->o.count;
	for (int i = 0; i < all->o.count; i++) {
		all->thread[i].patience_ms = patience_ms;
		loop_post(all->thread[i].loop, begin_drain, &all->thread[i]);
	}
}

void threads_stop(struct threads *all)
{
	if (!all)
		return;
	for (int i = 0; i < all->o.count; i++) {
		struct front_thread *t = &all->thread[i];

		if (t->running) {
			loop_stop(t->loop);
			pthread_join(t->thread, NULL);
		}
		timer_stop(&t->drain);
		serving_free(t->serving);
		conns_free(t->conns);
		line_free(t->line);
		exchanges_free(t->exchanges);
		loop_free(t->loop);
	}
	free(all);
}
