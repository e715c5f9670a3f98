#include "base/barrier.h"

void barrier_init(struct barrier *b)
{
	b->first = NULL;
	b->end = &b->first;
}

void barrier_pass(struct barrier *b, struct held *h, void (*fn)(void *arg, const struct err *lost), void *arg)
{
	uint64_t ticket = b ? b->ticket(b->arg) : 0;

	if (!ticket) {
		fn(arg, NULL);
		return;
	}
	*h = (struct held){ .barrier = b, .ticket = ticket, .fn = fn, .arg = arg };
	*b->end = h;
	b->end = &h->next;
}

void barrier_leave(struct held *h)
{
	struct barrier *b = TAKE(h->barrier);
	struct held **link;

	if (!b)
		return;
	link = &b->first;
	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
	if (b->end == &h->next)
		b->end = link;
}

uint64_t barrier_look(struct barrier *b)
{
	struct held *h;
	struct err why;
	int fate;

	/* Tickets grow: who waits first goes first. */
	while ((h = b->first)) {
		err_clear(&why);
		fate = b->fate(b->arg, h->ticket, &why);
		if (!fate)
			return h->ticket;
		barrier_leave(h);
		h->fn(h->arg, fate < 0 ? &why : NULL);
	}
	return 0;
}
