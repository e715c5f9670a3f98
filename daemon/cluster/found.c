#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "daemon/cluster/inside.h"

#define ID_BYTES 12

/* What our store is of from now on.  id: owned by the cluster then; NULL: of none. */
static int become(struct cluster *c, const char *id, uint64_t position)
{
	struct err e = { 0 };

	if (c->over)
		return -1;
	if (store_join(c->store, id, position, &e) < 0) {
		cluster_trouble(c, &e);
		log_err(LOG_LEVEL_ERROR, &e);
		return -1;
	}
	free(c->id);
	c->id = id ? xstrdup(id) : NULL;
	heart_say(c);
	look_now(c);
	return 0;
}

static void stop_leading(struct cluster *c, const char *message)
{
	struct err why = { 0 };

	err_set(&why, ERR_LATER, "%s", message);
	leader_step_down(c, &why);
}

static void founded(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	c->campaign = NULL;
	if (e) {
		cluster_trouble(c, e);
	} else if (etcd_succeeded(answer)) {
		log_info("a new cluster begins: %s", c->id);
	} else { /* somebody was faster */
		become(c, NULL, 0);
	}
	look_now(c);
}

static void write_cluster(struct cluster *c, const char *id, bool anew)
{
	_cleanup_free_ char *key = cluster_key(c, "live/cluster"), *head = cluster_key(c, "live/head");
	_cleanup_free_ char *log = cluster_key(c, "log/"), *log_end = cluster_key(c, "log0");
	_cleanup_json_ json_t *o = json_pack("{s:s}", "id", id);
	_cleanup_free_ char *value = json_write(o);
	json_t *compare[] = { anew ? NULL : etcd_if_created(key, 0), NULL };
	json_t *puts[] = { etcd_delete(log, log_end), etcd_put(key, slice_str(value), 0),
			   etcd_put(head, slice_str("0 0"), 0), NULL };

	etcd_cancel(c->campaign);
	c->campaign = etcd_ask(c->etcd, "kv/txn", etcd_txn(compare, puts, NULL), ASK_MS, founded, c);
}

void found_new(struct cluster *c, bool anew)
{
	unsigned char bytes[ID_BYTES];
	_cleanup_free_ char *id = NULL;

	random_bytes(bytes, sizeof(bytes));
	id = hex_str(bytes, sizeof(bytes));
	stop_leading(c, "this server begins a new cluster");
	if (become(c, id, 0) == 0)
		write_cluster(c, id, anew);
}

void found_copy(struct cluster *c)
{
	stop_leading(c, "this server is about to get a copy of the store of a different server");
	if (become(c, c->known.id, STORE_NOWHERE) == 0)
		log_info("this server joins the cluster %s: it needs a copy of the store of a different server",
			 c->known.id);
}

void found_none(struct cluster *c)
{
	stop_leading(c, "this server leaves the cluster");
	if (become(c, NULL, 0) == 0)
		log_info("this server has left the cluster");
}
