#include "base/clock.h"
#include "base/log.h"
#include "daemon/cluster/inside.h"
#include "daemon/cluster/log.h"

#define LOOK_MOST 32 /* keys of the log at once */
#define AGAIN_MS 200 /* after a look that failed */
#define WATCH_AGAIN_MS 500
#define BUSY_MS 3 /* the store does not take an entry yet */

struct log_entry {
	uint64_t position;
	struct log_head head;
	uint32_t parts; /* of head.parts that are there */
	struct buf bytes;
};

static void look(void *arg);

/*
 * What is in live/.
 */

static void read_cluster(struct live_state *k, const json_t *kv, const char *name, const json_t *said)
{
	const char *id = json_str(said, "id");

	snprintf(k->id, sizeof(k->id), "%s", id ? id : "");
}

static void read_head(struct live_state *k, const json_t *kv, const char *name, const json_t *said)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *end;

	etcd_value(kv, &text);
	snprintf(k->head_text, sizeof(k->head_text), "%s", buf_str(&text));
	k->head = strtoull(k->head_text, &end, 10);
	k->total = strtoull(end, NULL, 10);
}

static void read_node_head(struct cluster_node *node, const json_t *said)
{
	const char *name = json_str(said, "name"), *address = json_str(said, "address");

	snprintf(node->name, sizeof(node->name), "%s", name ? name : "");
	snprintf(node->address, sizeof(node->address), "%s", address ? address : "");
}

static void read_leader(struct live_state *k, const json_t *kv, const char *name, const json_t *said)
{
	struct cluster_node node = { .self = false };

	read_node_head(&node, said);
	memcpy(k->leader, node.name, sizeof(k->leader));
	memcpy(k->leader_address, node.address, sizeof(k->leader_address));
	k->leader_lease = etcd_int(kv, "lease");
	k->term = (uint64_t)etcd_int(kv, "create_revision");
}

static void read_node(struct live_state *k, const json_t *kv, const char *name, const json_t *said)
{
	struct known_node *n;

	k->nodes = xreallocarray(k->nodes, k->count + 1, sizeof(*k->nodes));
	n = &k->nodes[k->count++];
	*n = (struct known_node){ .said = json_incref((json_t *)said),
				  .revision = (uint64_t)etcd_int(kv, "mod_revision") };
	read_node_head(&n->node, said);
	n->node.in_force = (uint64_t)json_int(said, "in_force", 0);
}

static const struct live_key {
	const char *key;
	void (*read)(struct live_state *, const json_t *kv, const char *name, const json_t *said);
} live_keys[] = {
	{ "cluster", read_cluster },
	{ "head", read_head },
	{ "leader", read_leader },
	{ "node/", read_node },
};

static void read_live(struct cluster *c, struct live_state *k, const json_t *kv)
{
	_cleanup_buf_ struct buf key = BUF_INIT, value = BUF_INIT;
	_cleanup_free_ char *live = cluster_key(c, "live/");
	_cleanup_json_ json_t *said = NULL;

	etcd_key(kv, &key);
	etcd_value(kv, &value);
	said = json_read(value.data, value.len, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(live_keys); i++)
		if (str_starts(buf_str(&key) + strlen(live), live_keys[i].key))
			live_keys[i].read(k, kv, buf_str(&key) + strlen(live) + strlen(live_keys[i].key), said);
}

static void known_release(struct live_state *k)
{
	for (size_t i = 0; i < k->count; i++)
		json_decref(k->nodes[i].said);
	free(TAKE(k->nodes));
	k->count = 0;
}

/*
 * How far a clock is off: its key was written at some time between the look before and this one.  Nothing is known of
 * the clock of a key that is older than our first look, but that it is ahead.
 */
static void judge_clock(const struct live_state *old, struct known_node *n)
{
	struct timespec now;
	int64_t since = old->any ? clock_boot_ms() - old->at : INT64_MAX / 2;

	for (size_t i = 0; i < old->count; i++)
		if (old->nodes[i].revision == n->revision) {
			n->skew_ms = old->nodes[i].skew_ms;
			return;
		}
	clock_gettime(CLOCK_REALTIME, &now);
	n->skew_ms = json_int(n->said, "clock_ms", 0) - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	if (n->skew_ms < 0)
		n->skew_ms = MIN(n->skew_ms + since, 0);
}

static void read_known(struct cluster *c, const json_t *answer)
{
	struct live_state fresh = {
		.any = true, .at = clock_boot_ms(), .behind = c->known.behind, .ahead = c->known.ahead
	};
	const json_t *kv;
	size_t i;

	json_array_foreach ((json_t *)etcd_kvs(answer, 0), i, kv)
		read_live(c, &fresh, kv);
	for (i = 0; i < fresh.count; i++) {
		struct cluster_node *node = &fresh.nodes[i].node;

		node->self = str_eq(node->name, c->name);
		node->leader = str_eq(node->name, fresh.leader);
		judge_clock(&c->known, &fresh.nodes[i]);
	}
	known_release(&c->known);
	c->known = fresh;
}

/*
 * What is in log/.
 */

static void drop_entries(struct cluster *c)
{
	for (size_t i = 0; i < c->entry_count; i++)
		buf_release(&c->entries[i].bytes);
	free(TAKE(c->entries));
	c->entry_count = c->entry_next = 0;
}

static void add_entry(struct cluster *c, uint64_t position, struct slice value)
{
	struct log_entry *entry;
	struct slice rest;

	c->entries = xreallocarray(c->entries, c->entry_count + 1, sizeof(*c->entries));
	entry = &c->entries[c->entry_count++];
	*entry = (struct log_entry){ .position = position };
	if (log_head_read(value, &entry->head, &rest) == 0)
		buf_add(&entry->bytes, rest.data, rest.len);
}

/* Of the entry before; not of one that a leader before could not finish. */
static void add_part(struct cluster *c, uint64_t position, uint64_t term, uint64_t number, struct slice value)
{
	struct log_entry *entry = c->entry_count ? &c->entries[c->entry_count - 1] : NULL;

	if (!entry || entry->position != position || entry->head.term != term || entry->parts != number)
		return;
	buf_add(&entry->bytes, value.data, value.len);
	entry->parts++;
}

static void read_log(struct cluster *c, const json_t *kv)
{
	_cleanup_buf_ struct buf key = BUF_INIT, value = BUF_INIT;
	_cleanup_free_ char *log = cluster_key(c, "log/");
	unsigned long long position = 0, term = 0;
	unsigned number = 0;

	etcd_key(kv, &key);
	etcd_value(kv, &value);
	if (sscanf(buf_str(&key) + strlen(log), "%16llx/%16llx/%4x", &position, &term, &number) == 3)
		add_part(c, position, term, number, slice_buf(&value));
	else
		add_entry(c, position, slice_buf(&value));
}

/* The last one may lack parts that the answer had no room for. */
static void read_entries(struct cluster *c, const json_t *answer)
{
	const json_t *kv;
	size_t i;

	drop_entries(c);
	json_array_foreach ((json_t *)etcd_kvs(answer, 1), i, kv)
		read_log(c, kv);
	if (c->entry_count && c->entries[c->entry_count - 1].parts < c->entries[c->entry_count - 1].head.parts)
		buf_release(&c->entries[--c->entry_count].bytes);
	c->look_most = json_array_size(etcd_kvs(answer, 1)) && !c->entry_count ? c->look_most * 2 : LOOK_MOST;
}

/* Does the log have what comes after what we have? */
static void judge_log(struct cluster *c, uint64_t position, const json_t *answer)
{
	const json_t *first = json_array_get(etcd_kvs(answer, 1), 0);
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_free_ char *wanted = cluster_key(c, "log/%016llx", (unsigned long long)position + 1);

	if (first)
		etcd_key(first, &key);
	c->known.behind = c->known.head > position && !str_eq(buf_str(&key), wanted);
	c->known.ahead = c->known.head < position;
}

static void apply_again(void *arg)
{
	look_apply(arg);
}

void look_apply(struct cluster *c)
{
	struct err e = { 0 };

	while (c->entry_next < c->entry_count) {
		struct log_entry *entry = &c->entries[c->entry_next];
		uint64_t position = store_position(c->store);
		int taken;

		if (entry->position > position + 1) /* it was lost again what came before */
			break;
		taken = entry->position <= position
				? 0
				: store_apply(c->store, entry->position, slice_buf(&entry->bytes), &e);
		if (taken < 0)
			cluster_trouble(c, &e);
		if (taken) {
			timer_start(&c->apply_timer, c->loop, taken < 0 ? BEAT_MS : BUSY_MS, apply_again, c);
			return;
		}
		c->entry_next++;
	}
	if (c->entry_count) { /* there may be more */
		drop_entries(c);
		bell_await(c->bell, store_seen(c->store));
		look_now(c);
	}
}

/*
 * Looking.
 */

static void look_at(struct cluster *c, int64_t ms)
{
	timer_start(&c->look_timer, c->loop, ms, look, c);
}

static void looked(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;
	bool again = c->look_again;
	uint64_t position = c->look_from;

	c->look = NULL;
	c->look_again = false;
	if (e) {
		cluster_trouble(c, e);
		cluster_publish(c);
		look_at(c, AGAIN_MS);
		return;
	}
	read_known(c, answer);
	c->looked_after |= c->look_after;
	c->known.behind |= position == STORE_NOWHERE;
	if (c->look_whole && !c->leading && cluster_is_member(c)) {
		judge_log(c, position, answer);
		read_entries(c, answer);
	}
	if (!c->known.behind && !c->known.ahead)
		cluster_trouble(c, NULL);
	leader_look(c);
	if (c->said_member != (cluster_is_member(c) && !c->known.behind))
		heart_say(c);
	cluster_publish(c);
	look_at(c, again ? 0 : BEAT_MS);
	look_apply(c);
}

static void look(void *arg)
{
	struct cluster *c = arg;
	_cleanup_free_ char *live = cluster_key(c, "live/"), *live_end = cluster_key(c, "live0"),
			    *log_end = cluster_key(c, "log0");
	_cleanup_free_ char *log = NULL;
	json_t *ranges[3] = { NULL };

	if (c->look) {
		c->look_again = true;
		return;
	}
	c->look_from = store_position(c->store);
	c->look_after = c->said;
	ranges[0] = etcd_range(live, live_end, 0, false);
	/* Of the log no more, as long as there is something to be applied. */
	if (!c->leading && c->id && c->look_from != STORE_NOWHERE && c->entry_next == c->entry_count) {
		log = cluster_key(c, "log/%016llx", (unsigned long long)c->look_from + 1);
		ranges[1] = etcd_range(log, log_end, c->look_most, false);
	}
	c->look_whole = ranges[1] != NULL;
	c->look = etcd_ask(c->etcd, "kv/txn", etcd_txn(NULL, ranges, NULL), ASK_MS, looked, c);
}

void look_now(struct cluster *c)
{
	if (c->over)
		return;
	if (c->look)
		c->look_again = true;
	else
		look_at(c, 0);
}

/*
 * Being told when to look.  Should a watch be silent, there is a look every two seconds anyway.
 */

static void watch(void *arg);

/* A leader hears of its own entries: that the head moves. */
static bool is_own(const struct cluster *c, const json_t *message)
{
	_cleanup_free_ char *head = cluster_key(c, "live/head");
	const json_t *event;
	size_t i;

	json_array_foreach ((json_t *)json_object_get(message, "events"), i, event) {
		_cleanup_buf_ struct buf key = BUF_INIT;

		etcd_key(json_object_get(event, "kv"), &key);
		if (!str_eq(buf_str(&key), head))
			return false;
	}
	return true;
}

static void watched(void *arg, const json_t *message, const struct err *e)
{
	struct cluster *c = arg;

	if (e) {
		c->watch = NULL;
		timer_start(&c->watch_timer, c->loop, WATCH_AGAIN_MS, watch, c);
	} else if (!c->leading || !is_own(c, message)) {
		look_now(c);
	}
}

static void watch(void *arg)
{
	struct cluster *c = arg;
	_cleanup_free_ char *live = cluster_key(c, "live/"), *end = cluster_key(c, "live0");

	c->watch = etcd_stream(c->etcd, "watch", etcd_watch(live, end), watched, c);
}

void look_begin(struct cluster *c)
{
	c->look_most = LOOK_MOST;
	look_at(c, 0);
	watch(c);
}

void look_end(struct cluster *c)
{
	timer_stop(&c->look_timer);
	timer_stop(&c->watch_timer);
	timer_stop(&c->apply_timer);
	etcd_cancel(TAKE(c->look));
	etcd_cancel(TAKE(c->watch));
	drop_entries(c);
	known_release(&c->known);
}
