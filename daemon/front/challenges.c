#include "daemon/front/challenges.h"

#include <pthread.h>

#define BUCKETS_LEAST 256

struct challenge {
	struct challenge *next;		/* of its bucket */
	char *key_auth;
	char token[];
};

struct challenges {
	pthread_mutex_t mutex;
	size_t count, buckets;
	struct challenge **bucket;
};

struct challenges *challenges_new(void)
{
	struct challenges *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->mutex, NULL);
	all->buckets = BUCKETS_LEAST;
	all->bucket = xcalloc(all->buckets, sizeof(struct challenge *));
	return all;
}

static void challenge_free(struct challenge *one)
{
	free(one->key_auth);
	free(one);
}

void challenges_free(struct challenges *all)
{
	struct challenge *next;

	if (!all)
		return;
	for (size_t i = 0; i < all->buckets; i++)
		for (struct challenge *one = all->bucket[i]; one; one = next) {
			next = one->next;
			challenge_free(one);
		}
	pthread_mutex_destroy(&all->mutex);
	free(all->bucket);
	free(all);
}

/* Tokens are a CA's: they come from nobody who would gain by long buckets. */
static size_t bucket_of(const struct challenges *all, const char *token)
{
	uint32_t hash = 2166136261u;

	for (; *token; token++)
		hash = (hash ^ (unsigned char)*token) * 16777619u;
	return hash % all->buckets;
}

static struct challenge **place_of(const struct challenges *all, const char *token)
{
	struct challenge **link = &all->bucket[bucket_of(all, token)];

	while (*link && !str_eq((*link)->token, token))
		link = &(*link)->next;
	return link;
}

static void widen(struct challenges *all)
{
	struct challenges wider = { .buckets = 2 * all->buckets };
	struct challenge *one;

	wider.bucket = xcalloc(wider.buckets, sizeof(struct challenge *));
	for (size_t i = 0; i < all->buckets; i++)
		while ((one = all->bucket[i])) {
			struct challenge **to = &wider.bucket[bucket_of(&wider, one->token)];

			all->bucket[i] = one->next;
			one->next = *to;
			*to = one;
		}
	free(all->bucket);
	all->bucket = wider.bucket;
	all->buckets = wider.buckets;
}

static void add(struct challenges *all, const char *token, const char *key_auth)
{
	size_t len = strlen(token);
	struct challenge *new = xcalloc(1, sizeof(*new) + len + 1), **place;

	if (all->count >= all->buckets)
		widen(all);
	place = place_of(all, token);
	memcpy(new->token, token, len);
	new->key_auth = xstrdup(key_auth);
	new->next = *place;
	*place = new;
	all->count++;
}

void challenges_set(struct challenges *all, const char *token, const char *key_auth)
{
	struct challenge **place, *old;

	pthread_mutex_lock(&all->mutex);
	place = place_of(all, token);
	old = *place;
	if (old) {
		*place = old->next;
		challenge_free(old);
		all->count--;
	}
	if (key_auth)
		add(all, token, key_auth);
	pthread_mutex_unlock(&all->mutex);
}

bool challenges_find(struct challenges *all, const char *token, struct buf *key_auth)
{
	const struct challenge *found;

	pthread_mutex_lock(&all->mutex);
	found = *place_of(all, token);
	if (found)
		buf_add_str(key_auth, found->key_auth);
	pthread_mutex_unlock(&all->mutex);
	return found;
}
