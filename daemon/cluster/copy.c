#include "daemon/cluster/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define AGAIN_MS 5000		/* until somebody is asked again */
#define BLOCK (256 * 1024)
#define SIZE_MOST 24		/* digits of the size, and the end of its line */
#define GIVEN "peer.given"	/* in the store's directory: what we send */
#define GOT "peer.part"		/* ... what is arriving */
#define WHOLE "peer.copy"	/* ... what is there */

/* One way or the other, a thread with a socket. */
struct copying_work {
	struct copying *copying;
	pthread_t thread;
	bool under_way;
	int fd;
	char node[CLUSTER_ADDRESS];	/* its name, or of who gives its address */
	struct err err;
};

struct copying {
	struct copy_options o;
	struct cluster_bell *bell;
	struct copying_work give, get;
	struct peer_call *call;		/* to who is asked */
	bool done;
	struct timer again;
	char from[CLUSTER_ADDRESS];	/* who is asked */
	unsigned turn;			/* whose turn it is */
};

static char *place(const struct copying *c, const char *name)
{
	return xasprintf("%s/%s", c->o.directory, name);
}

/* The thread's own side of the socket waits; that of the loop does not. */
static void may_wait(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static void begin(struct copying_work *w, struct copying *c, int fd, const char *node, void *(*work)(void *))
{
	*w = (struct copying_work){ .copying = c, .fd = fd, .under_way = true };
	snprintf(w->node, sizeof(w->node), "%s", node);
	may_wait(fd);
	if (!pthread_create(&w->thread, NULL, work, w))
		return;
	cleanup_close(&w->fd);
	w->under_way = false;
}

static void end(struct copying_work *w)
{
	if (!w->under_way)
		return;
	shutdown(w->fd, SHUT_RDWR);
	pthread_join(w->thread, NULL);
	cleanup_close(&w->fd);
	w->under_way = false;
}

/*
 * Giving one.
 */

static int send_all(int fd, const char *bytes, size_t len)
{
	ssize_t sent;

	for (; len; bytes += sent, len -= (size_t)sent)
		if ((sent = send(fd, bytes, len, MSG_NOSIGNAL)) <= 0)
			return -1;
	return 0;
}

static int send_file(int fd, const char *file, struct err *e)
{
	_cleanup_free_ char *block = xmalloc(BLOCK);
	_cleanup_close_ int from = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t got;
	int len;

	if (from < 0 || fstat(from, &st) < 0)
		return err_errno(e, ERR_STORAGE, "reading %s", file);
	len = snprintf(block, BLOCK, "%lld\n", (long long)st.st_size);
	for (got = len; got > 0; got = read(from, block, BLOCK))
		if (send_all(fd, block, (size_t)got) < 0)
			return err_set(e, ERR_NETWORK, "the other server has closed the connection");
	return got < 0 ? err_errno(e, ERR_STORAGE, "reading %s", file) : 0;
}

static void given(void *arg)
{
	struct copying_work *w = arg;

	if (err_is_set(&w->err))
		log_err(LOG_LEVEL_WARN, &w->err);
	else
		log_info("the server %s has got a copy of the store", w->node);
	end(w);
}

static void *give(void *arg)
{
	struct copying_work *w = arg;
	struct copying *c = w->copying;
	_cleanup_free_ char *copy = place(c, GIVEN), *file = xasprintf("%s/data.mdb", copy);

	log_role("copy");
	store_remove_copy(copy);
	if (store_copy(c->o.store, copy, &w->err) < 0 || send_file(w->fd, file, &w->err) < 0)
		err_prefix(&w->err, "giving the server %s a copy of the store", w->node);
	store_remove_copy(copy);
	shutdown(w->fd, SHUT_WR);
	loop_post(c->o.loop, given, w);
	return NULL;
}

void copying_came(struct copying *c, const char *node, int fd)
{
	if (c->give.under_way || cluster_role(c->o.cluster) == CLUSTER_BEHIND ||
	    cluster_role(c->o.cluster) == CLUSTER_STRANGER) {
		log_debug("the server %s wants a copy of the store, which this server does not give now", node);
		close(fd);
		return;
	}
	begin(&c->give, c, fd, node, give);
}

/*
 * Getting one.
 */

static int read_size(int fd, int64_t *size)
{
	char text[SIZE_MOST + 1] = "";
	size_t len = 0;

	while (len < SIZE_MOST && recv(fd, text + len, 1, 0) == 1 && text[len] != '\n')
		len++;
	*size = strtoll(text, NULL, 10);
	return text[len] == '\n' && *size > 0 ? 0 : -1;
}

static int receive_file(int fd, const char *file, struct err *e)
{
	_cleanup_free_ char *block = xmalloc(BLOCK);
	_cleanup_close_ int to = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int64_t left;

	if (to < 0)
		return err_errno(e, ERR_STORAGE, "making %s", file);
	if (read_size(fd, &left) < 0)
		return err_set(e, ERR_LATER, "the other server gives none now");
	while (left > 0) {
		ssize_t got = recv(fd, block, BLOCK, 0);

		if (got <= 0)
			return err_set(e, ERR_NETWORK, "the connection ended %lld bytes too early", (long long)left);
		for (ssize_t put = 0, n; put < got; put += n)
			if ((n = write(to, block + put, (size_t)(got - put))) < 0)
				return err_errno(e, ERR_STORAGE, "writing %s", file);
		left -= got;
	}
	return left < 0 || fsync(to) < 0 ? err_errno(e, ERR_STORAGE, "writing %s", file) : 0;
}

/* Can this version read it?  Its format may be newer. */
static int look_at(const char *copy, struct err *e)
{
	struct store *s = NULL;

	if (store_open(&s, copy, e) < 0)
		return -1;
	store_close_copy(s);
	return 0;
}

static int receive(const struct copying_work *w, struct err *e)
{
	_cleanup_free_ char *part = place(w->copying, GOT), *whole = place(w->copying, WHOLE);
	_cleanup_free_ char *file = xasprintf("%s/data.mdb", part);

	store_remove_copy(part);
	store_remove_copy(whole);
	if (mkdir(part, 0700))
		return err_errno(e, ERR_STORAGE, "making the directory %s", part);
	if (receive_file(w->fd, file, e) < 0 || look_at(part, e) < 0)
		return -1;
	return rename(part, whole) ? err_errno(e, ERR_STORAGE, "naming the copy %s", whole) : 0;
}

static void copying_look(void *arg);

static void got(void *arg)
{
	struct copying_work *w = arg;
	struct copying *c = w->copying;

	end(w);
	if (err_is_set(&w->err)) {
		log_err(w->err.kind == ERR_LATER ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, &w->err);
		timer_start(&c->again, c->o.loop, AGAIN_MS, copying_look, c);
		return;
	}
	c->done = true;
	log_info("a copy of the store of the server at %s is here: this server starts again with it", w->node);
	c->o.whole(c->o.arg);
}

static void *get(void *arg)
{
	struct copying_work *w = arg;

	log_role("copy");
	if (receive(w, &w->err) < 0)
		err_prefix(&w->err, "getting a copy of the store of the server at %s", w->node);
	loop_post(w->copying->o.loop, got, w);
	return NULL;
}

static void copying_called(void *arg, int fd, const struct err *why)
{
	struct copying *c = arg;

	c->call = NULL;
	if (fd >= 0) {
		begin(&c->get, c, fd, c->from, get);
		return;
	}
	log_warn("getting a copy of the store of the server at %s: %s", c->from, why->message);
	timer_start(&c->again, c->o.loop, AGAIN_MS, copying_look, c);
}

/* One after the other, the leader last: it has enough to do.  False: there is none. */
static bool choose_node(struct copying *c, char address[CLUSTER_ADDRESS])
{
	size_t count, others = 0;
	_cleanup_free_ struct cluster_node *nodes = cluster_nodes(c->o.cluster, &count);

	for (size_t i = 0; i < count; i++)
		if (!nodes[i].self)
			nodes[others++] = nodes[i];
	for (size_t i = 0; i + 1 < others; i++)
		if (nodes[i].leader) {
			struct cluster_node leader = nodes[i];

			nodes[i] = nodes[others - 1];
			nodes[others - 1] = leader;
		}
	if (!others)
		return false;
	snprintf(address, CLUSTER_ADDRESS, "%s", nodes[c->turn++ % others].address);
	return true;
}

static void copying_look(void *arg)
{
	struct copying *c = arg;

	if (cluster_role(c->o.cluster) != CLUSTER_BEHIND || c->call || c->get.under_way || c->done || c->again.event ||
	    !choose_node(c, c->from))
		return;
	c->call = peers_call(c->o.peers, c->from, PEER_copy, c->o.loop, copying_called, c);
}

struct copying *copying_new(const struct copy_options *o)
{
	struct copying *c = xcalloc(1, sizeof(*c));

	c->o = *o;
	c->bell = cluster_bell_new(o->cluster, o->loop, copying_look, c);
	copying_look(c);
	return c;
}

void copying_free(struct copying *c)
{
	if (!c)
		return;
	timer_stop(&c->again);
	cluster_bell_free(c->bell);
	peer_call_cancel(c->call);
	end(&c->give);
	end(&c->get);
	free(c);
}

/*
 * At the next start.
 */

int copy_take(const char *directory, struct err *e)
{
	_cleanup_free_ char *whole = xasprintf("%s/" WHOLE, directory), *part = xasprintf("%s/" GOT, directory);
	_cleanup_free_ char *shelf = xasprintf("%s/former", directory), *former = xasprintf("%s/copied", shelf);
	_cleanup_close_ int lock = -1;

	store_remove_copy(part);
	if (!store_exists(whole))
		return 0;
	if (store_lock(directory, &lock, e) < 0)
		return -1;
	store_remove_copy(former);
	if (mkdir(shelf, 0700) && errno != EEXIST)
		return err_errno(e, ERR_STORAGE, "making the directory %s", shelf);
	if (store_replace(directory, whole, former, e) < 0)
		return -1;
	log_info("the store is now a copy of that of a different server; the former one is in %s", former);
	return 1;
}
