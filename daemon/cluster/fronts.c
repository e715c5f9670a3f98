#include "daemon/cluster/fronts.h"

#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process/frames.h"

#define AGAIN_MS 1000		/* until a follower tries to reach the leader again */
#define SLOW_MS 10000		/* a node that was asked for so long is worth a line of the log */
#define NUMBER_MOST 20		/* digits */

/* At the leader, a follower; at a follower, the leader. */
struct fronts_line {
	LIST_ENTRY(fronts_line) link;
	struct fronts *fronts;
	struct frames *frames;
	char node[CLUSTER_NAME];	/* of a follower */
	uint64_t position;		/* a follower has it in force; or, at a follower, the leader wants to know */
	uint64_t said;			/* newest number that was sent */
};

struct fronts {
	struct fronts_options o;
	struct cluster_bell *bell;
	LIST_HEAD(, fronts_line) followers;
	struct fronts_line *leader;	/* at a follower; NULL: not connected */
	struct peer_call *call;		/* it is being connected */
	char called[CLUSTER_NAME];
	bool lost;			/* it has ended, or cannot be made: the leader is told through etcd */
	struct cluster_unreached unreached;
	/* of the leader that is connected, or called; for which the log has why it cannot be reached */
	uint64_t term, told_term;
	uint64_t wanted;		/* by us, the leader */
	int64_t wanted_ms;		/* since then all are waited for; 0: for nobody */
	struct timer again, slow;
};

static void fronts_look(void *arg);

/*
 * Numbers in lines.
 */

static void line_send(struct fronts_line *l, uint64_t number)
{
	if (number <= l->said)
		return;
	l->said = number;
	buf_addf(frames_out(l->frames), "%llu\n", (unsigned long long)number);
}

/* Takes whole lines; the last number counts.  -1: these are none. */
static ssize_t take_numbers(uint64_t *number, struct slice bytes)
{
	const char *all = bytes.data;
	uint64_t value = 0;
	size_t used = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		if (all[i] == '\n') {
			*number = MAX(*number, value);
			value = 0;
			used = i + 1;
		} else if (all[i] < '0' || all[i] > '9' || i - used >= NUMBER_MOST) {
			return -1;
		} else {
			value = 10 * value + (uint64_t)(all[i] - '0');
		}
	}
	return (ssize_t)used;
}

static struct fronts_line *line_open(struct fronts *f, int fd, const struct frames_user *user)
{
	struct fronts_line *l = xcalloc(1, sizeof(*l));
	struct frames_user own = *user;

	own.arg = l;
	l->fronts = f;
	l->frames = frames_new(f->o.loop, fd, &own);
	return l;
}

static void line_close(struct fronts_line *l)
{
	frames_free(l->frames);
	free(l);
}

/*
 * At the leader.
 */

static void follower_close(struct fronts_line *l)
{
	LIST_REMOVE(l, link);
	line_close(l);
}

static ssize_t follower_said(void *arg, struct slice bytes)
{
	struct fronts_line *l = arg;
	uint64_t before = l->position;
	ssize_t used = take_numbers(&l->position, bytes);

	if (used >= 0 && l->position > before)
		l->fronts->o.moved(l->fronts->o.arg);
	return used;
}

static void follower_gone(void *arg)
{
	follower_close(arg);
}

static struct fronts_line *find_follower(const struct fronts *f, const char *node)
{
	struct fronts_line *l;

	LIST_FOREACH(l, &f->followers, link)
		if (str_eq(l->node, node))
			return l;
	return NULL;
}

void fronts_came(struct fronts *f, const char *node, int fd)
{
	static const struct frames_user user = { .take = follower_said, .closed = follower_gone };
	struct fronts_line *l = find_follower(f, node);

	if (l)
		follower_close(l);
	l = line_open(f, fd, &user);
	snprintf(l->node, sizeof(l->node), "%s", node);
	LIST_INSERT_HEAD(&f->followers, l, link);
	line_send(l, f->wanted);
}

/* The first live node that lacks it; "": none does. */
static void find_lacking(const struct fronts *f, uint64_t position, char lacking[CLUSTER_NAME])
{
	size_t count;
	_cleanup_free_ struct cluster_node *nodes = cluster_nodes(f->o.cluster, &count);

	*lacking = '\0';
	for (size_t i = 0; i < count && !*lacking; i++) {
		const struct fronts_line *l = find_follower(f, nodes[i].name);

		if (!nodes[i].self && MAX(l ? l->position : 0, nodes[i].in_force) < position)
			snprintf(lacking, CLUSTER_NAME, "%s", nodes[i].name);
	}
}

static void fronts_slow(void *arg)
{
	struct fronts *f = arg;
	char lacking[CLUSTER_NAME];

	find_lacking(f, f->wanted, lacking);
	if (*lacking)
		log_warn("the server %s does not confirm that it has the challenge answers: CAs do not validate before "
			 "it does, or is gone",
			 lacking);
}

bool fronts_have(struct fronts *f, uint64_t position)
{
	char lacking[CLUSTER_NAME];
	struct fronts_line *l;

	if (position > f->wanted) {
		f->wanted = position;
		LIST_FOREACH(l, &f->followers, link)
			line_send(l, position);
	}
	find_lacking(f, position, lacking);
	if (*lacking && !f->slow.event)
		timer_start(&f->slow, f->o.loop, SLOW_MS, fronts_slow, f);
	if (!*lacking && position == f->wanted)
		timer_stop(&f->slow);
	return !*lacking;
}

/*
 * At a follower.
 */

static void leader_close(struct fronts *f)
{
	struct fronts_line *l = TAKE(f->leader);

	if (l)
		line_close(l);
}

void fronts_tell(struct fronts *f)
{
	uint64_t now = f->lost || (f->leader && f->leader->position > f->leader->said) ? f->o.in_force(f->o.arg) : 0;

	if (f->lost)
		cluster_unreached(f->o.cluster, now, &f->unreached);
	else if (now && now >= f->leader->position)
		line_send(f->leader, now);
}

/* why NULL: it has come to its end, and is made anew. */
static void leader_lost(struct fronts *f, const struct err *why)
{
	f->lost = true;
	f->unreached = (struct cluster_unreached){ .why = "" };
	if (why) {
		snprintf(f->unreached.leader, sizeof(f->unreached.leader), "%s", f->called);
		snprintf(f->unreached.why, sizeof(f->unreached.why), "%.*s", (int)sizeof(f->unreached.why) - 1,
			 why->message);
	}
	timer_start(&f->again, f->o.loop, AGAIN_MS, fronts_look, f);
	fronts_tell(f);
}

/* Or we are the leader. */
static void leader_found(struct fronts *f)
{
	if (f->lost)
		cluster_unreached(f->o.cluster, 0, NULL);
	f->lost = false;
}

static ssize_t leader_said(void *arg, struct slice bytes)
{
	struct fronts_line *l = arg;
	ssize_t used = take_numbers(&l->position, bytes);

	if (used > 0)
		fronts_tell(l->fronts);
	return used;
}

static void leader_gone(void *arg)
{
	struct fronts *f = ((struct fronts_line *)arg)->fronts;

	leader_close(f);
	leader_lost(f, NULL);
}

static void fronts_called(void *arg, int fd, const struct err *why)
{
	static const struct frames_user user = { .take = leader_said, .closed = leader_gone };
	struct fronts *f = arg;

	f->call = NULL;
	if (fd < 0) {
		if (f->told_term != f->term)
			log_warn("this server cannot reach the leader of the cluster, %s: %s", f->called, why->message);
		f->told_term = f->term;
		leader_lost(f, why);
		return;
	}
	leader_found(f);
	f->leader = line_open(f, fd, &user);
	fronts_look(f);		/* there may be a different leader by now */
}

/* Something of the cluster is different. */
static void fronts_look(void *arg)
{
	struct fronts *f = arg;
	struct cluster_view view;

	cluster_look(f->o.cluster, &view);
	if (view.role == CLUSTER_LEADER) {
		leader_close(f);
		leader_found(f);
		f->o.moved(f->o.arg);
		return;
	}
	if (f->leader && *view.leader && view.term != f->term)
		leader_close(f);
	fronts_tell(f);
	if (view.role != CLUSTER_FOLLOWER || f->leader || f->call)
		return;
	f->term = view.term;
	snprintf(f->called, sizeof(f->called), "%s", view.leader);
	f->call = peers_call(f->o.peers, view.leader_address, PEER_fronts, f->o.loop, fronts_called, f);
}

struct fronts *fronts_new(const struct fronts_options *o)
{
	struct fronts *f = xcalloc(1, sizeof(*f));

	f->o = *o;
	LIST_INIT(&f->followers);
	f->bell = cluster_bell_new(o->cluster, o->loop, fronts_look, f);
	fronts_look(f);
	return f;
}

void fronts_free(struct fronts *f)
{
	if (!f)
		return;
	timer_stop(&f->again);
	timer_stop(&f->slow);
	cluster_bell_free(f->bell);
	peer_call_cancel(f->call);
	while (!LIST_EMPTY(&f->followers))
		follower_close(LIST_FIRST(&f->followers));
	leader_close(f);
	free(f);
}
