#include "store/db/gate.h"

void gate_init(struct gate *g)
{
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->moved, NULL);
	g->inside = NULL;
	g->closed = false;
}

void gate_release(struct gate *g)
{
	if (g->inside)
		die("the store is closed with a transaction under way");
	pthread_cond_destroy(&g->moved);
	pthread_mutex_destroy(&g->lock);
}

static bool is_own(const struct guest *guest)
{
	return pthread_equal(guest->owner, pthread_self());
}

static bool has_own(const struct gate *g, bool writes)
{
	for (const struct guest *guest = g->inside; guest; guest = guest->next)
		if (is_own(guest) && (guest->writes || !writes))
			return true;
	return false;
}

static bool has_pinned(const struct gate *g)
{
	for (const struct guest *guest = g->inside; guest; guest = guest->next)
		if (guest->pinned)
			return true;
	return false;
}

void gate_enter(struct gate *g, struct guest *guest, bool writes)
{
	*guest = (struct guest){ .owner = pthread_self(), .writes = writes };
	pthread_mutex_lock(&g->lock);
	if (writes && has_own(g, true))
		die("a write transaction begins inside a write transaction of the same thread");
	/* Who is inside already is waited for, so he must not wait. */
	while (g->closed && !has_own(g, false))
		pthread_cond_wait(&g->moved, &g->lock);
	guest->next = g->inside;
	g->inside = guest;
	pthread_mutex_unlock(&g->lock);
}

void gate_leave(struct gate *g, struct guest *guest)
{
	struct guest **link = &g->inside;

	pthread_mutex_lock(&g->lock);
	while (*link != guest)
		link = &(*link)->next;
	*link = guest->next;
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

void gate_pin(struct gate *g, bool on)
{
	pthread_mutex_lock(&g->lock);
	for (struct guest *guest = g->inside; guest; guest = guest->next)
		if (is_own(guest))
			guest->pinned = on;
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

bool gate_close(struct gate *g, bool wait)
{
	bool empty;

	pthread_mutex_lock(&g->lock);
	g->closed = true;
	while (g->inside && wait && !has_pinned(g))
		pthread_cond_wait(&g->moved, &g->lock);
	empty = !g->inside;
	pthread_mutex_unlock(&g->lock);
	if (!empty)
		gate_open(g);
	return empty;
}

void gate_open(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->closed = false;
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}
