#include "base/clock.h"
#include "base/log.h"
#include "daemon/cluster/inside.h"

#define SAY_MS 5000 /* between two writings of our key that only tell how far we are */
#define REPORT_MS 200 /* ... that the leader may wait for */

static void beat(void *arg);

static void beat_again(struct cluster *c, int64_t ms)
{
	if (c->over)
		return;
	timer_start(&c->beat_timer, c->loop, ms, beat, c);
}

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Our key.
 */

static char *say(struct cluster *c, bool member)
{
	_cleanup_json_ json_t *o = json_object();

	json_put_str(o, "name", c->name);
	json_put_str(o, "address", c->address);
	json_put_str(o, "version", VERSION);
	json_put_int(o, "format", STORE_FORMAT);
	json_put_int(o, "applied", (int64_t)store_applied(c->store));
	json_put_int(o, "clock_ms", wall_ms());
	json_put_bool(o, "member", member);
	json_object_set(o, "likeness", c->likeness);
	if (c->in_force)
		json_put_int(o, "in_force", (int64_t)c->in_force);
	if (c->in_force && *c->unreached.leader) {
		json_put_str(o, "unreached", c->unreached.leader);
		json_put_str(o, "why", c->unreached.why);
	}
	return json_write(o);
}

static bool has_report(const struct cluster *c)
{
	return c->in_force != c->said_in_force || memcmp(&c->unreached, &c->said_unreached, sizeof(c->unreached)) != 0;
}

static bool has_news(const struct cluster *c)
{
	return !c->said_at || c->said_member != (cluster_is_member(c) && !c->known.behind) ||
	       (has_report(c) && clock_boot_ms() - c->said_at >= REPORT_MS) ||
	       (c->said_applied != store_applied(c->store) && clock_boot_ms() - c->said_at > SAY_MS);
}

/* Until the next renewal of the lease, or the next writing of the key. */
static int64_t next_ms(const struct cluster *c)
{
	if (has_news(c))
		return 0;
	return has_report(c) ? REPORT_MS - (clock_boot_ms() - c->said_at) : BEAT_MS;
}

/* A different server has our name: this one keeps away until that one is gone. */
static void doubled(struct cluster *c, const char *address)
{
	if (!*c->doubled)
		log_error("the server at %s has the name %s, too: give each server its own cluster.name", address,
			  c->name);
	snprintf(c->doubled, sizeof(c->doubled), "%s", address);
	c->said_at = 0;
	beat_again(c, BEAT_MS);
	cluster_publish(c);
}

/*
 * It is otherwise than we knew.  With our address it is what we wrote ourselves, now or before we were started again.
 */
static void key_differs(struct cluster *c, const json_t *kv)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	_cleanup_json_ json_t *there = NULL;
	const char *address;

	if (kv)
		etcd_value(kv, &value);
	there = kv ? json_read(value.data, value.len, NULL) : NULL;
	address = json_str(there, "address");
	if (address && !str_eq(address, c->address)) {
		doubled(c, address);
		return;
	}
	c->said_revision = kv ? etcd_int(kv, "mod_revision") : 0;
	heart_say(c);
}

static void key_written(struct cluster *c, int64_t revision)
{
	c->said_revision = revision;
	c->said = c->said_member;
	if (c->said && !c->looked_after)
		look_now(c);
	if (*c->doubled)
		log_info("no other server has the name %s now", c->name);
	*c->doubled = '\0';
	beat_again(c, next_ms(c));
}

static void said(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	c->beat = NULL;
	if (e)
		cluster_trouble(c, e);
	if (e && e->kind != ERR_NETWORK) /* "requested lease not found", above all */
		heart_renew(c);
	else if (e)
		beat_again(c, 0);
	else if (etcd_succeeded(answer))
		key_written(c, etcd_revision(answer));
	else
		key_differs(c, json_array_get(etcd_kvs(answer, 0), 0));
}

static void write_key(struct cluster *c)
{
	bool member = cluster_is_member(c) && !c->known.behind;
	_cleanup_free_ char *key = cluster_key(c, "live/node/%s", c->name), *value = say(c, member);
	json_t *compare[] = { etcd_if_modified(key, c->said_revision), NULL };
	json_t *put[] = { etcd_put(key, slice_str(value), c->lease), NULL },
	       *look[] = { etcd_range(key, NULL, 0, false), NULL };

	c->said_at = clock_boot_ms();
	c->said_applied = store_applied(c->store);
	c->said_member = member;
	c->said_in_force = c->in_force;
	c->said_unreached = c->unreached;
	c->beat = etcd_ask(c->etcd, "kv/txn", etcd_txn(compare, put, look), ASK_MS, said, c);
}

void heart_say(struct cluster *c)
{
	c->said_at = 0;
	if (c->lease && !c->beat)
		beat_again(c, 0);
}

void heart_report(void *arg)
{
	struct cluster *c = arg;

	pthread_mutex_lock(&c->lock);
	c->in_force = c->told_in_force;
	c->unreached = c->told_unreached;
	c->unreached_posted = false;
	pthread_mutex_unlock(&c->lock);
	cluster_publish(c);
	if (c->lease && !c->beat && has_report(c))
		beat_again(c, next_ms(c));
}

/*
 * The lease.
 */

static void granted(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	c->beat = NULL;
	if (e) {
		cluster_trouble(c, e);
		beat_again(c, e->kind == ERR_NETWORK ? 200 : BEAT_MS);
		return;
	}
	c->lease = etcd_int(answer, "ID");
	leader_extended(c, c->beat_sent);
	write_key(c);
}

static void renewed(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	c->beat = NULL;
	if (e) {
		if (clock_boot_ms() - c->beat_sent > LEASE_SECONDS * 1000)
			cluster_trouble(c, e);
		beat_again(c, 200);
	} else if (etcd_int(json_object_get(answer, "result"), "TTL") <= 0) {
		heart_renew(c);
	} else {
		leader_extended(c, c->beat_sent);
		beat_again(c, next_ms(c));
	}
}

static void beat(void *arg)
{
	struct cluster *c = arg;

	if (c->beat)
		return;
	if (!c->lease) {
		c->beat_sent = clock_boot_ms();
		c->beat =
			etcd_ask(c->etcd, "lease/grant", json_pack("{s:i}", "TTL", LEASE_SECONDS), ASK_MS, granted, c);
	} else if (has_news(c) && clock_boot_ms() - c->beat_sent < BEAT_MS) {
		write_key(c);
	} else {
		char id[24];

		snprintf(id, sizeof(id), "%lld", (long long)c->lease);
		c->beat_sent = clock_boot_ms();
		c->beat = etcd_ask(c->etcd, "lease/keepalive", json_pack("{s:s}", "ID", id), ASK_MS, renewed, c);
	}
}

static void revoked(void *arg, const json_t *answer, const struct err *e)
{
}

void heart_bury(struct cluster *c)
{
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)c->old_lease);
	etcd_ask(c->etcd, "lease/revoke", json_pack("{s:s}", "ID", id), ASK_MS, revoked, NULL);
}

static void give_back(struct cluster *c)
{
	if (!c->lease)
		return;
	c->old_lease = c->lease;
	c->lease = 0;
	heart_bury(c);
}

void heart_renew(struct cluster *c)
{
	struct err why = { 0 };

	if (c->leading) {
		err_set(&why, ERR_LATER, "this server's lease at etcd has ended");
		leader_step_down(c, &why);
		return;
	}
	etcd_cancel(TAKE(c->beat));
	give_back(c);
	c->said_at = 0;
	beat_again(c, 0);
}

void heart_begin(struct cluster *c)
{
	beat_again(c, 0);
}

void heart_end(struct cluster *c)
{
	timer_stop(&c->beat_timer);
	etcd_cancel(TAKE(c->beat));
}
