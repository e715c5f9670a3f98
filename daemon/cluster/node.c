#include "daemon/cluster/cluster.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/cluster/inside.h"
#include "daemon/cluster/likeness.h"
#include "daemon/config/config.h"

#define STATUS_MS 500 /* it is made anew after this at the earliest */
#define PASSWORD_MOST 1024

struct cluster_bell {
	struct cluster *cluster; /* NULL: there is none */
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	bool posted;
	struct cluster_bell *next;
};

char *cluster_key(const struct cluster *c, const char *fmt, ...)
{
	_cleanup_free_ char *rest = NULL;
	va_list ap;

	va_start(ap, fmt);
	rest = xvasprintf(fmt, ap);
	va_end(ap);
	return xasprintf("%s/%s", c->prefix, rest);
}

/*
 * Bells.
 */

static void bell_ring(void *arg)
{
	struct cluster_bell *b = arg;

	pthread_mutex_lock(&b->cluster->lock);
	b->posted = false;
	pthread_mutex_unlock(&b->cluster->lock);
	b->fn(b->arg);
}

/* With the lock held. */
static void ring_all(struct cluster *c)
{
	for (struct cluster_bell *b = c->bells; b; b = b->next) {
		if (!b->posted)
			loop_post(b->loop, bell_ring, b);
		b->posted = true;
	}
}

struct cluster_bell *cluster_bell_new(struct cluster *c, struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct cluster_bell *b = xcalloc(1, sizeof(*b));

	*b = (struct cluster_bell){ .cluster = c, .loop = loop, .fn = fn, .arg = arg };
	if (!c)
		return b;
	pthread_mutex_lock(&c->lock);
	b->next = c->bells;
	c->bells = b;
	pthread_mutex_unlock(&c->lock);
	return b;
}

void cluster_bell_free(struct cluster_bell *b)
{
	struct cluster_bell **link;

	if (b && b->cluster) {
		pthread_mutex_lock(&b->cluster->lock);
		for (link = &b->cluster->bells; *link != b; link = &(*link)->next)
			;
		*link = b->next;
		pthread_mutex_unlock(&b->cluster->lock);
	}
	free(b);
}

/*
 * The view.
 */

bool cluster_is_member(const struct cluster *c)
{
	return c->id && str_eq(c->id, c->known.id);
}

static bool is_stale(const struct cluster *c)
{
	return !c->known.any || clock_boot_ms() - c->known.at > LEASE_SECONDS * 1000 - LEASE_MARGIN_MS;
}

enum cluster_role cluster_judge(const struct cluster *c)
{
	if (c->leading)
		return CLUSTER_LEADER;
	if (is_stale(c))
		return CLUSTER_WITHOUT_LEADER;
	if (!cluster_is_member(c) || c->known.ahead || *c->doubled)
		return CLUSTER_STRANGER;
	if (c->known.behind || store_applied(c->store) == STORE_NOWHERE)
		return CLUSTER_BEHIND;
	/* Elected and not yet leading, or leading no more: that takes a moment. */
	return !*c->known.leader || c->known.leader_lease == c->lease || c->known.leader_lease == c->old_lease
		       ? CLUSTER_WITHOUT_LEADER
		       : CLUSTER_FOLLOWER;
}

/* Why nothing is written here. */
static void say_why(const struct cluster *c, enum cluster_role role, struct err *why)
{
	if (*c->doubled) {
		err_set(why, ERR_LATER, "a different server, at %s, has the name %s already", c->doubled, c->name);
		err_hint(why, "Give each server its own cluster.name in certera.yaml.");
		return;
	}
	switch (role) {
	case CLUSTER_FOLLOWER:
		err_set(why, ERR_LATER, "%s leads the cluster, and only the leader changes anything", c->known.leader);
		break;
	case CLUSTER_STRANGER:
		err_set(why, ERR_LATER,
			c->known.ahead
				? "the log in etcd ends before what this server has: it is not the log of this cluster"
				: "this server is not a member of the cluster in etcd");
		err_hint(why, "On the first server: certeractl cluster init. On the others: certeractl cluster join.");
		break;
	case CLUSTER_BEHIND:
		err_set(why, ERR_LATER,
			"this server was away for too long, and is getting a copy of the store of a different server");
		break;
	default:
		err_set(why, ERR_LATER, "the cluster has no leader at the moment, so nothing can be changed");
		err_hint(why, "Pages, downloads and challenge answers go on. The servers elect a leader when most "
			      "members of etcd answer.");
	}
}

static void fill_view(const struct cluster *c, struct cluster_view *v, const struct err *why)
{
	enum cluster_role role = cluster_judge(c);
	_cleanup_free_ char *unreached = role == CLUSTER_FOLLOWER && c->in_force
						 ? status_unreached(c, c->name, c->unreached.leader, c->unreached.why)
						 : NULL;
	const char *trouble = err_is_set(&c->trouble)                              ? c->trouble.message
			      : unreached                                          ? unreached
			      : role == CLUSTER_FOLLOWER || role == CLUSTER_LEADER ? ""
										   : why->message;
	_cleanup_free_ char *sentence = *trouble ? err_sentence(trouble) : xstrdup("");
	bool led = role == CLUSTER_LEADER || role == CLUSTER_FOLLOWER;

	v->role = role;
	snprintf(v->id, sizeof(v->id), "%s", c->known.id);
	snprintf(v->leader, sizeof(v->leader), "%s", led ? c->known.leader : "");
	snprintf(v->leader_address, sizeof(v->leader_address), "%s", led ? c->known.leader_address : "");
	v->term = c->known.term;
	v->doubled = *c->doubled != '\0';
	v->applied = store_applied(c->store);
	snprintf(v->trouble, sizeof(v->trouble), "%s", sentence);
}

/* With the lock held.  Are they others than before? */
static bool take_nodes(struct cluster *c)
{
	size_t count = 0;
	struct cluster_node *nodes = xcalloc(c->known.count + 1, sizeof(*nodes));
	bool changed;

	for (size_t i = 0; i < c->known.count; i++)
		if (json_bool(c->known.nodes[i].said, "member", false))
			nodes[count++] = c->known.nodes[i].node;
	changed = count != c->node_count || (count && memcmp(nodes, c->nodes, count * sizeof(*nodes)));
	free(c->nodes);
	c->nodes = nodes;
	c->node_count = count;
	return changed;
}

static void make_status(struct cluster *c, bool changed)
{
	if (!changed && clock_boot_ms() - c->status_at < STATUS_MS)
		return;
	json_decref(c->status);
	c->status = status_json(c);
	c->status_at = clock_boot_ms();
}

static void judge_current(struct cluster *c, enum cluster_role role)
{
	if (role == CLUSTER_STRANGER || role == CLUSTER_BEHIND ||
	    (c->looked_after && store_applied(c->store) >= c->known.head))
		c->current = true;
}

void cluster_publish(struct cluster *c)
{
	struct cluster_view fresh = { 0 };
	struct err why = { 0 };
	bool changed;

	if (c->over)
		return;
	say_why(c, cluster_judge(c), &why);
	fill_view(c, &fresh, &why);
	judge_current(c, fresh.role);
	if (fresh.role != c->view.role)
		log_info("cluster: %s%s%s", cluster_role_word(fresh.role), *fresh.leader ? ", the leader is " : "",
			 fresh.leader);
	if (!c->leading)
		store_follow(c->store, &why);
	pthread_mutex_lock(&c->lock);
	changed = take_nodes(c) | (memcmp(&fresh, &c->view, sizeof(fresh)) != 0);
	c->view = fresh;
	if (changed)
		ring_all(c);
	make_status(c, changed);
	pthread_mutex_unlock(&c->lock);
}

void cluster_trouble(struct cluster *c, const struct err *e)
{
	if (e && !str_eq(e->message, c->trouble.message))
		log_err(LOG_LEVEL_WARN, e);
	c->trouble = e ? *e : (struct err){ 0 };
}

/*
 * What others ask: any thread.
 */

enum cluster_role cluster_role(const struct cluster *c)
{
	struct cluster_view v;

	cluster_look(c, &v);
	return v.role;
}

void cluster_look(const struct cluster *c, struct cluster_view *v)
{
	struct cluster *locked = (struct cluster *)c;

	*v = (struct cluster_view){ .role = CLUSTER_ALONE };
	if (!c)
		return;
	pthread_mutex_lock(&locked->lock);
	*v = c->view;
	pthread_mutex_unlock(&locked->lock);
	v->applied = store_applied(c->store);
}

uint64_t cluster_applied(const struct cluster *c)
{
	return c ? store_applied(c->store) : 0;
}

void cluster_unreached(struct cluster *c, uint64_t in_force, const struct cluster_unreached *u)
{
	pthread_mutex_lock(&c->lock);
	c->told_in_force = in_force;
	c->told_unreached = (struct cluster_unreached){ .why = "" };
	if (u && *u->leader)
		c->told_unreached = *u;
	if (!c->unreached_posted)
		loop_post(c->loop, heart_report, c);
	c->unreached_posted = true;
	pthread_mutex_unlock(&c->lock);
}

bool cluster_is_current(const struct cluster *c)
{
	return !c || c->current;
}

const char *cluster_name(const struct cluster *c)
{
	return c->name;
}

struct cluster_node *cluster_nodes(const struct cluster *c, size_t *count)
{
	struct cluster *locked = (struct cluster *)c;
	struct cluster_node *nodes;

	*count = 0;
	if (!c)
		return NULL;
	pthread_mutex_lock(&locked->lock);
	*count = c->node_count;
	nodes = xmemdup(c->nodes, (c->node_count + 1) * sizeof(*nodes));
	pthread_mutex_unlock(&locked->lock);
	return nodes;
}

json_t *cluster_status(const struct cluster *c)
{
	struct cluster *locked = (struct cluster *)c;
	json_t *copy;

	if (!c)
		return json_null();
	pthread_mutex_lock(&locked->lock);
	copy = json_deep_copy(c->status);
	pthread_mutex_unlock(&locked->lock);
	return copy;
}

/*
 * What an administrator wants.
 */

static void do_init(void *arg)
{
	found_new(arg, false);
}

static void do_init_anew(void *arg)
{
	found_new(arg, true);
}

static void do_join(void *arg)
{
	found_copy(arg);
}

static void do_leave(void *arg)
{
	found_none(arg);
}

static int may_do(const struct cluster_view *v, enum cluster_act act, struct err *e)
{
	if (v->doubled && act != CLUSTER_LEAVE)
		return err_set(e, ERR_CONFLICT, "%s", v->trouble);
	if (v->role == CLUSTER_ALONE) {
		err_set(e, ERR_CONFLICT, "this server is alone: certera.yaml has no cluster.endpoints");
		return err_hint(e, "Write the group cluster there and restart Certera. The handbook has the steps "
				   "under Several servers.");
	}
	if (v->role == CLUSTER_WITHOUT_LEADER && act != CLUSTER_LEAVE && *v->trouble)
		return err_set(e, ERR_LATER, "%s", v->trouble);
	if (act == CLUSTER_INIT && *v->id) {
		err_set(e, ERR_CONFLICT, "etcd has a cluster already, %s", v->id);
		return err_hint(e, "Join it. If it is lost or a mistake, begin a new one instead of it (--new): the "
				   "other servers then join that.");
	}
	if (act == CLUSTER_JOIN && !*v->id) {
		err_set(e, ERR_CONFLICT, "etcd has no cluster yet: one server has to begin it");
		return err_hint(e,
				"Start the cluster on the server whose store all shall have: certeractl cluster init.");
	}
	return 0;
}

int cluster_do(struct cluster *c, enum cluster_act act, struct err *e)
{
	static void (*const acts[])(void *) = {
		[CLUSTER_INIT] = do_init,
		[CLUSTER_INIT_ANEW] = do_init_anew,
		[CLUSTER_JOIN] = do_join,
		[CLUSTER_LEAVE] = do_leave,
	};
	struct cluster_view v;

	cluster_look(c, &v);
	if (may_do(&v, act, e) < 0)
		return -1;
	loop_post(c->loop, acts[act], c);
	return 0;
}

/*
 * Begin and end.
 */

/* More of the log is in the store. */
static void store_rang(void *arg)
{
	struct cluster *c = arg;

	if (c->over)
		return;
	look_apply(c);
	if (!c->leading && c->known.leader_lease && c->known.leader_lease == c->lease)
		leader_look(c);
	cluster_publish(c);
}

static void begin_on_loop(void *arg)
{
	struct cluster *c = arg;

	heart_begin(c);
	look_begin(c);
	upkeep_begin(c);
	cluster_publish(c);
}

static void *cluster_thread(void *arg)
{
	struct cluster *c = arg;

	log_role("cluster");
	loop_run(c->loop);
	return NULL;
}

static char *read_password(const char *path, struct err *e)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[PASSWORD_MOST] = "";
	char *password;

	if (!file || !fgets(line, sizeof(line), file)) {
		err_errno(e, ERR_CONFIG, "reading the password for cluster.user in %s", path);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	password = xstrdup(line);
	wipe(line, sizeof(line));
	return password;
}

int cluster_check_name(const char *name, struct err *e)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	if (!*name || name[strspn(name, good)])
		return err_set(
			e, ERR_CONFIG,
			"cluster.name: is \"%s\", but may only have letters, digits, dots, hyphens and underscores",
			name);
	if (strlen(name) >= CLUSTER_NAME)
		return err_set(e, ERR_CONFIG, "cluster.name: is longer than %d characters", CLUSTER_NAME - 1);
	return 0;
}

static char *own_name(const struct config *config)
{
	char host[CLUSTER_NAME] = "";

	if (*config->cluster_name)
		return xstrdup(config->cluster_name);
	gethostname(host, sizeof(host) - 1);
	return xstrdup(host);
}

static int connect_etcd(struct cluster *c, const struct config *config, struct err *e)
{
	_cleanup_wipe_ char *password =
		*config->cluster_password_file ? read_password(config->cluster_password_file, e) : xstrdup("");
	struct etcd_options options = {
		.endpoints = config->cluster_endpoints,
		.ca_file = config->cluster_ca_file,
		.user = config->cluster_user,
		.password = password,
	};

	if (!password || etcd_check_endpoints(config->cluster_endpoints, e) < 0)
		return -1;
	c->etcd = etcd_new(c->loop, &options);
	return 0;
}

static void cluster_free(struct cluster *c)
{
	bell_free(c->bell);
	etcd_free(c->etcd);
	loop_free(c->loop);
	json_decref(c->likeness);
	json_decref(c->status);
	free(c->members);
	free(c->nodes);
	free(c->prefix);
	free(c->name);
	free(c->address);
	free(c->id);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->appended);
	free(c);
}

static int begin(struct cluster *c, const struct config *config, struct err *e)
{
	c->log = (struct store_log){ .append = leader_append, .fell_behind = leader_fell_behind, .arg = c };
	if (cluster_check_name(c->name, e) < 0 || connect_etcd(c, config, e) < 0 ||
	    store_cluster(c->store, &c->id, e) < 0 || store_replicate(c->store, &c->log, e) < 0)
		return -1;
	c->bell = bell_new(c->store, c->loop, store_rang, c);
	for (size_t table = 0; table < TABLES; table++)
		bell_watch(c->bell, table, true);
	c->status = status_json(c);	/* somebody may ask before the thread runs */
	loop_post(c->loop, begin_on_loop, c);
	if (pthread_create(&c->thread, NULL, cluster_thread, c))
		return err_set(e, ERR_INTERNAL, "starting a thread failed");
	return 0;
}

int cluster_start(struct cluster **out, const struct config *config, struct store *s, struct err *e)
{
	struct cluster *c;

	*out = NULL;
	if (!*config->cluster_endpoints)
		return 0;
	c = xcalloc(1, sizeof(*c));
	c->store = s;
	c->loop = loop_new();
	c->prefix = xstrdup(config->cluster_prefix);
	c->name = own_name(config);
	c->address = xstrdup(config->cluster_address);
	c->log_entries = (uint64_t)config->cluster_log_entries;
	c->likeness = likeness_new(config);
	c->view.role = CLUSTER_WITHOUT_LEADER;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->appended, NULL);
	if (begin(c, config, e) < 0) {
		cluster_free(c);
		return -1;
	}
	*out = c;
	return 0;
}

static void ended(void *arg, const json_t *answer, const struct err *e)
{
	struct cluster *c = arg;

	loop_stop(c->loop);
}

static void end_on_loop(void *arg)
{
	struct cluster *c = arg;
	char id[24];

	c->ending = c->over = true;
	c->own_end = 0;
	c->leading = false;
	etcd_cancel(TAKE(c->campaign));
	timer_stop(&c->end_timer);
	timer_stop(&c->append_timer);
	timer_stop(&c->resign_timer);
	heart_end(c);
	look_end(c);
	upkeep_end(c);
	snprintf(id, sizeof(id), "%lld", (long long)c->lease);
	etcd_ask(c->etcd, "lease/revoke", json_pack("{s:s}", "ID", id), ASK_MS, ended, c);
}

void cluster_stop(struct cluster *c)
{
	if (!c)
		return;
	loop_post(c->loop, end_on_loop, c);
	pthread_join(c->thread, NULL);
	cluster_free(c);
}
