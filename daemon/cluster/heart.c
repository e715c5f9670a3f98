#include "base/clock.h"
#include "base/log.h"
#include "daemon/cluster/inside.h"

#define SAY_MS 5000 /* between two writings of our key that only tell how far we are */

static void beat(void *arg);

static void beat_again(struct cluster *c, int64_t ms)
{
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

static char *say(struct cluster *c)
{
	_cleanup_json_ json_t *o = json_object();

	json_put_str(o, "name", c->name);
	json_put_str(o, "address", c->address);
	json_put_str(o, "version", VERSION);
	json_put_int(o, "format", STORE_FORMAT);
	json_put_int(o, "applied", (int64_t)store_applied(c->store));
	json_put_int(o, "clock_ms", wall_ms());
	json_put_bool(o, "member", cluster_is_member(c) && !c->known.behind);
	json_object_set(o, "likeness", c->likeness);
	return json_write(o);
}

static void said(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	c->beat = NULL;
	if (e)
		cluster_trouble(c, e);
	if (e && e->kind != ERR_NETWORK) /* "requested lease not found", above all */
		heart_renew(c);
	else
		beat_again(c, e ? 0 : BEAT_MS);
}

static void write_key(struct cluster *c)
{
	_cleanup_free_ char *key = cluster_key(c, "live/node/%s", c->name), *value = say(c);

	c->said_at = clock_boot_ms();
	c->said_applied = store_applied(c->store);
	c->beat = etcd_ask(c->etcd, "kv/put", etcd_alone(etcd_put(key, slice_str(value), c->lease)), ASK_MS, said, c);
}

void heart_say(struct cluster *c)
{
	c->said_at = 0;
	if (c->lease && !c->beat)
		beat_again(c, 0);
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

static bool has_news(const struct cluster *c)
{
	return !c->said_at || (c->said_applied != store_applied(c->store) && clock_boot_ms() - c->said_at > SAY_MS);
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
		beat_again(c, has_news(c) ? 0 : BEAT_MS);
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
	} else if (has_news(c)) {
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
