#include "daemon/cluster/peer_call.h"

#include <pthread.h>
#include <sys/queue.h>

#include "daemon/cluster/resolve.h"

#define NEXT_MS 1500	/* an address that does not answer so long makes room for the next */

struct peer_call {
	LIST_ENTRY(peer_call) link;
	struct peer_calls *calls;
	char address[CLUSTER_ADDRESS];
	enum peer_use use;
	struct loop *on;
	peer_fn *fn;
	void *arg;
	bool canceled, answering;	/* nobody waits; fn is called.  Guarded */
	struct resolving *resolving;
	struct addresses to;
	size_t next;		/* of these */
	int fd;
	struct err err;
};

struct peer_calls {
	struct peer_calls_options o;
	pthread_mutex_t lock;	/* of the list, and of what is guarded in its members */
	LIST_HEAD(, peer_call) list;
};

static void call_free(struct peer_call *c)
{
	pthread_mutex_lock(&c->calls->lock);
	LIST_REMOVE(c, link);
	pthread_mutex_unlock(&c->calls->lock);
	resolve_cancel(c->resolving);
	addresses_release(&c->to);
	cleanup_close(&c->fd);
	free(c);
}

/* On the loop of whoever called. */
static void call_answered(void *arg)
{
	struct peer_call *c = arg;
	int fd = c->fd;

	pthread_mutex_lock(&c->calls->lock);
	c->answering = !c->canceled;
	pthread_mutex_unlock(&c->calls->lock);
	if (c->answering) {
		c->fd = -1;
		c->fn(c->arg, fd, fd < 0 ? &c->err : NULL);
	}
	call_free(c);
}

/* That loop may be gone if it was canceled. */
static void call_end(struct peer_call *c)
{
	bool canceled;

	pthread_mutex_lock(&c->calls->lock);
	canceled = c->canceled;
	if (!canceled)
		loop_post(c->on, call_answered, c);
	pthread_mutex_unlock(&c->calls->lock);
	if (canceled)
		call_free(c);
}

bool peer_call_cancel(struct peer_call *c)
{
	bool canceled;

	if (!c)
		return true;
	pthread_mutex_lock(&c->calls->lock);
	canceled = c->canceled = !c->answering;
	pthread_mutex_unlock(&c->calls->lock);
	return canceled;
}

static void try_next(struct peer_call *c)
{
	const struct address *to = &c->to.list[c->next++];

	c->calls->o.connect(c->calls->o.arg, c, to, c->next < c->to.count ? NEXT_MS : 0);
}

void peer_call_succeed(struct peer_call *c, int fd)
{
	c->fd = fd;
	call_end(c);
}

void peer_call_fail(struct peer_call *c, const struct err *e)
{
	c->err = *e;
	if (c->next < c->to.count)
		try_next(c);
	else
		call_end(c);
}

static void call_resolved(void *arg, struct addresses to, const struct err *why)
{
	struct peer_call *c = arg;
	struct err e = *why;

	c->resolving = NULL;
	c->to = to;
	if (to.count) {
		try_next(c);
		return;
	}
	err_prefix(&e, "connecting to the server at %s", c->address);
	peer_call_fail(c, &e);
}

static void call_begin(void *arg)
{
	struct peer_call *c = arg;

	if (addresses_numeric(&c->to, c->address))
		try_next(c);
	else
		c->resolving = resolve_start(c->calls->o.loop, c->address, call_resolved, c);
}

struct peer_call *peer_calls_begin(struct peer_calls *calls, const char *address, enum peer_use use, struct loop *on,
				   peer_fn *fn, void *arg)
{
	struct peer_call *c = xcalloc(1, sizeof(*c));

	*c = (struct peer_call){ .calls = calls, .use = use, .on = on, .fn = fn, .arg = arg, .fd = -1 };
	snprintf(c->address, sizeof(c->address), "%s", address);
	pthread_mutex_lock(&calls->lock);
	LIST_INSERT_HEAD(&calls->list, c, link);
	pthread_mutex_unlock(&calls->lock);
	loop_post(calls->o.loop, call_begin, c);
	return c;
}

enum peer_use peer_call_use(const struct peer_call *c)
{
	return c->use;
}

const char *peer_call_address(const struct peer_call *c)
{
	return c->address;
}

struct peer_calls *peer_calls_new(const struct peer_calls_options *o)
{
	struct peer_calls *calls = xcalloc(1, sizeof(*calls));

	calls->o = *o;
	LIST_INIT(&calls->list);
	pthread_mutex_init(&calls->lock, NULL);
	return calls;
}

void peer_calls_free(struct peer_calls *calls)
{
	if (!calls)
		return;
	while (!LIST_EMPTY(&calls->list))
		call_free(LIST_FIRST(&calls->list));
	pthread_mutex_destroy(&calls->lock);
	free(calls);
}
