#include "daemon/desk/elsewhere.h"

#include <sys/queue.h>

#include "daemon/cluster/forward.h"
#include "daemon/desk/inbox.h"

/* A desk of a follower. */
struct visiting {
	LIST_ENTRY(visiting) link;
	struct elsewhere *elsewhere;
	struct inbox *inbox;
};

struct elsewhere {
	struct elsewhere_options o;
	struct forward *forward;
	struct inbox_peer peer;
	bool leaving;
	LIST_HEAD(, visiting) visitings;
};

/* Only the leader may: who sends it here has not heard yet that this node leads no more. */
static void elsewhere_attend(void *arg, struct http_exchange *x)
{
	const struct elsewhere *w = arg;

	if (!w->leaving && cluster_role(w->o.cluster) == CLUSTER_LEADER)
		webui_attend(w->o.webui, x);
	else
		inbox_back(x);
}

static void visiting_free(void *arg)
{
	struct visiting *v = arg;

	LIST_REMOVE(v, link);
	inbox_free(v->inbox);
	free(v);
}

static void visiting_closed(void *arg, struct inbox *in)
{
	struct elsewhere *w = arg;
	struct visiting *v;

	LIST_FOREACH(v, &w->visitings, link)
		if (v->inbox == in)
			loop_post(w->o.loop, visiting_free, v);
}

void elsewhere_connect(struct elsewhere *w, int fd)
{
	struct visiting *v = xcalloc(1, sizeof(*v));

	v->elsewhere = w;
	v->inbox = inbox_new_peer(w->o.loop, elsewhere_attend, w, &w->peer);
	LIST_INSERT_HEAD(&w->visitings, v, link);
	inbox_connect(v->inbox, fd);
}

static uint64_t elsewhere_applied(const void *arg)
{
	return cluster_applied(arg);
}

static enum webui_noted elsewhere_note(void *arg, struct slice note)
{
	int taken = forward_note(arg, note);

	return taken < 0 ? WEBUI_NOTE_HERE : taken ? WEBUI_NOTE_TAKEN : WEBUI_NOTE_LATER;
}

struct elsewhere *elsewhere_new(const struct elsewhere_options *o)
{
	const struct forward_options forwarding = {
		.loop = o->loop,
		.cluster = o->cluster,
		.peers = o->peers,
		.keeper = o->keeper,
		.refuse = webui_refuse,
		.attend = webui_attend,
		.arg = o->webui,
	};
	struct elsewhere *w = xcalloc(1, sizeof(*w));

	w->o = *o;
	LIST_INIT(&w->visitings);
	w->peer = (struct inbox_peer){
		.keeper = o->keeper, .name = cluster_name(o->cluster), .applied = elsewhere_applied, .arg = o->cluster,
		.noted = webui_noted, .noted_arg = o->webui, .closed = visiting_closed, .closed_arg = w,
	};
	w->forward = forward_new(&forwarding);
	webui_elsewhere(o->webui, forward_take, elsewhere_note, w->forward);
	return w;
}

void elsewhere_leave(struct elsewhere *w)
{
	w->leaving = true;
}

bool elsewhere_idle(const struct elsewhere *w)
{
	const struct visiting *v;

	LIST_FOREACH(v, &w->visitings, link)
		if (!inbox_idle(v->inbox))
			return false;
	return forward_idle(w->forward);
}

void elsewhere_give_up(struct elsewhere *w)
{
	forward_give_up(w->forward);
}

void elsewhere_free(struct elsewhere *w)
{
	if (!w)
		return;
	webui_elsewhere(w->o.webui, NULL, NULL, NULL);
	forward_free(w->forward);
	while (!LIST_EMPTY(&w->visitings))
		visiting_free(LIST_FIRST(&w->visitings));
	free(w);
}
