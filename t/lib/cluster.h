/* A cluster for unit tests: what daemon/cluster/cluster.h says is what the test says. */
#ifndef T_LIB_CLUSTER_H
#define T_LIB_CLUSTER_H

#include "daemon/cluster/cluster.h"

struct cluster {
	const char *name;
	struct cluster_view view;
	struct cluster_node node[4];
	size_t nodes;
	struct cluster_bell *bells;
};

struct cluster_bell {
	struct cluster *cluster;
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	struct cluster_bell *next;
};

enum cluster_role cluster_role(const struct cluster *c)
{
	return c->view.role;
}

void cluster_look(const struct cluster *c, struct cluster_view *view)
{
	*view = c->view;
}

const char *cluster_name(const struct cluster *c)
{
	return c->name;
}

uint64_t cluster_applied(const struct cluster *c)
{
	return c->view.applied;
}

struct cluster_node *cluster_nodes(const struct cluster *c, size_t *count)
{
	*count = c->nodes;
	return xmemdup(c->node, sizeof(c->node));
}

bool cluster_may_act(const struct cluster *c)
{
	return c->view.role == CLUSTER_LEADER;
}

struct cluster_bell *cluster_bell_new(struct cluster *c, struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct cluster_bell *b = xmalloc(sizeof(*b));

	*b = (struct cluster_bell){ c, loop, fn, arg, c->bells };
	c->bells = b;
	return b;
}

void cluster_bell_free(struct cluster_bell *b)
{
	if (!b)
		return;
	for (struct cluster_bell **link = &b->cluster->bells; *link; link = &(*link)->next)
		if (*link == b) {
			*link = b->next;
			break;
		}
	free(b);
}

static inline void ring(struct cluster *c)
{
	for (struct cluster_bell *b = c->bells; b; b = b->next)
		loop_post(b->loop, b->fn, b->arg);
}

#endif
