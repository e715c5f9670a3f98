/*
 * The core, from start to end, top-down:
 *
 *	fork the keeper and the starter; bind the sockets; give up root's rights; open the store; check the master key;
 *	start the desks and the front; run the engine; tell systemd when the front serves; end in reverse.
 */
#include "daemon/core.h"

#include <event2/event.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process/channel.h"
#include "base/process/sd.h"
#include "daemon/cluster/cluster.h"
#include "daemon/config/config.h"
#include "daemon/config/window.h"
#include "daemon/desk/desks.h"
#include "daemon/desk/outside.h"
#include "daemon/desk/published.h"
#include "daemon/desk/site.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/event_log.h"
#include "daemon/engine/log_seal.h"
#include "daemon/engine/settle.h"
#include "daemon/first_user.h"
#include "daemon/follower.h"
#include "daemon/job_kinds.h"
#include "daemon/keycheck.h"
#include "daemon/leading.h"
#include "daemon/nodes.h"
#include "daemon/overrides.h"
#include "daemon/privileged.h"
#include "daemon/process/cage.h"
#include "daemon/process/protection.h"
#include "daemon/process/starter.h"
#include "store/db/replica.h"
#include "store/upgrade.h"

#define DRAIN_MS 10000
#define LEAVE_MS 20		/* between two turns of core_leave() */
#define HAND_OVER_TURNS 2	/* until then notes are written, and what others have asked is answered, */
#define HAND_OVER_MOST 50	/* at most so long */
#define SETTLED_TURNS 4		/* what was answered last is on the line by then */
#define LEAVE_MOST_MS 3000	/* when the front has ended */
#define ENGINE_CLIENT 0		/* the engine's channel to the keeper; the desks have the next ones */

struct daemon {
	const char *file;
	struct config config;
	struct privileged privileged;
	int landlock;			/* its version in force here; 0: none */
	struct starter *starter;
	struct listeners *listeners;
	struct store *store;
	struct cluster *cluster;	/* NULL: this server is alone */
	struct leading *leading;
	struct nodes *nodes;
	int nodes_fd;			/* where other nodes connect, until `nodes` has it */
	struct loop *loop;
	struct keeper_client *client;
	struct desks *desks;
	struct outside *outside;
	struct published *published;
	struct site *site;
	struct follower *follower;
	struct overrides *overrides;
	struct engine engine;
	struct webui_env env;
	struct event *signals[3];
	struct timer watchdog;
	int64_t watchdog_ms;
	char *setup_token;		/* NULL: somebody can sign in */
	bool ready;			/* has been said */
	bool leaving;			/* it ends, and the other servers of the cluster go on */
	int64_t leave_until;		/* clock_mono_ms() */
	int leave_turns, settled_turns;	/* of core_leave(); since all is over */
	bool handed_over, drained;	/* a different one is to lead; the front has ended */
	struct timer leave;
	int exit_code;
};

static void complain(void *arg, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static void set_up_log(const struct config *config)
{
	log_setup(config_log_level(config), str_eq(config->log_format, "json"));
}

static int open_sockets(struct daemon *d, struct err *e)
{
	_cleanup_free_ char *control = config_control_socket(&d->config);
	struct listen_options options = {
		.http = &d->config.listen_http,
		.https = &d->config.listen_https,
		.control = control,
		.user = users_of(&d->privileged.users, ROLE_CORE),
		.group = d->privileged.users.admins.group,
		.threads = (int)d->config.server_threads,
	};

	d->listeners = listeners_open(&options, e);
	return d->listeners ? nodes_listen(&d->config, &d->nodes_fd, e) : -1;
}

static void core_stop(struct daemon *d, int exit_code)
{
	d->exit_code = exit_code;
	loop_stop(d->loop);
}

/* Any thread. */
static void keeper_died(void *arg)
{
	core_stop(arg, err_exit_code(ERR_INTERNAL));
}

static void wake_engine(void *arg)
{
	engine_wake(arg);
}

static void intent_written(void *arg)
{
	struct daemon *d = arg;

	loop_post(d->loop, wake_engine, &d->engine);
}

static int compare_store(void *arg, const char *server, uint64_t *position, struct err *e)
{
	const struct daemon *d = arg;

	return nodes_compare(d->nodes, server, position, e);
}

static void site_changed(void *arg)
{
	struct daemon *d = arg;

	site_load(d->site);
}

static int connect_runner(void *arg, struct err *e)
{
	struct daemon *d = arg;
	_cleanup_close_ int theirs = -1;
	int ours = -1;

	if (channel_pair(&ours, &theirs, e) == 0 && starter_start(d->starter, ROLE_RUNNER, theirs, e) == 0)
		return ours;
	cleanup_close(&ours);
	return -1;
}

/*
 * In a cluster the end has a beginning, while the loop still carries what nodes say to each other: what was noted aside
 * is written, a different server leads, the front ends, and what is under way is answered.
 */
static void core_leave(void *arg)
{
	struct daemon *d = arg;
	bool drained = outside_drained(d->outside), settled;

	d->leave_turns++;
	if (!d->handed_over && d->leave_turns > HAND_OVER_TURNS &&
	    (desks_left(d->desks) || d->leave_turns > HAND_OVER_MOST)) {
		d->handed_over = true;
		leading_end(d->leading);
	}
	if (drained && !d->drained)
		d->leave_until = MIN(d->leave_until, clock_mono_ms() + LEAVE_MOST_MS);
	d->drained = drained;
	settled = drained && d->handed_over && desks_left(d->desks) && cluster_role(d->cluster) != CLUSTER_LEADER;
	d->settled_turns = settled ? d->settled_turns + 1 : 0;
	if (d->settled_turns > SETTLED_TURNS || clock_mono_ms() > d->leave_until)
		core_stop(d, d->exit_code);
	else
		timer_start(&d->leave, d->loop, LEAVE_MS, core_leave, d);
}

static void core_begin_end(struct daemon *d, int exit_code)
{
	if (!d->cluster || !d->outside || d->leaving) {
		core_stop(d, exit_code);
		return;
	}
	d->leaving = true;
	d->exit_code = exit_code;
	d->leave_until = clock_mono_ms() + DRAIN_MS;
	desks_end_streams(d->desks);
	desks_leave(d->desks);
	outside_drain(d->outside, DRAIN_MS);
	core_leave(d);
}

static void terminate(evutil_socket_t number, short what, void *arg)
{
	log_info("ending on %s", strsignal((int)number));
	core_begin_end(arg, 0);
}

/* All who hold settings get those of now. */
static void spread_settings(struct daemon *d)
{
	set_up_log(&d->config);
	desks_configure(d->desks, &d->config);
	outside_configure(d->outside);
	engine_replan(&d->engine);
}

/* An administrator changed one, and that is durable. */
static void setting_changed(void *arg)
{
	struct daemon *d = arg;
	struct err e = { 0 };

	if (overrides_apply(d->store, &d->config, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		return;
	}
	spread_settings(d);
	log_info("settings were changed");
}

/* The file as it is now, with what the store keeps over it.  0, or how many mistakes there are. */
static int read_again(struct daemon *d, struct config *fresh)
{
	int mistakes = config_read(fresh, d->file, complain, NULL);
	struct err e = { 0 };

	if (!mistakes && overrides_apply(d->store, fresh, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		mistakes++;
	}
	return mistakes;
}

/* What can change while running changes; what needs a restart is said. */
static void reload(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;
	struct config fresh;

	sd_notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ms() * 1000);
	if (read_again(d, &fresh)) {
		log_error("the configuration has errors: the previous configuration stays in force");
		config_release(&fresh);
	} else {
		config_reload(&d->config, &fresh);
		for (char **line = d->config.after_restart; line && *line; line++)
			log_warn("%.*s changes with a restart; the file says \"%s\"", (int)strcspn(*line, "="), *line,
				 *line + strcspn(*line, "=") + 1);
		spread_settings(d);
		log_info("the configuration was reloaded");
	}
	sd_notify("READY=1");
}

/* systemd hears from us only while every desk turns its loop; the front has its own watch (outside.c). */
static void core_watch(void *arg)
{
	struct daemon *d = arg;

	if (desks_alive(d->desks))
		sd_notify("WATCHDOG=1");
	else
		log_error("a desk does not answer");
	timer_start(&d->watchdog, d->loop, d->watchdog_ms / 2, core_watch, d);
}

static void catch_signals(struct daemon *d)
{
	static const struct {
		int number;
		void (*handler)(evutil_socket_t, short, void *);
	} signals[] = { { SIGTERM, terminate }, { SIGINT, terminate }, { SIGHUP, reload } };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		d->signals[i] = evsignal_new(loop_base(d->loop), signals[i].number, signals[i].handler, d);
		evsignal_add(d->signals[i], NULL);
	}
	d->watchdog_ms = sd_watchdog_ms();
	if (d->watchdog_ms)
		core_watch(d);
}

/* What needs privileges, in this order: the keeper before any socket is open. */
static int start_privileged(struct daemon *d, struct err *e)
{
	_cleanup_free_ char *store = config_store(&d->config);
	_cleanup_strv_ char **runner = NULL;

	if (privileged_start(&d->privileged, &d->config, !store_exists(store), false, e) < 0)
		return -1;
	runner = cage_runner(&d->config, d->file, &d->privileged.users);
	d->starter = starter_new(&d->privileged.users, runner, e);
	if (d->privileged.users.missing)
		log_warn("server.users: %s", d->privileged.users.missing);
	return !d->starter || open_sockets(d, e) < 0 || privileged_leave(&d->privileged, e) < 0 ||
			       nodes_take_copy(&d->config, e) < 0 ||
			       cage_core(&d->config, &d->privileged.users, &d->landlock, e) < 0
		       ? -1
		       : 0;
}

/*
 * The front.
 */

/* It accepts nobody before it has all there is: nobody shall miss an answer, or meet a self-signed certificate. */
static void front_begun(void *arg)
{
	struct daemon *d = arg;

	published_begin(d->published);
	site_load(d->site);
}

static void serve(void *arg)
{
	struct daemon *d = arg;

	outside_serve(d->outside);
}

static void site_loaded(void *arg)
{
	struct daemon *d = arg;

	nodes_when_current(d->nodes, serve, d);
}

static void front_synced(void *arg, int64_t number)
{
	struct daemon *d = arg;

	published_synced(d->published, number);
}

static void front_ended(void *arg)
{
	core_stop(arg, err_exit_code(ERR_INTERNAL));
}

static void front_serves(void *arg)
{
	struct daemon *d = arg;
	_cleanup_free_ char *listening = listeners_text(d->listeners), *hostname = config_hostname(&d->config);
	_cleanup_free_ char *admin = config_text(&d->config, "access", "admin");

	if (d->ready)
		return;
	d->ready = true;
	log_info("certerad " VERSION " is ready: %s", listening);
	first_user_tell(hostname, listeners_https_port(d->listeners), admin, TAKE(d->setup_token));
	sd_notify("READY=1\nSTATUS=%s", listening);
}

static int start_outside(struct daemon *d, struct err *e)
{
	struct outside_options options = {
		.loop = d->loop,
		.starter = d->starter,
		.listeners = d->listeners,
		.threads = (int)d->config.server_threads,
		.config = &d->config,
		.begun = front_begun,
		.serves = front_serves,
		.synced = front_synced,
		.ended = front_ended,
		.arg = d,
	};

	d->outside = outside_new(&options, e);
	if (!d->outside)
		return -1;
	d->published = published_new(d->loop, d->store, d->outside);
	d->engine.published = published_barrier(d->published);
	d->site = site_new(d->store, d->client, d->outside, site_loaded, d);
	return outside_start(d->outside, d->desks, e);
}

static json_t *tell_cluster(void *arg)
{
	const struct daemon *d = arg;

	return cluster_status(d->cluster);
}

static int change_cluster(void *arg, const char *what, struct err *e)
{
	static const struct {
		const char *what;
		enum cluster_act act;
	} acts[] = { { "init", CLUSTER_INIT },
		     { "init anew", CLUSTER_INIT_ANEW },
		     { "join", CLUSTER_JOIN },
		     { "leave", CLUSTER_LEAVE } };
	struct daemon *d = arg;

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		if (str_eq(acts[i].what, what))
			return cluster_do(d->cluster, acts[i].act, e);
	return err_set(e, ERR_INTERNAL, "nobody knows how to %s", what);
}

static int start_desks(struct daemon *d, struct err *e)
{
	struct desks_options options = {
		.count = (int)d->config.server_threads,
		.listeners = d->listeners,
		.local_admins = &d->privileged.users.admins,
		.keeper = d->privileged.keeper,
		.first_client = ENGINE_CLIENT + 1,
		.env = &d->env,
		.cluster = d->cluster,
		.peers = nodes_peers(d->nodes),
		.on_death = keeper_died,
		.arg = d,
	};

	d->env = (struct webui_env){
		.store = d->store, .wake = intent_written, .arg = d, .version = VERSION, .started = clock_now(),
		.check_setting = overrides_check, .cluster_status = tell_cluster, .cluster_do = change_cluster,
		.window_span = window_span,
		.backups = config_backups(&d->config), .configuration = d->file,
		.protection = protection_json(&d->privileged.users, d->landlock),
	};
	d->desks = desks_start(&options, &d->config, e);
	return d->desks ? 0 : -1;
}

/* Alone it goes ways of its own: should there be a cluster again, it needs a copy. */
static int leave_cluster(struct store *s, struct err *e)
{
	_cleanup_free_ char *id = NULL;

	if (store_cluster(s, &id, e) < 0)
		return -1;
	if (!id)
		return 0;
	log_warn("this server was a member of the cluster %s; without cluster.endpoints it is alone now, and no longer "
		 "a member",
		 id);
	return store_join(s, NULL, 0, e);
}

/* That of a cluster's member is upgraded when all know how, by the leader. */
static int upgrade_store(struct store *s, const struct config *config, struct err *e)
{
	_cleanup_free_ char *id = NULL;

	if (*config->cluster_endpoints && store_cluster(s, &id, e) < 0)
		return -1;
	return id ? store_prepare(s, e) : store_upgrade(s, e);
}

static int open_store(struct daemon *d, struct err *e)
{
	_cleanup_free_ char *store = config_store(&d->config);

	return store_open(&d->store, store, e) < 0 ||
			       keycheck_verify(d->store, d->privileged.keeper, ENGINE_CLIENT, e) < 0 ||
			       upgrade_store(d->store, &d->config, e) < 0 ||
			       keycheck_mark(d->store, d->privileged.keeper, ENGINE_CLIENT, e) < 0 ||
			       first_user_token(d->store, d->privileged.keeper, ENGINE_CLIENT, &d->setup_token, e) <
				       0 ||
			       store_settle(d->store, e) < 0 ||
			       (!*d->config.cluster_endpoints && leave_cluster(d->store, e) < 0)
		       ? -1
		       : overrides_apply(d->store, &d->config, e);
}

/* With a copy of a different node's store, which is taken before the store is opened. */
static void start_again(void *arg)
{
	core_begin_end(arg, err_exit_code(ERR_LATER));
}

static int start_nodes(struct daemon *d, struct err *e)
{
	struct nodes_options options = {
		.loop = d->loop,
		.keeper = d->client,
		.cluster = d->cluster,
		.store = d->store,
		.config = &d->config,
		.fd = d->nodes_fd,
		.start_again = start_again,
		.arg = d,
	};

	if (!d->cluster)
		return 0;
	d->nodes_fd = -1;
	d->nodes = nodes_new(&options, e);
	return d->nodes ? 0 : -1;
}

static void start_engine(struct daemon *d)
{
	d->engine.resting = d->cluster != NULL;
	job_kinds_init(&d->engine);
	d->leading = leading_new(&d->engine, d->cluster);
	engine_init(&d->engine);
	d->engine.log_seal = log_seal_new(&d->engine);
	d->engine.settling = settling_new(&d->engine);
	d->engine.event_log = event_log_new(&d->engine);
	leading_begin(d->leading);
}

static int core_start(struct daemon *d, struct err *e)
{
	if (start_privileged(d, e) < 0 || open_store(d, e) < 0 ||
	    cluster_start(&d->cluster, &d->config, d->store, e) < 0)
		return -1;
	d->loop = loop_new();
	d->client = keeper_attach(d->privileged.keeper, ENGINE_CLIENT, d->loop, keeper_died, d);
	d->engine = (struct engine){
		.loop = d->loop, .store = d->store, .keeper = d->client, .config = &d->config,
		.connect_runner = connect_runner, .compare = compare_store, .site_changed = site_changed, .arg = d,
	};
	start_engine(d);
	if (start_nodes(d, e) < 0 || start_desks(d, e) < 0 || start_outside(d, e) < 0)
		return -1;
	if (d->nodes) {
		nodes_serve(d->nodes, d->desks, d->published);
		d->follower = follower_new(&d->engine, d->site);
	}
	d->overrides = overrides_new(d->store, d->loop, setting_changed, d);
	catch_signals(d);
	return 0;
}

/* Undoes core_start(), however far it got.  The desks answer while the front waits for their answers. */
static void core_end(struct daemon *d)
{
	if (d->desks) {
		desks_end_streams(d->desks);
		desks_give_up(d->desks);
	}
	outside_stop(d->outside, DRAIN_MS);
	desks_stop(d->desks, DRAIN_MS);
	timer_stop(&d->watchdog);
	timer_stop(&d->leave);
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	overrides_free(d->overrides);
	follower_free(d->follower);
	log_seal_free(d->engine.log_seal);
	settling_free(d->engine.settling);
	event_log_free(d->engine.event_log);
	nodes_end(d->nodes);
	if (d->engine.loop)
		job_kinds_release(&d->engine);
	site_free(d->site);
	nodes_free(d->nodes);
	cleanup_close(&d->nodes_fd);
	published_free(d->published);
	outside_free(d->outside);
	keeper_detach(d->client);
	leading_free(d->leading);
	if (d->cluster)
		store_finish(d->store);	/* while it leads */
	cluster_stop(d->cluster);
	loop_free(d->loop);
	store_close(d->store);
	listeners_close(d->listeners);
	starter_stop(d->starter);
	privileged_end(&d->privileged);
	json_decref(d->env.protection);
	free(d->env.backups);
	wipe_free(d->setup_token);
	config_release(&d->config);
}

int core_run(struct config *config, const char *file)
{
	struct daemon daemon = { .file = file, .config = *config, .nodes_fd = -1 }, *d = &daemon;
	struct err e = { 0 };

	if (core_start(d, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		d->exit_code = err_exit_code(e.kind);
	} else {
		loop_run(d->loop);
		sd_notify("STOPPING=1");
	}
	core_end(d);
	return d->exit_code;
}
