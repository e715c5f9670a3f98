#include "daemon/desk/desks.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/variable.h"
#include "daemon/desk/elsewhere.h"
#include "daemon/desk/inbox.h"
#include "daemon/front/exchange.h"

#define LEAVE_MS 20	/* between two looks whether all is answered */

/* A copy of the settings that belongs to one thread. */
struct settings {
	struct webui_settings webui;
	struct desk *desk;
	char *hostname, *key_type, *dns_hook, *deploy_hook, *develop, *windows;
	char *details;	/* what webui.details borrows from */
	char **hook_variables, **deploy_variables;
};

struct desk {
	pthread_t thread;
	bool running;
	char role[24];
	struct loop *loop;
	struct keeper_client *keeper;
	struct webui *webui;
	struct inbox *inbox;
	struct elsewhere *elsewhere;	/* NULL: there are no other nodes */
	struct exchanges *exchanges;	/* of the control socket; what follows, too */
	struct conns *conns;
	struct serving *serving;
	struct settings *settings;
	struct timer drain, streams, leave;
	atomic_bool left;
	int64_t patience_ms;
	atomic_bool beat;
};

struct desks {
	struct desk *desk;
	struct doors *doors;
	int count;
	int https_port;
	struct local_admins local_admins;
	unsigned turn;		/* of the desk that the next from a different node is connected to */
};

static struct cidr_list copy_networks(const struct cidr_list *from)
{
	struct cidr_list to = { .count = from->count };

	if (from->count)
		to.item = xmemdup(from->item, from->count * sizeof(*from->item));
	return to;
}

/* Without the values, which may be secrets. */
static char **names_of(char *const *lines)
{
	char **names = NULL;

	for (; lines && *lines; lines++) {
		_cleanup_free_ char *name = xstrndup(*lines, variable_name_len(*lines));

		strv_add(&names, name);
	}
	return names;
}

static void set_details(struct settings *s, const struct config *c)
{
	const struct csr_details details = {
		.c = c->csr_country, .st = c->csr_state, .l = c->csr_locality, .o = c->csr_organization,
		.ou = c->csr_organizational_unit, .email = c->csr_email, .must_staple = c->csr_must_staple,
	};
	_cleanup_buf_ struct buf text = BUF_INIT;

	details_write(&details, &text);
	s->details = xstrdup(buf_str(&text));
	details_read(&s->webui.details, s->details);
	s->webui.first_name_is_cn = str_eq(c->csr_common_name, "first");
}

static struct settings *settings_new(const struct config *config, const struct desks *ds)
{
	struct settings *s = xcalloc(1, sizeof(*s));

	s->hostname = config_hostname(config);
	s->key_type = xstrdup(config->keys_type);
	s->dns_hook = xstrdup(config->hooks_set);
	s->deploy_hook = xstrdup(config->hooks_deploy);
	s->develop = xstrdup(config->webui_develop);
	s->windows = xstrdup(config->renewal_windows);
	s->hook_variables = names_of(config->hooks_environment);
	s->deploy_variables = names_of(config->hooks_deploy_environment);
	s->webui = (struct webui_settings){
		.hostname = s->hostname,
		.https_port = ds->https_port,
		.local_admins = ds->local_admins,
		.key_type = s->key_type,
		.www = config->certificates_www,
		.rotate_after = config->keys_rotate_after,
		.dns_hook = s->dns_hook,
		.deploy_hook = s->deploy_hook,
		.hook_variables = s->hook_variables,
		.deploy_variables = s->deploy_variables,
		.develop = s->develop,
		.windows = s->windows,
		.shown = config_json(config),
		.mail = *config->mail_host && *config->mail_from,
		.session_idle = config->session_idle,
		.session_most = config->session_most,
		.app_required = str_eq(config->session_app, "required"),
		.admin = copy_networks(&config->access_admin),
		.api = copy_networks(&config->access_api),
		.trusted_proxies = copy_networks(&config->access_trusted_proxies),
	};
	set_details(s, config);
	return s;
}

static void settings_free(struct settings *s)
{
	if (!s)
		return;
	cidr_list_release(&s->webui.admin);
	cidr_list_release(&s->webui.api);
	cidr_list_release(&s->webui.trusted_proxies);
	free(s->hostname);
	free(s->key_type);
	free(s->details);
	free(s->dns_hook);
	free(s->deploy_hook);
	free(s->develop);
	free(s->windows);
	strv_free(s->hook_variables);
	strv_free(s->deploy_variables);
	json_decref(s->webui.shown);
	free(s);
}

static void *desk_main(void *arg)
{
	struct desk *d = arg;

	log_role(d->role);
	loop_run(d->loop);
	return NULL;
}

static void desk_open(struct desk *d, int index, struct desks *ds, const struct desks_options *o,
		       const struct config *config)
{
	struct answering answering = { .attend = webui_attend };

	snprintf(d->role, sizeof(d->role), "desk %d", index + 1);
	d->loop = loop_new_serving();
	d->keeper = keeper_attach(o->keeper, o->first_client + index, d->loop, o->on_death, o->arg);
	d->settings = settings_new(config, ds);
	answering.arg = d->webui = webui_new(d->loop, d->keeper, o->env, &d->settings->webui);
	d->inbox = inbox_new(d->loop, webui_attend, d->webui);
	if (o->cluster)
		d->elsewhere = elsewhere_new(&(struct elsewhere_options){ d->loop, o->cluster, o->peers, d->keeper,
									  d->webui });
	d->exchanges = exchanges_new(&answering);
	d->conns = conns_new(d->loop, NULL, ds->doors, o->count, &exchange_handler, d->exchanges);
	d->serving = listeners_serve(o->listeners, index, 1u << FACE_CONTROL, d->loop, d->conns);
	atomic_init(&d->beat, true);
}

struct desks *desks_start(const struct desks_options *o, const struct config *config, struct err *e)
{
	struct desks *ds = xcalloc(1, sizeof(*ds));

	ds->desk = xcalloc((size_t)o->count, sizeof(*ds->desk));
	ds->https_port = listeners_https_port(o->listeners);
	ds->local_admins = *o->local_admins;
	ds->doors = doors_new();
	for (int i = 0; i < o->count; i++) {
		struct desk *d = &ds->desk[i];

		ds->count++;
		desk_open(d, i, ds, o, config);
		d->running = !pthread_create(&d->thread, NULL, desk_main, d);
		if (d->running)
			continue;
		err_set(e, ERR_INTERNAL, "starting a thread failed");
		desks_stop(ds, 0);
		return NULL;
	}
	return ds;
}

static void take_settings(void *arg)
{
	struct settings *s = arg;
	struct settings *old = s->desk->settings;

	s->desk->settings = s;
	webui_configure(s->desk->webui, &s->webui);
	settings_free(old);
}

void desks_configure(struct desks *ds, const struct config *config)
{
	for (int i = 0; i < ds->count; i++) {
		struct settings *s = settings_new(config, ds);

		s->desk = &ds->desk[i];
		loop_post(ds->desk[i].loop, take_settings, s);
	}
}

static void beat(void *arg)
{
	struct desk *d = arg;

	atomic_store(&d->beat, true);
}

bool desks_alive(struct desks *ds)
{
	bool alive = true;

	for (int i = 0; i < ds->count; i++) {
		alive &= atomic_exchange(&ds->desk[i].beat, false);
		loop_post(ds->desk[i].loop, beat, &ds->desk[i]);
	}
	return alive;
}

static void drain(void *arg)
{
	struct desk *d = arg;

	if (!conns_idle(d->conns, false) && d->patience_ms > 0) {
		d->patience_ms -= 50;
		timer_start(&d->drain, d->loop, 50, drain, d);
		return;
	}
	loop_stop(d->loop);
}

static void begin_drain(void *arg)
{
	drain(arg);
}

static void end_streams(void *arg)
{
	struct desk *d = arg;

	webui_end_streams(d->webui);
	timer_start(&d->streams, d->loop, 50, end_streams, d);	/* and those of requests that were on their way */
}

static void begin_end(void *arg)
{
	struct desk *d = arg;

	serving_stop(d->serving);
	end_streams(d);
}

void desks_end_streams(struct desks *ds)
{
	for (int i = 0; i < ds->count; i++)
		loop_post(ds->desk[i].loop, begin_end, &ds->desk[i]);
}

static void leave(void *arg)
{
	struct desk *d = arg;
	bool noted = webui_flush(d->webui);

	elsewhere_leave(d->elsewhere);
	atomic_store(&d->left, noted && elsewhere_idle(d->elsewhere));
	timer_start(&d->leave, d->loop, LEAVE_MS, leave, d);
}

void desks_leave(struct desks *ds)
{
	for (int i = 0; i < ds->count; i++)
		loop_post(ds->desk[i].loop, leave, &ds->desk[i]);
}

bool desks_left(const struct desks *ds)
{
	for (int i = 0; i < ds->count; i++)
		if (!atomic_load(&ds->desk[i].left))
			return false;
	return true;
}

static void give_up(void *arg)
{
	struct desk *d = arg;

	elsewhere_give_up(d->elsewhere);
}

void desks_give_up(struct desks *ds)
{
	for (int i = 0; i < ds->count; i++)
		if (ds->desk[i].elsewhere)
			loop_post(ds->desk[i].loop, give_up, &ds->desk[i]);
}

struct connection {
	struct desk *desk;
	int fd;
};

static void connect_desk(void *arg)
{
	struct connection *c = arg;

	inbox_connect(c->desk->inbox, c->fd);
	free(c);
}

static void connect_node(void *arg)
{
	struct connection *c = arg;

	elsewhere_connect(c->desk->elsewhere, c->fd);
	free(c);
}

static void hand_to(struct desk *d, int fd, void (*connect)(void *))
{
	struct connection *c = xmalloc(sizeof(*c));

	*c = (struct connection){ .desk = d, .fd = fd };
	loop_post(d->loop, connect, c);
}

void desks_connect(struct desks *ds, int thread, int fd)
{
	hand_to(&ds->desk[thread], fd, connect_desk);
}

void desks_came(struct desks *ds, int fd)
{
	hand_to(&ds->desk[ds->turn++ % (unsigned)ds->count], fd, connect_node);
}

void desks_stop(struct desks *ds, int64_t patience_ms)
{
	if (!ds)
		return;
	for (int i = 0; i < ds->count; i++) {
		ds->desk[i].patience_ms = patience_ms;
		if (ds->desk[i].running)
			loop_post(ds->desk[i].loop, begin_drain, &ds->desk[i]);
	}
	for (int i = 0; i < ds->count; i++) {
		struct desk *d = &ds->desk[i];

		if (d->running)
			pthread_join(d->thread, NULL);
		timer_stop(&d->drain);
		timer_stop(&d->streams);
		timer_stop(&d->leave);
		serving_free(d->serving);
		elsewhere_free(d->elsewhere);
		webui_free(d->webui);
		inbox_free(d->inbox);
		conns_free(d->conns);
		exchanges_free(d->exchanges);
		keeper_detach(d->keeper);
		loop_free(d->loop);
		settings_free(d->settings);
	}
	doors_free(ds->doors);
	free(ds->desk);
	free(ds);
}
