#include "daemon/cluster/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/cluster/log.h"

#define UPKEEP_MS 10000
#define MEMBERS_MS 10000
#define LOG_BYTES ((uint64_t)256 * 1024 * 1024)
#define FULL_BYTES ((int64_t)1536 * 1024 * 1024) /* of etcd's 2 GiB, if nobody has chosen otherwise */

static void upkeep(void *arg);

static void next_upkeep(struct cluster *c, int64_t ms)
{
	timer_start(&c->upkeep_timer, c->loop, ms, upkeep, c);
}

static void upkeep_failed(struct cluster *c, const struct err *e)
{
	log_err(LOG_LEVEL_WARN, e);
	next_upkeep(c, UPKEEP_MS);
}

/*
 * The old end of the log, and the revisions of etcd.
 */

static void compacted(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	c->upkeep = NULL;
	if (e && e->kind != ERR_INVALID) /* "has been compacted": by somebody else */
		upkeep_failed(c, e);
	else
		next_upkeep(c, UPKEEP_MS);
}

/* What was before the last upkeep: watches that are not that far behind go on. */
static void compact(struct cluster *c, int64_t revision)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)c->old_revision);
	if (c->old_revision)
		c->upkeep =
			etcd_ask(c->etcd, "kv/compaction", json_pack("{s:s}", "revision", text), ASK_MS, compacted, c);
	else
		next_upkeep(c, UPKEEP_MS);
	c->old_revision = revision;
}

static void deleted(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	c->upkeep = NULL;
	if (e)
		upkeep_failed(c, e);
	else
		compact(c, etcd_revision(answer));
}

static void delete_before(struct cluster *c, uint64_t position)
{
	_cleanup_free_ char *leader = cluster_key(c, "live/leader"), *first = cluster_key(c, "log/");
	_cleanup_free_ char *end = cluster_key(c, "log/%016llx", (unsigned long long)position);
	json_t *compare[] = { etcd_if_created(leader, (int64_t)c->term), NULL },
	       *ops[] = { etcd_delete(first, end), NULL };

	log_debug("the cluster's log begins with entry %llu now", (unsigned long long)position);
	c->upkeep = etcd_ask(c->etcd, "kv/txn", etcd_txn(compare, ops, NULL), ASK_MS, deleted, c);
}

/* The first entry to keep; 0: all of them. */
static uint64_t first_to_keep(const struct cluster *c, uint64_t first, const struct log_head *head)
{
	uint64_t last = store_applied(c->store), keep = 0;

	if (last > c->log_entries && first < last - c->log_entries)
		keep = last - c->log_entries;
	if (c->total - head->total > LOG_BYTES)
		keep = MAX(keep, first + (last - first) / 8 + 1);
	return MIN(keep, last);
}

static void found_first(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;
	const json_t *kv = json_array_get(json_object_get(answer, "kvs"), 0);
	_cleanup_buf_ struct buf key = BUF_INIT, value = BUF_INIT;
	_cleanup_free_ char *log = cluster_key(c, "log/");
	uint64_t keep = 0;
	struct log_head head;
	struct slice rest;

	c->upkeep = NULL;
	if (e) {
		upkeep_failed(c, e);
		return;
	}
	if (kv) {
		etcd_key(kv, &key);
		etcd_value(kv, &value);
		if (log_head_read(slice_buf(&value), &head, &rest) == 0)
			keep = first_to_keep(c, strtoull(buf_str(&key) + strlen(log), NULL, 16), &head);
	}
	if (keep)
		delete_before(c, keep);
	else
		compact(c, etcd_revision(answer));
}

static void upkeep(void *arg)
{
	struct cluster *c = arg;
	_cleanup_free_ char *log = cluster_key(c, "log/"), *end = cluster_key(c, "log0");

	if (c->leading)
		c->upkeep = etcd_ask(c->etcd, "kv/range", etcd_alone(etcd_range(log, end, 1, false)), ASK_MS,
				     found_first, c);
}

void upkeep_lead(struct cluster *c)
{
	c->old_revision = 0;
	etcd_cancel(TAKE(c->upkeep));
	next_upkeep(c, UPKEEP_MS);
}

/*
 * How the members are, one after the other.
 */

static void ask_members(void *arg);

static void member_known(struct cluster *c)
{
	if (etcd_endpoint(c->etcd, ++c->member_asked)) {
		ask_members(c);
	} else {
		c->member_asked = 0;
		timer_start(&c->members_timer, c->loop, MEMBERS_MS, ask_members, c);
		cluster_publish(c);
	}
}

static void member_answered(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;
	struct etcd_member *m = &c->members[c->member_asked];

	c->member_call = NULL;
	m->asked = true;
	m->err = e ? *e : (struct err){ 0 };
	m->used = etcd_int(answer, "dbSizeInUse");
	m->size = etcd_int(answer, "dbSize");
	m->leader = answer && etcd_int(answer, "leader") == etcd_int(json_object_get(answer, "header"), "member_id");
	m->without_leader = answer && !etcd_int(answer, "leader");
	m->took_ms = clock_mono_ms() - c->member_at;
	snprintf(m->version, sizeof(m->version), "%s",
		 answer && json_str(answer, "version") ? json_str(answer, "version") : "");
	m->full = json_array_size(json_object_get(answer, "errors")) > 0 &&
		  strstr(json_string_value(json_array_get(json_object_get(answer, "errors"), 0)), "NOSPACE");
	m->nearly_full = m->size > FULL_BYTES;
	member_known(c);
}

static void ask_members(void *arg)
{
	struct cluster *c = arg;

	c->member_at = clock_mono_ms();
	c->member_call = etcd_ask_member(c->etcd, c->member_asked, "maintenance/status", json_object(), ASK_MS,
					 member_answered, c);
}

void upkeep_begin(struct cluster *c)
{
	while (etcd_endpoint(c->etcd, c->member_count))
		c->member_count++;
	c->members = xcalloc(c->member_count, sizeof(*c->members));
	ask_members(c);
}

void upkeep_end(struct cluster *c)
{
	timer_stop(&c->upkeep_timer);
	timer_stop(&c->members_timer);
	etcd_cancel(TAKE(c->upkeep));
	etcd_cancel(TAKE(c->member_call));
	free(TAKE(c->members));
	c->member_count = 0;
}
