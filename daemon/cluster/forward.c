#include "daemon/cluster/forward.h"

#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process/local_admin.h"
#include "daemon/front/line.h"

#define APPLY_MS 2000	/* an answer waits so long for our store to have what it follows from */
#define LEADERLESS_MS 3000	/* a request waits so long for the next leader, when one has just gone */
#define FORMER_MS 3000	/* one that leads no more can still answer what it was asked */
#define AGAIN 5		/* seconds after which asking again makes sense */

/*
 * One that was taken over.  Its exchange is the first in it.  It goes through the lists of struct forward: leaderless,
 * until there is a leader; vouching, if it is a local administrator's; waiting, for the line to the leader; sent; held,
 * with its answer.
 */
struct forwarded {
	struct http_exchange exchange;	/* between us and the line */
	struct http_request request;	/* as it is sent; its text is that of `asked` */
	TAILQ_ENTRY(forwarded) link;
	struct forward *forward;
	struct http_exchange *asked;
	struct keeper_question *question;	/* whether the keeper vouches */
	char *voucher;
	uint64_t term;			/* of the leader it was meant for last; 0: there was none */
	struct http_answer answer;	/* while it waits for our store; with a copy of what it refers to */
	char *type;
	struct buf fields, body;
	struct timer patience;
};
TAILQ_HEAD(forwards, forwarded);

/* A line to a leader. */
struct forward_line {
	struct forward *forward;
	struct desk_line *line;
};

struct forward {
	struct forward_options o;
	struct cluster_bell *bell;
	struct forward_line *now;	/* to the leader; NULL: none */
	struct forward_line *former;	/* to the one before, while it answers what it was asked */
	struct timer former_patience;
	struct peer_call *call;		/* `now` is being made */
	uint64_t term;			/* of the leader it leads to, or is to lead to */
	bool over;			/* nobody carries anything to the leader any more */
	bool led;			/* there was a leader when we last looked */
	int64_t gone_ms;		/* clock_mono_ms() since when there is none; 0: there never was one */
	struct forwards leaderless, vouching, waiting, sent, held;
};

/*
 * The ways it ends.
 */

static void forwarded_free(struct forwarded *f)
{
	timer_stop(&f->patience);
	if (f->question)
		keeper_cancel(f->question);
	wipe_free(f->voucher);
	free(f->type);
	buf_wipe(&f->fields);
	buf_wipe(&f->body);
	free(f);
}

static void forwarded_refuse(struct forwarded *f, const struct err *e)
{
	f->forward->o.refuse(f->forward->o.arg, f->asked, e);
	forwarded_free(f);
}

static void refuse_all(struct forwards *list, const struct err *e)
{
	struct forwarded *f;

	while ((f = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, f, link);
		forwarded_refuse(f, e);
	}
}

static int later(struct err *e)
{
	e->retry_at = clock_now() + AGAIN;
	return -1;
}

int forward_no_leader(const struct cluster_view *v, struct err *e)
{
	if (v->role == CLUSTER_BEHIND || v->role == CLUSTER_STRANGER)
		err_set(e, ERR_LATER,
			"this server does not have the cluster's state yet: nothing can be changed here now");
	else
		err_set(e, ERR_LATER, "no server leads the cluster now, so nothing can be changed; reading goes on");
	if (*v->trouble)
		err_hint(e, "%s", v->trouble);
	return later(e);
}

static int leader_unreachable(const char *name, const struct cluster_view *v, const struct err *why, struct err *e)
{
	err_set(e, ERR_LATER,
		"this server, %s, cannot reach the leader of the cluster, %s: nothing can be changed here now", name,
		v->leader);
	err_hint(e, "Use a different server meanwhile, and allow connections from %s to %s (%s).", name,
		 v->leader_address, why->message);
	return later(e);
}

static int ending(struct err *e)
{
	err_set(e, ERR_LATER, "this server ends: the leader of the cluster was not asked, and nothing was changed");
	return later(e);
}

static int leader_lost(struct err *e)
{
	err_set(e, ERR_LATER,
		"the leader of the cluster went away before it answered: it is not known whether the change was made");
	err_hint(e, "Check whether it was made before you repeat it.");
	return later(e);
}

/*
 * The answer.
 */

static struct forwarded *forwarded_of(struct http_exchange *x)
{
	return (struct forwarded *)x;
}

static void hand_on(struct forwarded *f, const struct http_answer *a)
{
	f->asked->way->answer(f->asked, a);
	forwarded_free(f);
}

static void hand_on_held(struct forwarded *f)
{
	TAILQ_REMOVE(&f->forward->held, f, link);
	hand_on(f, &f->answer);
}

static void forward_held_enough(void *arg)
{
	log_debug("an answer of the leader is handed on before this server has what it follows from");
	hand_on_held(arg);
}

static void hold(struct forwarded *f, const struct http_answer *a)
{
	buf_add(&f->fields, a->fields.data, a->fields.len);
	buf_add(&f->body, a->body.data, a->body.len);
	f->type = a->type ? xstrdup(a->type) : NULL;
	f->answer = *a;
	f->answer.type = f->type;
	f->answer.fields = slice_buf(&f->fields);
	f->answer.body = slice_buf(&f->body);
	TAILQ_INSERT_TAIL(&f->forward->held, f, link);
	timer_start(&f->patience, f->forward->o.loop, APPLY_MS, forward_held_enough, f);
}

static void forwarded_answer(struct http_exchange *x, const struct http_answer *a)
{
	struct forwarded *f = forwarded_of(x);

	TAILQ_REMOVE(&f->forward->sent, f, link);
	if (a->applied > cluster_applied(f->forward->o.cluster))
		hold(f, a);
	else
		hand_on(f, a);
}

static void forwarded_begin(struct http_exchange *x, const struct http_answer *a)
{
	struct http_exchange *asked = forwarded_of(x)->asked;

	asked->way->begin(asked, a);
}

static bool forwarded_part(struct http_exchange *x, struct slice data)
{
	struct http_exchange *asked = forwarded_of(x)->asked;

	return asked->way->part(asked, data);
}

static void forwarded_end(struct http_exchange *x)
{
	struct forwarded *f = forwarded_of(x);

	TAILQ_REMOVE(&f->forward->sent, f, link);
	f->asked->way->end(f->asked);
	forwarded_free(f);
}

static void forwarded_drop(struct http_exchange *x)
{
	struct forwarded *f = forwarded_of(x);
	struct err e;

	TAILQ_REMOVE(&f->forward->sent, f, link);
	leader_lost(&e);
	forwarded_refuse(f, &e);
}

static bool forwarded_gone(struct http_exchange *x)
{
	struct http_exchange *asked = forwarded_of(x)->asked;

	return asked->way->gone(asked);
}

static void forward_wait_for_leader(struct forward *, struct forwarded *);
static void forward_look(void *arg);

/* The node that we took for the leader leads no more. */
static void forwarded_back(struct http_exchange *x)
{
	struct forwarded *f = forwarded_of(x);

	TAILQ_REMOVE(&f->forward->sent, f, link);
	forward_wait_for_leader(f->forward, f);
	loop_post(f->forward->o.loop, forward_look, f->forward);	/* later: this is inside of the line */
}

static const struct http_way way = {
	.answer = forwarded_answer,
	.begin = forwarded_begin,
	.part = forwarded_part,
	.end = forwarded_end,
	.drop = forwarded_drop,
	.gone = forwarded_gone,
	.back = forwarded_back,
};

/*
 * The line to the leader.
 */

/* What is with the leader is dropped. */
static void line_end(struct forward_line *l)
{
	if (!l)
		return;
	line_free(TAKE(l->line));
	free(l);
}

static void forward_line_lost(void *arg)
{
	struct forward_line *l = arg;
	struct forward *w = l->forward;

	if (w->now == l)
		w->now = NULL;
	else
		w->former = NULL;
	line_end(l);
}

static void former_enough(void *arg)
{
	struct forward *w = arg;

	line_end(TAKE(w->former));
}

/* There is a different leader now. */
static void leave_line(struct forward *w)
{
	if (!w->now)
		return;
	line_end(TAKE(w->former));
	w->former = TAKE(w->now);
	timer_start(&w->former_patience, w->o.loop, FORMER_MS, former_enough, w);
}

static void send_waiting(struct forward *w)
{
	struct forwarded *f;

	while ((f = TAILQ_FIRST(&w->waiting))) {
		TAILQ_REMOVE(&w->waiting, f, link);
		TAILQ_INSERT_TAIL(&w->sent, f, link);
		line_attend(w->now->line, &f->exchange);
	}
}

static void forward_called(void *arg, int fd, const struct err *why)
{
	struct forward *w = arg;
	struct cluster_view view;
	struct err e;

	w->call = NULL;
	if (fd >= 0) {
		w->now = xmalloc(sizeof(*w->now));
		w->now->forward = w;
		w->now->line = line_new(w->o.loop, fd, forward_line_lost, w->now);
		send_waiting(w);
		return;
	}
	cluster_look(w->o.cluster, &view);
	leader_unreachable(cluster_name(w->o.cluster), &view, why, &e);
	refuse_all(&w->waiting, &e);
}

static void forward_connect(struct forward *w, const struct cluster_view *view)
{
	if (w->call)
		return;
	w->term = view->term;
	w->call = peers_call(w->o.peers, view->leader_address, PEER_requests, w->o.loop, forward_called, w);
}

/* It goes out as soon as there is a line to this leader. */
static void forward_send(struct forward *w, struct forwarded *f, const struct cluster_view *view)
{
	TAILQ_INSERT_TAIL(&w->waiting, f, link);
	if (w->now)
		send_waiting(w);
	else
		forward_connect(w, view);
}

/*
 * From the request to the line.
 */

static void forward_vouched(void *arg, const struct keeper_answer *a)
{
	struct forwarded *f = arg;
	struct forward *w = f->forward;
	struct cluster_view view;

	f->question = NULL;
	TAILQ_REMOVE(&w->vouching, f, link);
	cluster_look(w->o.cluster, &view);
	if (a->err) {
		forwarded_refuse(f, a->err);
	} else if (view.role != CLUSTER_FOLLOWER || view.term != f->term) {
		forward_wait_for_leader(w, f);
		forward_look(w);
	} else {
		wipe_free(f->voucher);
		f->request.vouched = f->voucher = xstrdup(a->field[0].data);
		forward_send(w, f, &view);
	}
}

/* To this leader; a voucher is good there alone. */
static void forward_go(struct forward *w, struct forwarded *f, const struct cluster_view *view)
{
	int socket = f->asked->request->socket;
	char name[LOCAL_ADMIN_TEXT];

	timer_stop(&f->patience);
	f->term = view->term;
	if (f->asked->request->face != FACE_CONTROL) {
		forward_send(w, f, view);
		return;
	}
	TAILQ_INSERT_TAIL(&w->vouching, f, link);
	f->question = KEEPER_ASK(w->o.keeper, vouch, socket, forward_vouched, f, slice_str(view->leader),
				 slice_str(KEEPER_PROOF_PEER), slice_str(local_admin_text(socket, geteuid(), name)));
}

static void forward_no_leader_came(void *arg)
{
	struct forwarded *f = arg;
	struct cluster_view view;
	struct err e;

	TAILQ_REMOVE(&f->forward->leaderless, f, link);
	cluster_look(f->forward->o.cluster, &view);
	forward_no_leader(&view, &e);
	forwarded_refuse(f, &e);
}

static void forward_wait_for_leader(struct forward *w, struct forwarded *f)
{
	TAILQ_INSERT_TAIL(&w->leaderless, f, link);
	timer_start(&f->patience, w->o.loop, LEADERLESS_MS, forward_no_leader_came, f);
}

/* We lead now: what waited for a leader is ours to answer. */
static void forward_answer_here(struct forward *w, struct forwarded *f)
{
	struct http_exchange *asked = f->asked;

	forwarded_free(f);
	w->o.attend(w->o.arg, asked);
}

static bool leads_elsewhere(const struct cluster_view *view)
{
	return view->role == CLUSTER_FOLLOWER && *view->leader_address;
}

static void forward_leaderless(struct forward *w, const struct cluster_view *view)
{
	struct forwarded *f, *next;

	for (f = TAILQ_FIRST(&w->leaderless); f; f = next) {
		bool here = view->role == CLUSTER_LEADER;

		next = TAILQ_NEXT(f, link);
		if (!here && (!leads_elsewhere(view) || f->term == view->term))
			continue;
		TAILQ_REMOVE(&w->leaderless, f, link);
		if (here)
			forward_answer_here(w, f);
		else
			forward_go(w, f, view);
	}
}

static void hand_on_applied(struct forward *w, uint64_t applied)
{
	struct forwarded *f, *next;

	for (f = TAILQ_FIRST(&w->held); f; f = next) {
		next = TAILQ_NEXT(f, link);
		if (f->answer.applied <= applied)
			hand_on_held(f);
	}
}

/* What still waits for the line to a former one goes to the new one. */
static void forget_leader(struct forward *w)
{
	struct forwarded *f;

	peer_call_cancel(TAKE(w->call));
	leave_line(w);
	while ((f = TAILQ_FIRST(&w->waiting))) {
		TAILQ_REMOVE(&w->waiting, f, link);
		forward_wait_for_leader(w, f);
	}
}

static void note_leader(struct forward *w, const struct cluster_view *view)
{
	bool led = view->role == CLUSTER_LEADER || view->role == CLUSTER_FOLLOWER;

	if (w->led && !led)
		w->gone_ms = clock_mono_ms();
	w->led = led;
}

/* Something of the cluster is different: the leader, or what our store has. */
static void forward_look(void *arg)
{
	struct forward *w = arg;
	struct cluster_view view;

	cluster_look(w->o.cluster, &view);
	note_leader(w, &view);
	hand_on_applied(w, view.applied);
	if (w->over)
		return;
	if ((w->now || w->call) && *view.leader && view.term != w->term)
		forget_leader(w);
	forward_leaderless(w, &view);
}

/* A leader that has just gone has a follower soon. */
static bool is_worth_waiting(struct forward *w, const struct cluster_view *view)
{
	note_leader(w, view);
	return view->role == CLUSTER_WITHOUT_LEADER && w->gone_ms && clock_mono_ms() - w->gone_ms < LEADERLESS_MS;
}

bool forward_take(void *forward, struct http_exchange *x)
{
	struct forward *w = forward;
	struct cluster_view view;
	struct forwarded *f;
	struct err e;

	cluster_look(w->o.cluster, &view);
	if (view.role == CLUSTER_LEADER || view.role == CLUSTER_ALONE)
		return false;
	if (w->over) {
		ending(&e);
		w->o.refuse(w->o.arg, x, &e);
		return true;
	}
	if (!leads_elsewhere(&view) && !is_worth_waiting(w, &view)) {
		forward_no_leader(&view, &e);
		w->o.refuse(w->o.arg, x, &e);
		return true;
	}
	f = xcalloc(1, sizeof(*f));
	f->exchange = (struct http_exchange){ .way = &way, .request = &f->request };
	f->request = *x->request;
	f->forward = w;
	f->asked = x;
	if (leads_elsewhere(&view))
		forward_go(w, f, &view);
	else
		forward_wait_for_leader(w, f);
	return true;
}

bool forward_idle(const struct forward *w)
{
	return TAILQ_EMPTY(&w->leaderless) && TAILQ_EMPTY(&w->vouching) && TAILQ_EMPTY(&w->waiting) &&
	       TAILQ_EMPTY(&w->sent) && TAILQ_EMPTY(&w->held);
}

void forward_give_up(struct forward *w)
{
	struct err e;

	w->over = true;
	peer_call_cancel(TAKE(w->call));
	timer_stop(&w->former_patience);
	line_end(TAKE(w->former));
	line_end(TAKE(w->now));
	while (!TAILQ_EMPTY(&w->held))
		hand_on_held(TAILQ_FIRST(&w->held));
	ending(&e);
	refuse_all(&w->leaderless, &e);
	refuse_all(&w->vouching, &e);
	refuse_all(&w->waiting, &e);
}

int forward_note(struct forward *w, struct slice note)
{
	struct cluster_view view;

	cluster_look(w->o.cluster, &view);
	if (view.role == CLUSTER_LEADER || view.role == CLUSTER_ALONE)
		return -1;
	if (view.role != CLUSTER_FOLLOWER || w->over)
		return 0;
	if (w->now)
		return line_note(w->now->line, note);
	forward_connect(w, &view);
	return 0;
}

struct forward *forward_new(const struct forward_options *o)
{
	struct forward *w = xcalloc(1, sizeof(*w));

	w->o = *o;
	TAILQ_INIT(&w->leaderless);
	TAILQ_INIT(&w->vouching);
	TAILQ_INIT(&w->waiting);
	TAILQ_INIT(&w->sent);
	TAILQ_INIT(&w->held);
	w->bell = cluster_bell_new(o->cluster, o->loop, forward_look, w);
	forward_look(w);
	return w;
}

static void drop_all(struct forwards *list)
{
	struct forwarded *f;

	while ((f = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, f, link);
		f->asked->way->drop(f->asked);
		forwarded_free(f);
	}
}

void forward_free(struct forward *w)
{
	if (!w)
		return;
	cluster_bell_free(w->bell);
	peer_call_cancel(w->call);
	timer_stop(&w->former_patience);
	line_end(TAKE(w->former));
	line_end(TAKE(w->now));
	drop_all(&w->leaderless);
	drop_all(&w->vouching);
	drop_all(&w->waiting);
	drop_all(&w->held);
	free(w);
}
