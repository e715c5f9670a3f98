/* For tests of what nodes of a cluster say to each other: two nodes, a and b, with one master key, on one loop. */
#ifndef T_LIB_NODES_H
#define T_LIB_NODES_H

#include "t/lib/keeper.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "base/net.h"
#include "daemon/cluster/peer.h"
#include "t/lib/cluster.h"

struct node {
	struct cluster cluster;
	struct keeper_client *keeper;
	struct peers *peers;
	char address[32];
	int came, fd;			/* the last that came */
	enum peer_use use;
	char from[CLUSTER_NAME];
};

struct two {
	struct fixture *f;
	struct node a, b;
	int fd;				/* that a got, or -1 and why */
	struct err err;
	bool answered;
	void *test;			/* of the test */
};

static inline void node_came(void *arg, enum peer_use use, const char *from, int fd)
{
	struct node *n = arg;

	n->came++;
	n->use = use;
	n->fd = fd;
	snprintf(n->from, sizeof(n->from), "%s", from);
}

static inline int a_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	close(fd);
	return ntohs(in.sin_port);
}

static inline void node_start(struct node *n, struct fixture *f, struct keeper_client *keeper, const char *name)
{
	struct peers_options o = { .loop = f->loop, .keeper = keeper, .cluster = &n->cluster, .came = node_came, .arg = n };
	struct err e = { 0 };

	snprintf(n->address, sizeof(n->address), "127.0.0.1:%d", a_port());
	o.fd = peers_listen(n->address, &e);
	assert_true(o.fd >= 0);
	n->keeper = keeper;
	n->cluster.name = name;
	n->fd = -1;
	n->peers = peers_new(&o, &e);
	assert_non_null(n->peers);
	snprintf(n->cluster.view.id, sizeof(n->cluster.view.id), "one");
}

static inline int two_nodes(void **state)
{
	struct two *two = xcalloc(1, sizeof(*two));
	void *fixture;

	set_up(&fixture);
	two->f = fixture;
	node_start(&two->a, two->f, two->f->client, "a");
	node_start(&two->b, two->f, keeper_attach(two->f->keeper, 1, two->f->loop, on_death, two->f), "b");
	two->fd = -1;
	*state = two;
	return 0;
}

static inline int no_nodes(void **state)
{
	struct two *two = *state;
	void *fixture = two->f;

	peers_free(two->a.peers);
	peers_free(two->b.peers);
	cleanup_close(&two->fd);
	cleanup_close(&two->b.fd);
	keeper_detach(two->b.keeper);
	free(two);
	return tear_down(&fixture);
}

static inline void turn(struct two *two, int ms)
{
	struct timeval span = { .tv_usec = ms * 1000 };

	event_base_loopexit(loop_base(two->f->loop), &span);
	event_base_dispatch(loop_base(two->f->loop));
}

static inline void connected(void *arg, int fd, const struct err *e)
{
	struct two *two = arg;

	two->answered = true;
	two->fd = fd;
	if (e)
		two->err = *e;
}

static inline void call(struct two *two, const char *address, enum peer_use use)
{
	two->answered = false;
	peers_call(two->a.peers, address, use, two->f->loop, connected, two);
	for (int i = 0; i < 300 && !(two->answered && (two->fd < 0 || two->b.came)); i++)
		turn(two, 20);
	assert_true(two->answered);
}

#endif
