/*
 * certerad, from start to end, top-down:
 *
 *	read the configuration; fork the keeper; bind the sockets; drop privileges; open the store;
 *	check the master key; start the front threads; tell systemd; run the engine; end in reverse.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/config.h"
#include "daemon/engine.h"
#include "daemon/first.h"
#include "daemon/front.h"
#include "daemon/keycheck.h"
#include "daemon/sd.h"
#include "daemon/site.h"
#include "daemon/track.h"

#define DEFAULT_FILE SYSCONFDIR "/certera/certera.yaml"
#define DRAIN_MS 10000
#define ENGINE_CLIENT 0		/* the engine's channel to the keeper; the front threads have the next ones */

struct daemon {
	const char *file;
	struct config config;
	struct keeper *keeper;
	struct listeners *listeners;
	struct store *store;
	struct loop *loop;
	struct keeper_client *client;
	struct tls *tls;
	struct site *site;
	struct fronts *fronts;
	struct engine engine;
	struct webui_env env;
	struct event *signals[3];
	struct timer watchdog;
	int64_t watchdog_ms;
	char *setup_token;		/* NULL: somebody can sign in */
	int exit_code;
};

static void complain(void *arg, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static void set_up_log(const struct config *config)
{
	static const char *const levels[] = { "debug", "info", "warn", "error" };	/* as enum log_level */
	size_t level = LOG_LEVEL_INFO;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (str_eq(levels[i], config->log_level))
			level = i;
	log_setup((enum log_level)level, str_eq(config->log_format, "json"));
}

/* Before there are threads: the environment is not theirs to change. */
static void set_up_zone(const struct config *config)
{
	if (*config->renewal_zone)
		setenv("TZ", config->renewal_zone, 1);
	tzset();
}

/* Everything of ours belongs to the user we become. */
static int prepare_directory(const struct config *config, const struct passwd *user, struct err *e)
{
	const char *path = config->server_state_directory;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(e, ERR_CONFIG, "making the state directory %s", path);
	if (user && chown(path, user->pw_uid, user->pw_gid) < 0)
		return err_errno(e, ERR_CONFIG, "giving the state directory %s to %s", path, user->pw_name);
	return 0;
}

static int drop_privileges(const struct passwd *user, struct err *e)
{
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		return err_errno(e, ERR_CONFIG, "becoming user %s", user->pw_name);
	return 0;
}

/* The user to become: NULL when we are not root or shall stay who we are. */
static int find_user(const struct config *config, const struct passwd **user, struct err *e)
{
	*user = NULL;
	if (geteuid() != 0 || !*config->server_user)
		return 0;
	*user = getpwnam(config->server_user);
	if (*user)
		return 0;
	err_set(e, ERR_CONFIG, "there is no user %s (server.user)", config->server_user);
	return err_hint(e, "Make it with: useradd --system --home-dir %s --shell /usr/sbin/nologin %s; "
			   "or set server.user.",
			config->server_state_directory, config->server_user);
}

static int start_keeper(struct daemon *d, const struct passwd *user, struct err *e)
{
	_cleanup_free_ char *key_file = config_master_key(&d->config);
	struct keeper_options options = {
		.master_key_file = key_file,
		.may_create = !store_exists(d->config.server_state_directory),
		.user = user ? user->pw_name : NULL,
		.clients = 1 + (int)d->config.server_threads,
	};

	d->keeper = keeper_start(&options, e);
	return d->keeper ? 0 : -1;
}

static int open_sockets(struct daemon *d, struct err *e)
{
	_cleanup_free_ char *control = config_control_socket(&d->config);
	struct listen_options options = {
		.http = &d->config.listen_http,
		.https = &d->config.listen_https,
		.control = control,
		.user = d->config.server_user,
		.threads = (int)d->config.server_threads,
	};

	d->listeners = listeners_open(&options, e);
	return d->listeners ? 0 : -1;
}

static void stop(struct daemon *d, int exit_code)
{
	d->exit_code = exit_code;
	loop_stop(d->loop);
}

/* Any thread. */
static void keeper_died(void *arg)
{
	stop(arg, err_exit_code(ERR_INTERNAL));
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

static void site_changed(void *arg)
{
	struct daemon *d = arg;

	site_load(d->site, d->client);
}

static void terminate(evutil_socket_t number, short what, void *arg)
{
	log_info("ending on %s", strsignal((int)number));
	stop(arg, 0);
}

/* What can change while running changes; what cannot is said. */
static void reload(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;
	struct config fresh;

	sd_notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ms() * 1000);
	if (config_read(&fresh, d->file, complain, NULL)) {
		log_error("the configuration has mistakes: the one from before stays in force");
		config_release(&fresh);
	} else {
		if (!str_eq(fresh.server_state_directory, d->config.server_state_directory) ||
		    fresh.server_threads != d->config.server_threads)
			log_warn("server.state_directory and server.threads change only with a restart");
		config_release(&d->config);
		d->config = fresh;
		set_up_log(&d->config);
		fronts_configure(d->fronts, &d->config);
		recheck_plan(&d->engine);
		upkeep_plan(&d->engine);
		track_plan(&d->engine);
		engine_wake(&d->engine);
		log_info("the configuration has been read again");
	}
	sd_notify("READY=1");
}

/* systemd hears from us only while every front thread turns its loop. */
static void watch(void *arg)
{
	struct daemon *d = arg;

	if (fronts_alive(d->fronts))
		sd_notify("WATCHDOG=1");
	else
		log_error("a front thread does not answer");
	timer_start(&d->watchdog, d->loop, d->watchdog_ms / 2, watch, d);
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
		watch(d);
}

/* What needs privileges, in this order: the keeper before any socket is open. */
static int start_privileged(struct daemon *d, struct err *e)
{
	const struct passwd *user;

	if (find_user(&d->config, &user, e) < 0 || prepare_directory(&d->config, user, e) < 0 ||
	    start_keeper(d, user, e) < 0 || open_sockets(d, e) < 0)
		return -1;
	return user ? drop_privileges(user, e) : 0;
}

/* Our own certificates are loaded before anybody is answered: nobody shall meet the self-signed one after a restart. */
static int start_tls(struct daemon *d, struct err *e)
{
	_cleanup_free_ char *hostname = config_hostname(&d->config);

	d->tls = tls_new(hostname, e);
	if (!d->tls)
		return -1;
	d->site = site_new(d->store, d->tls);
	site_load_first(d->site, d->keeper, ENGINE_CLIENT);
	return 0;
}

static int start_fronts(struct daemon *d, struct err *e)
{
	struct fronts_options options = {
		.count = (int)d->config.server_threads,
		.listeners = d->listeners,
		.tls = d->tls,
		.keeper = d->keeper,
		.first_client = ENGINE_CLIENT + 1,
		.env = &d->env,
		.on_death = keeper_died,
		.arg = d,
	};

	d->env = (struct webui_env){
		.store = d->store, .wake = intent_written, .arg = d, .version = VERSION, .started = clock_now(),
	};
	d->fronts = fronts_start(&options, &d->config, e);
	return d->fronts ? 0 : -1;
}

static int start(struct daemon *d, struct err *e)
{
	if (start_privileged(d, e) < 0 || store_open(&d->store, d->config.server_state_directory, e) < 0 ||
	    keycheck_verify(d->store, d->keeper, ENGINE_CLIENT, e) < 0 || store_upgrade(d->store, e) < 0 ||
	    keycheck_mark(d->store, d->keeper, ENGINE_CLIENT, e) < 0 ||
	    first_token(d->store, d->keeper, ENGINE_CLIENT, &d->setup_token, e) < 0 || start_tls(d, e) < 0)
		return -1;
	d->loop = loop_new();
	d->client = keeper_attach(d->keeper, ENGINE_CLIENT, d->loop, keeper_died, d);
	d->engine = (struct engine){
		.loop = d->loop, .store = d->store, .keeper = d->client, .config = &d->config,
		.site_changed = site_changed, .arg = d,
	};
	engine_init(&d->engine);
	if (start_fronts(d, e) < 0)
		return -1;
	catch_signals(d);
	return 0;
}

/* Undoes start(), however far it got. */
static void end(struct daemon *d)
{
	fronts_stop(d->fronts, DRAIN_MS);
	timer_stop(&d->watchdog);
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	if (d->engine.loop)
		engine_release(&d->engine);
	site_free(d->site);
	tls_free(d->tls);
	keeper_detach(d->client);
	loop_free(d->loop);
	store_close(d->store);
	listeners_close(d->listeners);
	keeper_stop(d->keeper);
	wipe_free(d->setup_token);
	config_release(&d->config);
}

static int run(struct daemon *d)
{
	_cleanup_free_ char *listening = NULL, *hostname = config_hostname(&d->config);
	struct err e = { 0 };

	if (start(d, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		d->exit_code = err_exit_code(e.kind);
	} else {
		listening = listeners_text(d->listeners);
		log_info("certerad " VERSION " is ready: %s", listening);
		first_tell(hostname, listeners_https_port(d->listeners), TAKE(d->setup_token));
		sd_notify("READY=1\nSTATUS=%s", listening);
		loop_run(d->loop);
		sd_notify("STOPPING=1");
	}
	end(d);
	return d->exit_code;
}

static void usage(FILE *out)
{
	fputs("usage: certerad [-t] [-f FILE] [-x example|manual] [-V] [-h]\n\n"
	      "  -f FILE     the configuration (else " DEFAULT_FILE " if there is one, else all defaults)\n"
	      "  -t          check the configuration and end\n"
	      "  -x example  print the commented example configuration and end\n"
	      "  -x manual   print the settings section of certera.yaml(5) and end\n"
	      "  -V          print the version and end\n"
	      "  -h          print this and end\n",
	      out);
}

static int print_document(const char *which)
{
	if (str_eq(which, "example"))
		config_print_example(stdout);
	else if (str_eq(which, "manual"))
		config_print_manual(stdout);
	else
		return usage(stderr), err_exit_code(ERR_USAGE);
	return 0;
}

int main(int argc, char **argv)
{
	struct daemon d = { .file = access(DEFAULT_FILE, F_OK) == 0 ? DEFAULT_FILE : NULL };
	bool only_check = false;
	int mistakes, option;

	while ((option = getopt(argc, argv, "f:tx:Vh")) != -1) {
		switch (option) {
		case 'f':
			d.file = optarg;
			break;
		case 't':
			only_check = true;
			break;
		case 'x':
			return print_document(optarg);
		case 'V':
			return puts("certerad " VERSION), 0;
		case 'h':
			return usage(stdout), 0;
		default:
			return usage(stderr), err_exit_code(ERR_USAGE);
		}
	}
	if (optind < argc)
		return usage(stderr), err_exit_code(ERR_USAGE);

	mistakes = config_read(&d.config, d.file, complain, NULL);
	if (mistakes || only_check) {
		if (!mistakes)
			printf("%s is fine\n", d.file ? d.file : "the default configuration");
		config_release(&d.config);
		return mistakes ? err_exit_code(ERR_CONFIG) : 0;
	}
	set_up_log(&d.config);
	set_up_zone(&d.config);
	log_role("engine");
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	return run(&d);
}
