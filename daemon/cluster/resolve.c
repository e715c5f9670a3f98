#include "daemon/cluster/resolve.h"

#include <netdb.h>
#include <pthread.h>

/* The thread and whoever waits for it have one each: the last one frees it, as a look-up cannot be stopped. */
struct resolving {
	pthread_mutex_t lock; /* guards the next two */
	int users;
	bool canceled; /* nobody waits */
	struct loop *loop;
	char *address;
	struct addresses to;
	struct err err;
	resolve_fn *fn;
	void *arg;
};

void addresses_release(struct addresses *a)
{
	free(TAKE(a->list));
	a->count = 0;
}

static void add(struct addresses *to, const void *sa, socklen_t len)
{
	to->list = xreallocarray(to->list, to->count + 1, sizeof(*to->list));
	to->list[to->count] = (struct address){ .len = len };
	memcpy(&to->list[to->count++].sa, sa, len);
}

static int look_up(struct addresses *to, const char *host, const char *port, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
	int failed = getaddrinfo(host, port, &hints, &found);

	if (failed)
		return err_set(e, ERR_NETWORK, "looking up %s: %s", host, gai_strerror(failed));
	for (const struct addrinfo *one = found; one; one = one->ai_next)
		add(to, one->ai_addr, one->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

bool addresses_numeric(struct addresses *to, const char *address)
{
	struct err ignored;
	struct address one;

	*to = (struct addresses){ .count = 0 };
	if (address_parse(&one, address, &ignored) < 0)
		return false;
	add(to, &one.sa, one.len);
	return true;
}

int resolve_now(struct addresses *to, const char *address, struct err *e)
{
	const char *colon = strrchr(address, ':');
	_cleanup_free_ char *host = colon ? xstrndup(address, (size_t)(colon - address)) : NULL;

	if (addresses_numeric(to, address))
		return 0;
	if (!host || !*host || strpbrk(host, "[]:/ "))
		return err_set(e, ERR_CONFIG, "\"%s\" is not HOST:PORT", address);
	return look_up(to, host, colon + 1, e);
}

static void resolving_leave(struct resolving *r)
{
	int left;

	pthread_mutex_lock(&r->lock);
	left = --r->users;
	pthread_mutex_unlock(&r->lock);
	if (left)
		return;
	pthread_mutex_destroy(&r->lock);
	addresses_release(&r->to);
	free(r->address);
	free(r);
}

static void resolved(void *arg)
{
	struct resolving *r = arg;
	struct addresses to = r->to;

	r->to = (struct addresses){ .count = 0 };
	r->fn(r->arg, to, &r->err);
	resolving_leave(r);
}

static void *resolve(void *arg)
{
	struct resolving *r = arg;

	resolve_now(&r->to, r->address, &r->err);
	pthread_mutex_lock(&r->lock);
	if (!r->canceled)
		loop_post(r->loop, resolved, r);
	pthread_mutex_unlock(&r->lock);
	resolving_leave(r);
	return NULL;
}

struct resolving *resolve_start(struct loop *loop, const char *address, resolve_fn *fn, void *arg)
{
	struct resolving *r = xcalloc(1, sizeof(*r));
	pthread_t thread;

	*r = (struct resolving){ .users = 2, .loop = loop, .address = xstrdup(address), .fn = fn, .arg = arg };
	pthread_mutex_init(&r->lock, NULL);
	if (pthread_create(&thread, NULL, resolve, r)) {
		err_set(&r->err, ERR_INTERNAL, "starting a thread failed");
		r->users = 1;
		loop_post(loop, resolved, r);
	} else {
		pthread_detach(thread);
	}
	return r;
}

void resolve_cancel(struct resolving *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->canceled = true;
	pthread_mutex_unlock(&r->lock);
	resolving_leave(r);
}
