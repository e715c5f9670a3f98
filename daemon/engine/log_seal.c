#include "daemon/engine/log_seal.h"

#include "base/log.h"
#include "store/event/history.h"

#define APART_MS 10000	/* between seals: what came since the last can be taken away unseen */

struct log_seal {
	struct engine *engine;
	struct bell *bell;
	struct timer timer;
	bool waits;				/* the timer runs */
	struct keeper_question *question;	/* NULL: none is under way */
	struct history_seal kept, next;		/* in the store; what the question is about */
	bool checked;				/* the one that was kept at the start, if there was one */
	struct err trouble;
};

static void look(void *arg);
static void seal_newest(struct log_seal *);

static void give_up(struct log_seal *l, const struct err *e)
{
	l->trouble = *e;
	log_err(LOG_LEVEL_ERROR, &l->trouble);
}

static void wait_for_more(struct log_seal *l)
{
	l->waits = true;
	timer_start(&l->timer, l->engine->loop, APART_MS, look, l);
}

static int put_seal(struct log_seal *l, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(l->engine->store, &t, e) < 0 || history_seal_put(t, &l->next, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void sealed(void *arg, const struct keeper_answer *a)
{
	struct log_seal *l = arg;
	struct err e = { 0 };

	l->question = NULL;
	if (a->err) {
		give_up(l, a->err);
		return;
	}
	memcpy(l->next.mac, a->field[0].data, MIN(a->field[0].len, sizeof(l->next.mac)));
	if (put_seal(l, &e) < 0)	/* the store takes nothing now, and says so itself */
		wait_for_more(l);
	else
		l->kept = l->next;
}

static void checked(void *arg, const struct keeper_answer *a)
{
	struct log_seal *l = arg;

	l->question = NULL;
	l->checked = !a->err;
	if (a->err)
		give_up(l, a->err);
	else
		seal_newest(l);
}

/* The log as it is kept, not as it is thought to be. */
static struct txn *read_durable(struct log_seal *l)
{
	struct err e = { 0 };
	struct txn *t;

	if (store_read_durable(l->engine->store, &t, &e) < 0)
		wait_for_more(l);
	return t;
}

static void seal_newest(struct log_seal *l)
{
	_cleanup_txn_ struct txn *t = read_durable(l);
	struct err e = { 0 };
	int found = t ? history_head(t, l->next.head, &e) : 0;

	if (found < 0)
		wait_for_more(l);
	if (found > 0 && memcmp(l->next.head, l->kept.head, sizeof(l->next.head)))
		l->question = KEEPER_ASK(l->engine->keeper, log_seal, -1, sealed, l,
					 slice(l->next.head, sizeof(l->next.head)));
}

static void check_kept(struct log_seal *l)
{
	_cleanup_txn_ struct txn *t = read_durable(l);
	struct err e = { 0 };
	int found = t ? history_seal_get(t, &l->kept, &e) : -1;

	if (!t)
		return;
	l->checked = !found;
	if (found < 0)
		give_up(l, &e);
	else if (found)
		l->question =
			KEEPER_ASK(l->engine->keeper, log_check, -1, checked, l,
				   slice(l->kept.head, sizeof(l->kept.head)), slice(l->kept.mac, sizeof(l->kept.mac)));
	else
		seal_newest(l);
}

static void look(void *arg)
{
	struct log_seal *l = arg;

	l->waits = false;
	l->checked &= !l->engine->resting;	/* a different server seals meanwhile */
	if (l->question || l->engine->resting)
		wait_for_more(l);
	else if (l->checked)
		seal_newest(l);
	else
		check_kept(l);
}

static void bell_rang(void *arg)
{
	struct log_seal *l = arg;

	if (!l->waits && !err_is_set(&l->trouble))
		wait_for_more(l);
}

struct log_seal *log_seal_new(struct engine *g)
{
	struct log_seal *l = xcalloc(1, sizeof(*l));

	l->engine = g;
	l->bell = bell_new(g->store, g->loop, bell_rang, l);
	bell_watch(l->bell, TABLE_event, true);
	l->waits = true;
	timer_start(&l->timer, g->loop, 0, look, l);
	return l;
}

void log_seal_free(struct log_seal *l)
{
	if (!l)
		return;
	if (l->question)
		keeper_cancel(l->question);
	timer_stop(&l->timer);
	bell_free(l->bell);
	free(l);
}

const struct err *log_seal_trouble(const struct log_seal *l)
{
	return err_is_set(&l->trouble) ? &l->trouble : NULL;
}
