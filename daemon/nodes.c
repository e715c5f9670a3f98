#include "daemon/nodes.h"

#include <unistd.h>

#include "base/clock.h"
#include "daemon/cluster/compare.h"
#include "daemon/cluster/copy.h"
#include "daemon/cluster/fronts.h"

#define CURRENT_LOOK_MS 10
#define CURRENT_MOST_MS 3000	/* etcd does not answer: this server serves what it has */

struct nodes {
	struct nodes_options o;
	char *store;			/* its directory */
	struct peers *peers;
	struct fronts *fronts;
	struct copying *copying;
	struct comparing *comparing;
	struct desks *desks;		/* NULL: nobody is answered yet */
	struct published *published;
	void (*current)(void *arg);
	void *current_arg;
	struct timer current_timer;
	int64_t current_until;		/* clock_mono_ms(); 0: it is not waited for yet */
};

int nodes_listen(const struct config *config, int *fd, struct err *e)
{
	bool own = *config->cluster_listen != '\0';

	*fd = -1;
	if (!*config->cluster_endpoints)
		return 0;
	*fd = peers_listen(own ? config->cluster_listen : config->cluster_address, e);
	if (*fd >= 0)
		return 0;
	err_prefix(e, "cluster.%s", own ? "listen" : "address");
	return *e->hint ? -1
			: err_hint(e, "It must be an address of this machine and a port that nobody else uses, such as "
				      "10.0.0.1:2390. Where the "
				      "other servers reach this one at a different address, cluster.listen is the one "
				      "of this machine.");
}

int nodes_take_copy(const struct config *config, struct err *e)
{
	_cleanup_free_ char *store = config_store(config);

	return *config->cluster_endpoints ? copy_take(store, e) : 0;
}

static void came_requests(struct nodes *n, const char *node, int fd)
{
	desks_came(n->desks, fd);
}

static void came_fronts(struct nodes *n, const char *node, int fd)
{
	fronts_came(n->fronts, node, fd);
}

static void came_copy(struct nodes *n, const char *node, int fd)
{
	copying_came(n->copying, node, fd);
}

static void came_compare(struct nodes *n, const char *node, int fd)
{
	comparing_came(n->comparing, node, fd);
}

static void nodes_came(void *arg, enum peer_use use, const char *node, int fd)
{
	static void (*const came[])(struct nodes *, const char *node, int fd) = {
#define PEER_USE(use) [PEER_##use] = came_##use,
#include "daemon/cluster/peer_use.def"
#undef PEER_USE
	};
	struct nodes *n = arg;

	if (n->desks)
		came[use](n, node, fd);
	else
		close(fd);
}

static uint64_t nodes_in_force(void *arg)
{
	const struct nodes *n = arg;

	return n->published ? published_in_force(n->published) : 0;
}

static void nodes_moved(void *arg)
{
	const struct nodes *n = arg;

	if (n->published)
		published_moved(n->published);
}

struct nodes *nodes_new(const struct nodes_options *o, struct err *e)
{
	struct nodes *n = xcalloc(1, sizeof(*n));
	const struct peers_options peers = {
		.loop = o->loop, .keeper = o->keeper, .cluster = o->cluster, .fd = o->fd, .came = nodes_came, .arg = n,
	};

	n->o = *o;
	n->store = config_store(o->config);
	n->peers = peers_new(&peers, e);
	if (n->peers)
		return n;
	nodes_free(n);
	return NULL;
}

struct peers *nodes_peers(struct nodes *n)
{
	return n ? n->peers : NULL;
}

void nodes_serve(struct nodes *n, struct desks *desks, struct published *published)
{
	const struct nodes_options *o = &n->o;
	const struct fronts_options fronts = {
		.loop = o->loop,
		.cluster = o->cluster,
		.peers = n->peers,
		.in_force = nodes_in_force,
		.moved = nodes_moved,
		.arg = n,
	};
	const struct copy_options copies = {
		.loop = o->loop, .cluster = o->cluster, .peers = n->peers, .store = o->store, .directory = n->store,
		.whole = o->start_again, .arg = o->arg,
	};

	n->desks = desks;
	n->fronts = fronts_new(&fronts);
	n->published = published;
	published_cluster(published, o->cluster, n->fronts);
	n->copying = copying_new(&copies);
	n->comparing = comparing_new(&(struct compare_options){ o->loop, o->cluster, n->peers, o->store });
}

static void look_whether_current(void *arg)
{
	struct nodes *n = arg;

	if (cluster_is_current(n->o.cluster) || clock_mono_ms() > n->current_until)
		n->current(n->current_arg);
	else
		timer_start(&n->current_timer, n->o.loop, CURRENT_LOOK_MS, look_whether_current, n);
}

void nodes_when_current(struct nodes *n, void (*fn)(void *arg), void *arg)
{
	if (!n) {
		fn(arg);
		return;
	}
	n->current = fn;
	n->current_arg = arg;
	if (!n->current_until)
		n->current_until = clock_mono_ms() + CURRENT_MOST_MS;
	look_whether_current(n);
}

int nodes_compare(struct nodes *n, const char *node, uint64_t *position, struct err *e)
{
	if (!n || !n->comparing)
		return err_set(e, ERR_CONFLICT, "this server is alone: there is no store to compare with");
	return comparing_with(n->comparing, node, position, e);
}

void nodes_end(struct nodes *n)
{
	if (n && n->comparing)
		comparing_end(n->comparing);
}

void nodes_free(struct nodes *n)
{
	if (!n)
		return;
	timer_stop(&n->current_timer);
	fronts_free(n->fronts);
	copying_free(n->copying);
	comparing_free(n->comparing);
	peers_free(n->peers);
	free(n->store);
	free(n);
}
