#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "daemon/cluster/inside.h"
#include "daemon/cluster/log.h"
#include "store/upgrade.h"

#define AGAIN_MS 50 /* after an append whose outcome is unknown */
#define RESIGN_LOOK_MS 2

/*
 * How long we may act.
 */

static void our_end(void *arg)
{
	struct cluster *c = arg;
	struct err why = { 0 };

	if (clock_boot_ms() < c->until) {
		timer_start(&c->end_timer, c->loop, c->until - clock_boot_ms(), our_end, c);
		return;
	}
	err_set(&why, ERR_LATER, "etcd has not renewed this server's lease in time");
	leader_step_down(c, &why);
}

void leader_extended(struct cluster *c, int64_t sent)
{
	c->until = sent + LEASE_SECONDS * 1000 - LEASE_MARGIN_MS;
	if (c->leading)
		c->own_end = c->until;
}

bool cluster_may_act(const struct cluster *c)
{
	return !c || clock_boot_ms() < c->own_end;
}

/*
 * Leading.
 */

static void end_append(struct cluster *c, int result, const struct err *why)
{
	pthread_mutex_lock(&c->lock);
	if (c->append.waits) {
		c->append.waits = false;
		c->append.result = result;
		if (why)
			c->append.err = *why;
		pthread_cond_signal(&c->appended);
	}
	pthread_mutex_unlock(&c->lock);
}

/* Of the append under way, which was sent: it may have arrived. */
static void say_unknown(struct err *e, const struct err *why)
{
	err_set(e, ERR_LATER, "it is not known whether the change was made: %s", why->message);
	err_hint(e, "Check whether it was made before you repeat it.");
}

static void lead(struct cluster *c)
{
	if (c->until <= clock_boot_ms())
		return;
	c->leading = true;
	c->term = c->known.term;
	c->total = c->known.total;
	snprintf(c->head_text, sizeof(c->head_text), "%s", c->known.head_text);
	c->own_end = c->until;
	our_end(c);
	cluster_trouble(c, NULL);
	log_info("this server leads the cluster from entry %llu on", (unsigned long long)c->known.head);
	store_lead(c->store);
	upkeep_lead(c);
	cluster_publish(c);
}

void leader_step_down(struct cluster *c, const struct err *why)
{
	bool sent = c->appending || c->append_timer.event;
	struct err unknown = { 0 };

	if (!c->leading)
		return;
	c->leading = false;
	c->own_end = 0;
	timer_stop(&c->end_timer);
	timer_stop(&c->append_timer);
	timer_stop(&c->resign_timer);
	etcd_cancel(TAKE(c->appending));
	say_unknown(&unknown, why);
	end_append(c, -1, sent ? &unknown : why);
	store_follow(c->store, why);
	cluster_trouble(c, why);
	log_warn("this server no longer leads the cluster: %s", why->message);
	heart_renew(c); /* the key of the leader goes with the lease */
	cluster_publish(c);
	look_now(c);
}

/*
 * Becoming the leader.  What came of it is seen by the next look: whether etcd's answer arrived or not.
 */

static void campaigned(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	c->campaign = NULL;
	if (e)
		cluster_trouble(c, e);
	else
		look_now(c);
}

static void campaign(struct cluster *c)
{
	_cleanup_free_ char *key = cluster_key(c, "live/leader");
	_cleanup_json_ json_t *o = json_pack("{s:s, s:s}", "name", c->name, "address", c->address);
	_cleanup_free_ char *value = json_write(o);
	json_t *compare[] = { etcd_if_created(key, 0), NULL },
	       *success[] = { etcd_put(key, slice_str(value), c->lease), NULL };

	c->campaign = etcd_ask(c->etcd, "kv/txn", etcd_txn(compare, success, NULL), ASK_MS, campaigned, c);
}

/*
 * One that is alive and does not know our format yet: it could not follow.  NULL: there is none, or the store has our
 * format already.
 */
static const struct known_node *older_node(const struct cluster *c)
{
	if (!store_is_older(c->store))
		return NULL;
	for (size_t i = 0; i < c->known.count; i++) {
		const json_t *said = c->known.nodes[i].said;

		if (json_bool(said, "member", false) && json_int(said, "format", 0) < STORE_FORMAT)
			return &c->known.nodes[i];
	}
	return NULL;
}

static void campaign_unless_older(struct cluster *c)
{
	const struct known_node *older = older_node(c);
	struct err why = { 0 };

	if (!older) {
		campaign(c);
		return;
	}
	err_set(&why, ERR_LATER,
		"the server %s has an older version of Certera: as long as it is alive, this one does not lead",
		older->node.name);
	cluster_trouble(c, &why);
}

void leader_look(struct cluster *c)
{
	struct err why = { 0 };
	bool ours = c->lease && c->known.leader_lease == c->lease,
	     may = cluster_is_member(c) && !c->known.behind && !*c->doubled;

	if (c->old_lease && c->known.leader_lease == c->old_lease)
		heart_bury(c); /* nobody should wait for its end */
	if (c->leading && (!ours || !may || c->known.term != c->term)) {
		err_set(&why, ERR_LATER, "a different server leads the cluster now");
		leader_step_down(c, &why);
	} else if (c->ending) {
		return;
	} else if (!c->leading && may && ours && store_applied(c->store) == c->known.head) {
		lead(c);
	} else if (may && !*c->known.leader && c->lease && !c->campaign && store_position(c->store) == c->known.head) {
		campaign_unless_older(c);
	}
}

/*
 * A clean end: a different one is to lead at once.
 */

static void resign_look(void *arg)
{
	struct cluster *c = arg;
	struct err why = { 0 };

	if (!store_retired(c->store) && cluster_may_act(c)) {
		timer_start(&c->resign_timer, c->loop, RESIGN_LOOK_MS, resign_look, c);
		return;
	}
	err_set(&why, ERR_LATER, "this server is stopping");
	leader_step_down(c, &why);
}

static void resign(void *arg)
{
	struct cluster *c = arg;
	struct err why = { 0 };

	c->ending = true;
	if (!c->leading)
		return;
	err_set(&why, ERR_LATER, "this server is stopping, and a different one leads in a moment");
	store_retire(c->store, &why);
	resign_look(c);
}

void cluster_resign(struct cluster *c)
{
	if (c)
		loop_post(c->loop, resign, c);
}

/*
 * Appending.
 */

static void append_next(void *arg);

static size_t parts_of(const struct cluster *c)
{
	size_t len = c->append.entry.len;

	return len > LOG_PART ? (len + LOG_PART - 1) / LOG_PART : 0;
}

/* The head of the log as it is when the entry is there. */
static void next_head(const struct cluster *c, char *text, size_t size)
{
	snprintf(text, size, "%llu %llu", (unsigned long long)c->append.position,
		 (unsigned long long)(c->total + c->append.entry.len));
}

static char *entry_key(const struct cluster *c)
{
	return cluster_key(c, "log/%016llx", (unsigned long long)c->append.position);
}

/* etcd says no: is it there already, as an answer was lost? */
static bool is_there(const struct cluster *c, const json_t *answer)
{
	const json_t *kv = json_array_get(etcd_kvs(answer, 0), 0);
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct log_head head;
	struct slice rest;

	if (!kv)
		return false;
	etcd_value(kv, &value);
	return log_head_read(slice_buf(&value), &head, &rest) == 0 && head.term == c->term;
}

static void append_done(struct cluster *c)
{
	next_head(c, c->head_text, sizeof(c->head_text));
	c->total += c->append.entry.len;
	end_append(c, 0, NULL);
}

static void append_failed(struct cluster *c, const struct err *e)
{
	/* The outcome is unknown: the same again, until etcd says it or our time is over. */
	if (e->kind == ERR_NETWORK && cluster_may_act(c)) {
		timer_start(&c->append_timer, c->loop, AGAIN_MS, append_next, c);
		return;
	}
	leader_step_down(c, e);
}

static void append_answered(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;
	struct err why = { 0 };

	c->appending = NULL;
	if (e) {
		append_failed(c, e);
	} else if (etcd_succeeded(answer) && c->part < parts_of(c)) {
		c->part++;
		append_next(c);
	} else if (etcd_succeeded(answer) || is_there(c, answer)) {
		append_done(c);
	} else {
		err_set(&why, ERR_LATER, "a different server leads the cluster now");
		leader_step_down(c, &why);
	}
}

/* One part, or at last the entry and the log's head with it. */
static void make_puts(const struct cluster *c, json_t *puts[3])
{
	_cleanup_free_ char *key = entry_key(c), *head_key = cluster_key(c, "live/head");
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct slice entry = c->append.entry;
	size_t parts = parts_of(c), from = c->part * LOG_PART;
	char head[48];

	if (c->part < parts) {
		_cleanup_free_ char *part = xasprintf("%s/%016llx/%04zx", key, (unsigned long long)c->term, c->part);

		puts[0] = etcd_put(part, slice((const char *)entry.data + from, MIN(LOG_PART, entry.len - from)), 0);
		return;
	}
	next_head(c, head, sizeof(head));
	log_head_add(&value, &(struct log_head){ c->term, c->total + entry.len, (uint32_t)parts });
	if (!parts)
		buf_add(&value, entry.data, entry.len);
	puts[0] = etcd_put(key, slice_buf(&value), 0);
	puts[1] = etcd_put(head_key, slice_str(head), 0);
}

static void append_send(struct cluster *c)
{
	_cleanup_free_ char *leader = cluster_key(c, "live/leader"), *head = cluster_key(c, "live/head"),
			    *entry = entry_key(c);
	json_t *compare[] = { etcd_if_created(leader, (int64_t)c->term), etcd_if_value(head, c->head_text), NULL };
	json_t *puts[3] = { NULL }, *look[] = { etcd_range(entry, NULL, 0, false), NULL };

	make_puts(c, puts);
	c->appending = etcd_ask(c->etcd, "kv/txn", etcd_txn(compare, puts, look), ASK_MS, append_answered, c);
}

static void append_next(void *arg)
{
	struct cluster *c = arg;

	if (cluster_may_act(c)) /* else our_end() is about to say so */
		append_send(c);
}

static void append_begin(void *arg)
{
	struct cluster *c = arg;

	if (!c->leading || !c->append.waits)
		return;
	c->part = 0;
	append_next(c);
}

int leader_append(void *arg, uint64_t position, struct slice entry, struct err *e)
{
	struct cluster *c = arg;
	int result;

	pthread_mutex_lock(&c->lock);
	if (!c->own_end) {
		pthread_mutex_unlock(&c->lock);
		return err_set(e, ERR_LATER, "this server no longer leads the cluster");
	}
	c->append = (struct append){ .waits = true, .position = position, .entry = entry };
	loop_post(c->loop, append_begin, c);
	while (c->append.waits)
		pthread_cond_wait(&c->appended, &c->lock);
	result = c->append.result;
	if (result < 0)
		*e = c->append.err;
	pthread_mutex_unlock(&c->lock);
	return result;
}

static void fell_behind(void *arg)
{
	struct err why = { 0 };

	err_set(&why, ERR_STORAGE, "this server's disk could not take what it had written to the cluster's log");
	leader_step_down(arg, &why);
}

void leader_fell_behind(void *arg)
{
	struct cluster *c = arg;

	loop_post(c->loop, fell_behind, c);
}
