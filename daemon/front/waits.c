#include "daemon/front/waits.h"

static const int64_t patience_ms[] = {
	[WAIT_ANSWER] = INT64_MAX,
	[WAIT_HANDSHAKE] = 10000,
	[WAIT_HEAD] = 10000,
	[WAIT_BODY] = 30000,
	[WAIT_IDLE] = 30000,
	[WAIT_READER] = 30000,
	[WAIT_FAREWELL] = 2000,
};

void waits_init(struct waits *w)
{
	for (size_t i = 0; i < WAITS; i++)
		w->end[i].before = w->end[i].after = &w->end[i];
}

void waits_add(struct waits *w, struct waiting *one, enum wait wait, int64_t now)
{
	struct waiting *end = &w->end[wait];

	one->wait = wait;
	one->since = now;
	one->before = end->before;
	one->after = end;
	end->before->after = one;
	end->before = one;
}

void waits_remove(struct waiting *one)
{
	one->before->after = one->after;
	one->after->before = one->before;
}

void waits_move(struct waits *w, struct waiting *one, enum wait wait, int64_t now)
{
	waits_remove(one);
	waits_add(w, one, wait, now);
}

struct waiting *waits_first(struct waits *w, enum wait wait)
{
	return w->end[wait].after == &w->end[wait] ? NULL : w->end[wait].after;
}

struct waiting *waits_next(struct waits *w, struct waiting *one)
{
	return one->after == &w->end[one->wait] ? NULL : one->after;
}

struct waiting *waits_late(struct waits *w, int64_t now)
{
	for (enum wait wait = 0; wait < WAITS; wait++) {
		struct waiting *first = waits_first(w, wait);

		if (first && now - first->since >= patience_ms[wait])
			return first;
	}
	return NULL;
}

struct waiting *waits_victim(struct waits *w)
{
	static const enum wait unread[] = { WAIT_FAREWELL, WAIT_HANDSHAKE, WAIT_HEAD, WAIT_BODY, WAIT_IDLE };
	struct waiting *oldest = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(unread); i++) {
		struct waiting *first = waits_first(w, unread[i]);

		if (first && (!oldest || first->since < oldest->since))
			oldest = first;
	}
	return oldest ? oldest : waits_first(w, WAIT_READER);
}
