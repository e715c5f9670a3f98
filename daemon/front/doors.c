#include "daemon/front/doors.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/metric.h"

#define BUCKETS 4096
#define RESTING_MOST 8		/* doors of a bucket that are kept only for their rate */
#define AT_ONCE_US 10000000	/* what may come in so long may also come at once */
#define TELL_MS 60000

struct door {
	struct door *next;		/* of its bucket */
	uint64_t key;
	int family;
	int open;			/* connections, on both ports */
	int64_t https;			/* of them */
	atomic_int unread;		/* of them, those on http whose request is not whole */
	int64_t due_us;			/* until then the rate is used up, if it is more than AT_ONCE_US ahead */
};

enum trouble { MANY, FAST, UNREAD, FULL };
static const struct {
	enum metric metric;
	const char *what, *why;		/* before and behind whom it is about */
} troubles[] = {
	[MANY] = { METRIC_refused_many, "refused a connection from", "it has as many as limits.per_address allows" },
	[FAST] = { METRIC_refused_fast, "refused a connection from", "they come faster than limits.per_second allows" },
	[UNREAD] = { METRIC_refused_unread, "refused a connection from",
		     "it has as many without a whole request as limits.per_address allows" },
	[FULL] = { METRIC_closed_full, "closed the connection that waited longest on",
		   "all are in use (limits.connections)" },
};

struct doors {
	pthread_mutex_t mutex;		/* of all but what is atomic */
	struct doors_limits limits;
	int64_t most[FACES];		/* connections */
	uint64_t seed;
	struct door *bucket[BUCKETS];
	struct door unlimited;		/* of trusted proxies and the control socket */
	struct {
		int64_t told_ms;
		long long more;
	} trouble[ARRAY_SIZE(troubles)];
};

/* Enough descriptors must be left for the store, the CAs and the keeper; of the connections a quarter is port 80's. */
static void share_out(struct doors *d)
{
	int64_t most = d->limits.connections;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
		most = MIN(most, (int64_t)(files.rlim_cur / 4 * 3));
	d->most[FACE_HTTP] = MAX(most / 4, 1);
	d->most[FACE_HTTPS] = MAX(most - d->most[FACE_HTTP], 1);
	d->most[FACE_CONTROL] = INT32_MAX;
}

struct doors *doors_new(void)
{
	struct doors *d = xcalloc(1, sizeof(*d));

	pthread_mutex_init(&d->mutex, NULL);
	random_bytes(&d->seed, sizeof(d->seed));
	d->limits = (struct doors_limits){ INT32_MAX, INT32_MAX, INT32_MAX, { NULL, 0 } };
	share_out(d);
	return d;
}

void doors_free(struct doors *d)
{
	struct door *next;

	if (!d)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct door *one = d->bucket[i]; one; one = next) {
			next = one->next;
			free(one);
		}
	cidr_list_release(&d->limits.trusted);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}

void doors_limit(struct doors *d, const struct doors_limits *limits)
{
	const struct cidr_list *trusted = &limits->trusted;

	pthread_mutex_lock(&d->mutex);
	cidr_list_release(&d->limits.trusted);
	d->limits = *limits;
	d->limits.trusted.item =
		trusted->count ? xmemdup(trusted->item, trusted->count * sizeof(*trusted->item)) : NULL;
	share_out(d);
	pthread_mutex_unlock(&d->mutex);
}

int64_t doors_most(struct doors *d, enum face face)
{
	int64_t most;

	pthread_mutex_lock(&d->mutex);
	most = d->most[face];
	pthread_mutex_unlock(&d->mutex);
	return most;
}

/*
 * One address.
 */

/* The family, and the address or the first half of an IPv6 one: who has one of these has the 2^64 of its network. */
static int key_of(const struct address *peer, uint64_t *key)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)&peer->sa)->sin6_addr;
	uint32_t four = 0;

	*key = 0;
	if (peer->sa.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(six)) {
		memcpy(key, six, sizeof(*key));
		return AF_INET6;
	}
	if (peer->sa.ss_family == AF_INET6)
		memcpy(&four, six->s6_addr + 12, sizeof(four));
	else
		four = ((const struct sockaddr_in *)&peer->sa)->sin_addr.s_addr;
	*key = four;
	return AF_INET;
}

static size_t bucket_of(const struct doors *d, uint64_t key)
{
	uint64_t mixed = (key ^ d->seed) * 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ mixed >> 32 ^ d->seed) * 0xd6e8feb86659fd93u;
	return mixed >> 52;
}

/* On the way those are forgotten that say nothing any more. */
static struct door *find(struct doors *d, const struct address *peer, int64_t now_us)
{
	uint64_t key;
	int family = key_of(peer, &key), resting = 0;
	struct door **link = &d->bucket[bucket_of(d, key)], *one, *found = NULL;

	while ((one = *link)) {
		if (one->key == key && one->family == family) {
			found = one;
		} else if (!one->open && (one->due_us <= now_us || ++resting > RESTING_MOST)) {
			*link = one->next;
			free(one);
			continue;
		}
		link = &one->next;
	}
	if (!found) {
		found = *link = xcalloc(1, sizeof(*found));
		found->key = key;
		found->family = family;
	}
	return found;
}

/* -1: it may come in. */
static int refusal(const struct doors *d, struct door *one, enum face face, int64_t now_us)
{
	int64_t most = MIN(d->limits.per_address, MAX(d->most[face] / 2, 1)), due = MAX(one->due_us, now_us);

	if (face == FACE_HTTP)
		return atomic_load(&one->unread) >= most ? UNREAD : -1;
	if (one->https >= most)
		return MANY;
	if (due - now_us > AT_ONCE_US)
		return FAST;
	one->due_us = due + 1000000 / d->limits.per_second;
	return -1;
}

/* Once in a while, and how often it was since. */
static void doors_tell(struct doors *d, enum trouble which, const char *about)
{
	int64_t now = clock_mono_ms(), told = d->trouble[which].told_ms;

	metric_add(troubles[which].metric, 1);
	if (told && now - told < TELL_MS) {
		d->trouble[which].more++;
		return;
	}
	log_warn("%s %s: %s (%lld more since the last line like this)", troubles[which].what, about,
		 troubles[which].why, d->trouble[which].more);
	d->trouble[which].told_ms = now;
	d->trouble[which].more = 0;
}

static struct door *enter(struct doors *d, enum face face, const struct address *peer)
{
	int64_t now_us = clock_mono_ms() * 1000;
	char text[ADDRESS_TEXT];
	struct door *one;
	int refused;

	if (face == FACE_CONTROL || cidr_list_has(&d->limits.trusted, (const struct sockaddr *)&peer->sa))
		return &d->unlimited;
	one = find(d, peer, now_us);
	refused = refusal(d, one, face, now_us);
	if (refused < 0)
		return one;
	doors_tell(d, (enum trouble)refused, address_host(text, peer));
	return NULL;
}

struct door *doors_enter(struct doors *d, enum face face, const struct address *peer)
{
	struct door *one;

	pthread_mutex_lock(&d->mutex);
	one = enter(d, face, peer);
	if (one) {
		one->open++;
		one->https += face == FACE_HTTPS;
		door_unread(one, face, true);
	}
	pthread_mutex_unlock(&d->mutex);
	return one;
}

void doors_leave(struct doors *d, struct door *one, enum face face, bool unread)
{
	pthread_mutex_lock(&d->mutex);
	one->open--;
	one->https -= face == FACE_HTTPS;
	if (unread)
		door_unread(one, face, false);
	pthread_mutex_unlock(&d->mutex);
}

void door_unread(struct door *one, enum face face, bool unread)
{
	if (face == FACE_HTTP)
		atomic_fetch_add_explicit(&one->unread, unread ? 1 : -1, memory_order_relaxed);
}

void doors_tell_full(struct doors *d, enum face face)
{
	pthread_mutex_lock(&d->mutex);
	doors_tell(d, FULL, face == FACE_HTTP ? "http" : "https");
	pthread_mutex_unlock(&d->mutex);
}
