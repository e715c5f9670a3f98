#include "webui/gate/confirmed.h"

#include <pthread.h>

#include "base/clock.h"
#include "keeper/keeper.h"

#define MOST 256	/* at one time, as in the keeper; then the oldest is forgotten */

struct confirmed {
	char session[48], proof[CONFIRMED_PROOF_SIZE];
	int64_t until_ms;
};

static struct {
	pthread_mutex_t lock;
	struct confirmed one[MOST];
	unsigned next;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void forget(const char *session)
{
	for (size_t i = 0; i < MOST; i++)
		if (str_eq(all.one[i].session, session))
			wipe(&all.one[i], sizeof(all.one[i]));
}

void confirmed_end(const char *session)
{
	pthread_mutex_lock(&all.lock);
	forget(session);
	pthread_mutex_unlock(&all.lock);
}

void confirmed_begin(const char *session, struct slice proof)
{
	struct confirmed *c;

	pthread_mutex_lock(&all.lock);
	forget(session);
	c = &all.one[all.next++ % MOST];
	c->until_ms = clock_mono_ms() + KEEPER_PROOF_SECONDS * 1000;
	snprintf(c->session, sizeof(c->session), "%s", session);
	snprintf(c->proof, sizeof(c->proof), "%s", (const char *)proof.data);
	pthread_mutex_unlock(&all.lock);
}

void confirmed_find(const char *session, char proof[CONFIRMED_PROOF_SIZE])
{
	int64_t now = clock_mono_ms();

	*proof = '\0';
	pthread_mutex_lock(&all.lock);
	for (size_t i = 0; i < MOST; i++)
		if (str_eq(all.one[i].session, session) && all.one[i].until_ms > now)
			snprintf(proof, CONFIRMED_PROOF_SIZE, "%s", all.one[i].proof);
	pthread_mutex_unlock(&all.lock);
}
