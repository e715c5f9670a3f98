#include "daemon/cluster/forward.h"

#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/front/line.h"

#define APPLY_MS 2000	/* an answer waits so long for our store to have what it follows from */
#define AGAIN 5		/* seconds after which asking again makes sense */

/* One that was taken over.  Its exchange is the first in it. */
struct forwarded {
	struct http_exchange exchange;	/* between us and the line */
	struct http_request request;	/* as it is sent; its text is that of `asked` */
	TAILQ_ENTRY(forwarded) link;
	struct forward *forward;
	struct http_exchange *asked;
	struct keeper_question *question;	/* whether the keeper vouches */
	char *voucher;
	struct http_answer answer;	/* while it waits for our store; with a copy of what it refers to */
	char *type;
	struct buf fields, body;
	struct timer patience;
};
TAILQ_HEAD(forwards, forwarded);

struct forward {
	struct forward_options o;
	struct cluster_bell *bell;
	struct desk_line *line;		/* to the leader; NULL: none */
	struct forward_call *call;		/* it is being made */
	uint64_t term;			/* of the leader it leads to, or is to lead to */
	struct forwards vouching, waiting, sent, held;	/* for the keeper, for the line, with the leader, for our store */
};

/* A connection that is being made outlives whoever wants it. */
struct forward_call {
	struct forward *forward;	/* NULL: nobody wants it any more */
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
		err_set(e, ERR_LATER, "this node does not have the cluster's state yet: nothing can be changed here now");
	else
		err_set(e, ERR_LATER, "no node leads the cluster now, so nothing can be changed; reading goes on");
	if (*v->trouble)
		err_hint(e, "%s", v->trouble);
	return later(e);
}

static int leader_unreachable(const struct cluster_view *v, const struct err *why, struct err *e)
{
	err_set(e, ERR_LATER, "the leader of the cluster, %s, cannot be reached from this node: nothing can be changed here now", v->leader);
	err_hint(e, "%s", why->message);
	return later(e);
}

static int leader_lost(struct err *e)
{
	err_set(e, ERR_LATER, "the leader of the cluster went away before it answered: it is not known whether the change was made");
	err_hint(e, "Look before you repeat it.");
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
	log_debug("an answer of the leader is handed on before this node has what it follows from");
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

static const struct http_way way = {
	.answer = forwarded_answer, .begin = forwarded_begin, .part = forwarded_part, .end = forwarded_end, .drop = forwarded_drop,
	.gone = forwarded_gone,
};

/*
 * The line to the leader.
 */

static void forward_line_lost(void *arg)
{
	struct forward *w = arg;

	line_free(TAKE(w->line));	/* drops what is with the leader */
}

static void send_waiting(struct forward *w)
{
	struct forwarded *f;

	while ((f = TAILQ_FIRST(&w->waiting))) {
		TAILQ_REMOVE(&w->waiting, f, link);
		TAILQ_INSERT_TAIL(&w->sent, f, link);
		line_attend(w->line, &f->exchange);
	}
}

static void forward_called(void *arg, int fd, const struct err *why)
{
	_cleanup_free_ struct forward_call *c = arg;
	struct forward *w = c->forward;
	struct cluster_view view;
	struct err e;

	if (!w) {
		cleanup_close(&fd);
		return;
	}
	w->call = NULL;
	if (fd >= 0) {
		w->line = line_new(w->o.loop, fd, forward_line_lost, w);
		send_waiting(w);
		return;
	}
	cluster_look(w->o.cluster, &view);
	leader_unreachable(&view, why, &e);
	refuse_all(&w->waiting, &e);
}

static void forward_connect(struct forward *w, const struct cluster_view *view)
{
	if (w->call)
		return;
	w->call = xcalloc(1, sizeof(*w->call));
	w->call->forward = w;
	w->term = view->term;
	peers_call(w->o.peers, view->leader_address, PEER_requests, w->o.loop, forward_called, w->call);
}

/* It goes out as soon as there is a line to this leader. */
static void forward_send(struct forward *w, struct forwarded *f, const struct cluster_view *view)
{
	TAILQ_INSERT_TAIL(&w->waiting, f, link);
	if (w->line)
		send_waiting(w);
	else
		forward_connect(w, view);
}

/* What was sent to a former leader is not answered any more; what still waits for it goes to the new one, or is refused. */
static void forget_leader(struct forward *w, const struct cluster_view *view)
{
	struct forwards waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct forwarded *f;
	struct err e;

	if (w->call)
		w->call->forward = NULL;
	w->call = NULL;
	line_free(TAKE(w->line));
	TAILQ_CONCAT(&waiting, &w->waiting, link);
	if (view->role != CLUSTER_FOLLOWER) {
		forward_no_leader(view, &e);
		refuse_all(&waiting, &e);
	}
	while ((f = TAILQ_FIRST(&waiting))) {
		TAILQ_REMOVE(&waiting, f, link);
		forward_send(w, f, view);
	}
}

/* Something of the cluster is different: the leader, or what our store has. */
static void forward_look(void *arg)
{
	struct forward *w = arg;
	struct cluster_view view;
	struct forwarded *f, *next;

	cluster_look(w->o.cluster, &view);
	for (f = TAILQ_FIRST(&w->held); f; f = next) {
		next = TAILQ_NEXT(f, link);
		if (f->answer.applied <= view.applied)
			hand_on_held(f);
	}
	if ((w->line || w->call) && *view.leader && view.term != w->term)
		forget_leader(w, &view);
}

/*
 * What is asked.
 */

static void forward_vouched(void *arg, const struct keeper_answer *a)
{
	struct forwarded *f = arg;
	struct forward *w = f->forward;
	struct cluster_view view;
	struct err e;

	f->question = NULL;
	TAILQ_REMOVE(&w->vouching, f, link);
	cluster_look(w->o.cluster, &view);
	if (a->err) {
		forwarded_refuse(f, a->err);
	} else if (view.role != CLUSTER_FOLLOWER) {
		forward_no_leader(&view, &e);
		forwarded_refuse(f, &e);
	} else {
		f->request.vouched = f->voucher = xstrdup(a->field[0].data);
		forward_send(w, f, &view);
	}
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
	if (view.role != CLUSTER_FOLLOWER || !*view.leader_address) {
		forward_no_leader(&view, &e);
		w->o.refuse(w->o.arg, x, &e);
		return true;
	}
	f = xcalloc(1, sizeof(*f));
	f->exchange = (struct http_exchange){ .way = &way, .request = &f->request };
	f->request = *x->request;
	f->forward = w;
	f->asked = x;
	if (x->request->face != FACE_CONTROL) {
		forward_send(w, f, &view);
		return true;
	}
	TAILQ_INSERT_TAIL(&w->vouching, f, link);
	f->question = KEEPER_ASK(w->o.keeper, vouch, x->request->socket, forward_vouched, f, slice_str(view.leader),
				 slice_str(KEEPER_PROOF_PEER));
	return true;
}

int forward_note(struct forward *w, struct slice note)
{
	struct cluster_view view;

	cluster_look(w->o.cluster, &view);
	if (view.role == CLUSTER_LEADER || view.role == CLUSTER_ALONE)
		return -1;
	if (view.role != CLUSTER_FOLLOWER)
		return 0;
	if (w->line)
		return line_note(w->line, note);
	forward_connect(w, &view);
	return 0;
}

struct forward *forward_new(const struct forward_options *o)
{
	struct forward *w = xcalloc(1, sizeof(*w));

	w->o = *o;
	TAILQ_INIT(&w->vouching);
	TAILQ_INIT(&w->waiting);
	TAILQ_INIT(&w->sent);
	TAILQ_INIT(&w->held);
	w->bell = cluster_bell_new(o->cluster, o->loop, forward_look, w);
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
	if (w->call)
		w->call->forward = NULL;
	line_free(TAKE(w->line));
	drop_all(&w->vouching);
	drop_all(&w->waiting);
	drop_all(&w->held);
	free(w);
}
