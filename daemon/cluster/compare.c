#include "daemon/cluster/compare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "store/db/digest.h"
#include "store/db/replica.h"
#include "store/db/txn.h"

#define CALL_MS 10000	/* for a connection to the node */
#define REACH_MS 10000	/* to get as far as the other one */
#define ANSWER_MS 600000	/* for the digests of a large store */
#define SLICE_MS 100	/* between two looks whether it all ends */
#define LOOK_MS 1
#define MEET_MS 60000	/* to be at the same entry: while changes are made, the other one may be ahead of us */
#define LINE_MOST 160

struct comparing {
	struct compare_options o;
	atomic_bool ending;
	bool serving;		/* the thread of who asks us is to be joined */
	atomic_bool served;	/* and has done its work */
	pthread_t thread;
	int fd;
	char node[CLUSTER_NAME];
};

/* Of a thread that waits for a connection; the loop makes it. */
struct compare_call {
	struct peer_call *call;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool answered;
	int fd;
	struct err err;
};

/*
 * Lines.
 */

static int say_line(int fd, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int say_line(int fd, const char *fmt, ...)
{
	char line[LINE_MOST];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return send(fd, line, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -1;
}

/* Without its end.  -1: none comes. */
static int read_line(struct comparing *c, int fd, char line[LINE_MOST], int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;
	size_t len = 0;

	while (len < LINE_MOST - 1 && !c->ending && clock_mono_ms() < until) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got = poll(&p, 1, SLICE_MS) > 0 ? recv(fd, line + len, 1, 0) : -2;

		if (got == 0 || got == -1)
			return -1;
		if (got < 0)
			continue;
		if (line[len] == '\n') {
			line[len] = '\0';
			return 0;
		}
		len++;
	}
	return -1;
}

/*
 * Of who is asked.
 */

/* As far as this entry, and no further.  True: we are there. */
static bool reach(struct comparing *c, uint64_t position)
{
	int64_t until = clock_mono_ms() + REACH_MS;

	store_hold(c->o.store, position);
	while (store_applied(c->o.store) < position && !c->ending && clock_mono_ms() < until)
		poll(NULL, 0, LOOK_MS);
	return store_applied(c->o.store) == position;
}

static int tell_digests(int fd, const struct store_digest *d)
{
	int failed = say_line(fd, "at %llu\n", (unsigned long long)d->position);

	for (size_t table = 0; table < TABLES && !failed; table++) {
		_cleanup_free_ char *hex = hex_str(d->table[table], SHA256_SIZE);

		failed = say_line(fd, "%s %s\n", store_table_name(table), hex);
	}
	return failed ? -1 : say_line(fd, "end\n");
}

static int answer_position(struct comparing *c, uint64_t position, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct store_digest digest;
	bool there = reach(c, position);
	uint64_t ours = 0;

	if (store_read_durable(c->o.store, &t, e) < 0 || store_digest_position(t, &ours, e) < 0)
		return -1;
	store_hold(c->o.store, 0);
	if (!there || ours != position)
		return say_line(c->fd, "no %llu\n", (unsigned long long)ours);
	return store_digest_tables(t, &digest, e) < 0 ? -1 : tell_digests(c->fd, &digest);
}

static void *answer(void *arg)
{
	struct comparing *c = arg;
	struct err e = { 0 };
	char line[LINE_MOST];

	log_role("compare");
	while (read_line(c, c->fd, line, REACH_MS) == 0 && answer_position(c, strtoull(line, NULL, 10), &e) == 0)
		;
	store_hold(c->o.store, 0);
	if (err_is_set(&e))
		log_err(LOG_LEVEL_WARN, &e);
	shutdown(c->fd, SHUT_RDWR);
	c->served = true;
	return NULL;
}

static void join(struct comparing *c)
{
	if (!c->serving)
		return;
	pthread_join(c->thread, NULL);
	cleanup_close(&c->fd);
	c->serving = false;
}

static void may_wait(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

void comparing_came(struct comparing *c, const char *node, int fd)
{
	if (c->serving && c->served)
		join(c);
	if (c->serving) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->served = false;
	may_wait(fd);
	snprintf(c->node, sizeof(c->node), "%s", node);
	c->serving = !pthread_create(&c->thread, NULL, answer, c);
	if (!c->serving)
		cleanup_close(&c->fd);
}

/*
 * Of who asks.
 */

static void compare_called(void *arg, int fd, const struct err *why)
{
	struct compare_call *k = arg;

	pthread_mutex_lock(&k->lock);
	k->answered = true;
	k->fd = fd;
	if (why)
		k->err = *why;
	pthread_cond_signal(&k->done);
	pthread_mutex_unlock(&k->lock);
}

static int await_connection(struct comparing *c, struct compare_call *k, struct err *e)
{
	int64_t until = clock_mono_ms() + CALL_MS;
	struct timespec at;

	pthread_mutex_lock(&k->lock);
	while (!k->answered && !c->ending && clock_mono_ms() < until) {
		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_nsec += SLICE_MS * 1000000L;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&k->done, &k->lock, &at);
	}
	if (!k->answered && peer_call_cancel(k->call))
		err_set(&k->err, ERR_TIMEOUT, "the server did not answer in time");
	else
		while (!k->answered)
			pthread_cond_wait(&k->done, &k->lock);
	pthread_mutex_unlock(&k->lock);
	*e = k->err;
	return k->fd;
}

static int connect_to(struct comparing *c, const char *node, struct err *e)
{
	size_t count;
	_cleanup_free_ struct cluster_node *nodes = cluster_nodes(c->o.cluster, &count);
	struct compare_call k = { .fd = -1 };
	int fd;

	for (size_t i = 0; i < count; i++) {
		if (!str_eq(nodes[i].name, node) || nodes[i].self)
			continue;
		pthread_mutex_init(&k.lock, NULL);
		pthread_cond_init(&k.done, NULL);
		k.call = peers_call(c->o.peers, nodes[i].address, PEER_compare, c->o.loop, compare_called, &k);
		fd = await_connection(c, &k, e);
		pthread_mutex_destroy(&k.lock);
		pthread_cond_destroy(&k.done);
		return fd;
	}
	return err_set(e, ERR_MISSING, "no other server with the name %s is alive in the cluster", node);
}

/* The words of a line, after the first; -1: it is a different one. */
static int number_after(const char *line, const char *word, uint64_t *number)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) || line[len] != ' ')
		return -1;
	*number = strtoull(line + len + 1, NULL, 10);
	return 0;
}

static void compare_table(const char *line, const struct store_digest *ours, struct buf *differ)
{
	const char *blank = strchr(line, ' ');

	for (size_t table = 0; blank && table < TABLES; table++) {
		const char *name = store_table_name(table);
		_cleanup_free_ char *hex = hex_str(ours->table[table], SHA256_SIZE);

		if (strlen(name) == (size_t)(blank - line) && !strncmp(name, line, strlen(name)) &&
		    !str_eq(blank + 1, hex))
			buf_addf(differ, "%s%s", differ->len ? ", " : "", name);
	}
}

static int broken_off(struct err *e)
{
	return err_set(e, ERR_NETWORK, "the connection ended before all was compared");
}

static int compare_digests(struct comparing *c, int fd, const struct store_digest *ours, struct err *e)
{
	_cleanup_buf_ struct buf differ = BUF_INIT;
	char line[LINE_MOST];

	for (;;) {
		if (read_line(c, fd, line, REACH_MS) < 0)
			return broken_off(e);
		if (str_eq(line, "end"))
			break;
		compare_table(line, ours, &differ);
	}
	if (!differ.len)
		return 0;
	err_set(e, ERR_CONFLICT, "the stores differ at entry %llu of the log, in: %s",
		(unsigned long long)ours->position, buf_str(&differ));
	return err_hint(e, "Let the server that is not the leader join again (certeractl cluster join): it gets a copy "
			   "of the store.");
}

/* 1: they were not at the same entry; *theirs: where the other one is. */
static int compare_once(struct comparing *c, int fd, uint64_t *position, uint64_t *theirs, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct store_digest ours;
	char line[LINE_MOST];

	if (store_read_durable(c->o.store, &t, e) < 0 || store_digest_position(t, position, e) < 0)
		return -1;
	if (say_line(fd, "%llu\n", (unsigned long long)*position) < 0 || read_line(c, fd, line, ANSWER_MS) < 0)
		return broken_off(e);
	if (number_after(line, "no", theirs) == 0)
		return 1;
	if (number_after(line, "at", theirs) < 0 || *theirs != *position)
		return err_set(e, ERR_PROTOCOL, "the server gave an invalid answer");
	return store_digest_tables(t, &ours, e) < 0 ? -1 : compare_digests(c, fd, &ours, e);
}

/* It was ahead: asked again before we are there, it would say the same. */
static void catch_up(struct comparing *c, uint64_t position, int64_t until)
{
	do
		poll(NULL, 0, LOOK_MS);
	while (store_applied(c->o.store) < position && !c->ending && clock_mono_ms() < until);
}

int comparing_with(struct comparing *c, const char *node, uint64_t *position, struct err *e)
{
	_cleanup_close_ int fd = connect_to(c, node, e);
	int64_t until = clock_mono_ms() + MEET_MS;
	uint64_t theirs = 0;
	int result;

	if (fd < 0)
		return err_prefix(e, "comparing with the store of %s", node);
	may_wait(fd);
	while ((result = compare_once(c, fd, position, &theirs, e)) > 0 && !c->ending && clock_mono_ms() < until)
		catch_up(c, theirs, until);
	if (result > 0)
		err_set(e, ERR_LATER, "it is not at the same entry of the log as this one");
	return result ? err_prefix(e, "comparing with the store of %s", node) : 0;
}

struct comparing *comparing_new(const struct compare_options *o)
{
	struct comparing *c = xcalloc(1, sizeof(*c));

	c->o = *o;
	c->fd = -1;
	return c;
}

void comparing_end(struct comparing *c)
{
	c->ending = true;
}

void comparing_free(struct comparing *c)
{
	if (!c)
		return;
	c->ending = true;
	join(c);
	free(c);
}
