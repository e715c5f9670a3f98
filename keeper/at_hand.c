#include "keeper/at_hand.h"

#include <pthread.h>

#define PLACES 64	/* of accounts, which sign all requests, there are few; the others wait for their request */

struct held_key {
	struct buf id, sealed;
	struct key *key;	/* NULL: the place is empty, as all behind it are */
};

struct at_hand {
	pthread_mutex_t lock;
	struct held_key place[PLACES];
};

struct at_hand *at_hand_new(void)
{
	struct at_hand *h = xcalloc(1, sizeof(*h));

	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static void place_release(struct held_key *p)
{
	buf_release(&p->id);
	buf_release(&p->sealed);
	key_free(p->key);
}

void at_hand_free(struct at_hand *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < PLACES; i++)
		place_release(&h->place[i]);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static struct held_key *find(struct at_hand *h, struct slice id, struct slice sealed)
{
	for (struct held_key *p = h->place; p < h->place + PLACES && p->key; p++)
		if (slice_eq(slice_buf(&p->sealed), sealed) && slice_eq(slice_buf(&p->id), id))
			return p;
	return NULL;
}

struct key *at_hand_take(struct at_hand *h, struct slice id, struct slice sealed)
{
	struct key *key = NULL;
	struct held_key *p;

	pthread_mutex_lock(&h->lock);
	p = find(h, id, sealed);
	if (p) {
		key = TAKE(p->key);
		place_release(p);
		memmove(p, p + 1, (size_t)(h->place + PLACES - p - 1) * sizeof(*p));
		h->place[PLACES - 1] = (struct held_key){ .key = NULL };
	}
	pthread_mutex_unlock(&h->lock);
	return key;
}

void at_hand_put(struct at_hand *h, struct slice id, struct slice sealed, struct key *key)
{
	pthread_mutex_lock(&h->lock);
	place_release(&h->place[PLACES - 1]);
	memmove(h->place + 1, h->place, (PLACES - 1) * sizeof(*h->place));
	h->place[0] = (struct held_key){ .key = key };
	buf_add(&h->place[0].id, id.data, id.len);
	buf_add(&h->place[0].sealed, sealed.data, sealed.len);
	pthread_mutex_unlock(&h->lock);
}
