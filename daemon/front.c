#include "daemon/front.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"

/* A copy of the settings that belongs to one thread. */
struct settings {
	struct webui_settings webui;
	struct front *front;
	char *hostname, *key_type, *deploy_hook, *develop;
};

struct front {
	pthread_t thread;
	bool running;
	char role[24];
	struct loop *loop;
	struct keeper_client *keeper;
	struct webui *webui;
	struct serving *serving;
	struct settings *settings;
	struct timer drain;
	int64_t patience_ms;
	atomic_bool beat;
};

struct fronts {
	struct front *front;
	int count;
	int https_port;
};

static struct cidr_list copy_networks(const struct cidr_list *from)
{
	struct cidr_list to = { .count = from->count };

	if (from->count)
		to.item = xmemdup(from->item, from->count * sizeof(*from->item));
	return to;
}

static struct settings *settings_new(const struct config *config, int https_port)
{
	struct settings *s = xcalloc(1, sizeof(*s));

	s->hostname = config_hostname(config);
	s->key_type = xstrdup(config->keys_type);
	s->deploy_hook = xstrdup(config->hooks_deploy);
	s->develop = xstrdup(config->webui_develop);
	s->webui = (struct webui_settings){
		.hostname = s->hostname,
		.https_port = https_port,
		.key_type = s->key_type,
		.rotate_after = config->keys_rotate_after,
		.deploy_hook = s->deploy_hook,
		.develop = s->develop,
		.shown = config_json(config),
		.mail = *config->mail_host && *config->mail_from,
		.session_idle = config->session_idle,
		.session_most = config->session_most,
		.app_required = str_eq(config->session_app, "required"),
		.admin = copy_networks(&config->access_admin),
		.api = copy_networks(&config->access_api),
		.trusted_proxies = copy_networks(&config->access_trusted_proxies),
	};
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
	free(s->deploy_hook);
	free(s->develop);
	json_decref(s->webui.shown);
	free(s);
}

static void *front_main(void *arg)
{
	struct front *f = arg;

	log_role(f->role);
	loop_run(f->loop);
	return NULL;
}

static int front_open(struct front *f, int index, const struct fronts_options *o, const struct config *config,
		      int https_port, struct err *e)
{
	snprintf(f->role, sizeof(f->role), "front %d", index + 1);
	f->loop = loop_new_serving();
	f->keeper = keeper_attach(o->keeper, o->first_client + index, f->loop, o->on_death, o->arg);
	f->settings = settings_new(config, https_port);
	f->webui = webui_new(f->loop, f->keeper, o->env, &f->settings->webui);
	f->serving = listeners_serve(o->listeners, index, f->loop, o->tls, f->webui, e);
	atomic_init(&f->beat, true);
	return f->serving ? 0 : -1;
}

struct fronts *fronts_start(const struct fronts_options *o, const struct config *config, struct err *e)
{
	struct fronts *fs = xcalloc(1, sizeof(*fs));

	fs->front = xcalloc((size_t)o->count, sizeof(*fs->front));
	fs->https_port = listeners_https_port(o->listeners);
	for (int i = 0; i < o->count; i++) {
		struct front *f = &fs->front[i];

		fs->count++;
		if (front_open(f, i, o, config, fs->https_port, e) < 0)
			goto fail;
		if (pthread_create(&f->thread, NULL, front_main, f)) {
			err_set(e, ERR_INTERNAL, "starting a thread failed");
			goto fail;
		}
		f->running = true;
	}
	return fs;
fail:
	fronts_stop(fs, 0);
	return NULL;
}

static void take_settings(void *arg)
{
	struct settings *s = arg;
	struct settings *old = s->front->settings;

	s->front->settings = s;
	webui_configure(s->front->webui, &s->webui);
	settings_free(old);
}

void fronts_configure(struct fronts *fs, const struct config *config)
{
	for (int i = 0; i < fs->count; i++) {
		struct settings *s = settings_new(config, fs->https_port);

		s->front = &fs->front[i];
		loop_post(fs->front[i].loop, take_settings, s);
	}
}

static void beat(void *arg)
{
	struct front *f = arg;

	atomic_store(&f->beat, true);
}

bool fronts_alive(struct fronts *fs)
{
	bool alive = true;

	for (int i = 0; i < fs->count; i++) {
		alive &= atomic_exchange(&fs->front[i].beat, false);
		loop_post(fs->front[i].loop, beat, &fs->front[i]);
	}
	return alive;
}

static void drain(void *arg)
{
	struct front *f = arg;

	if (!serving_idle(f->serving) && f->patience_ms > 0) {
		f->patience_ms -= 50;
		timer_start(&f->drain, f->loop, 50, drain, f);
		return;
	}
	loop_stop(f->loop);
}

static void begin_drain(void *arg)
{
	struct front *f = arg;

	serving_stop_accepting(f->serving);
	webui_end_streams(f->webui);
	drain(f);
}

void fronts_stop(struct fronts *fs, int64_t patience_ms)
{
	if (!fs)
		return;
	for (int i = 0; i < fs->count; i++) {
		fs->front[i].patience_ms = patience_ms;
		if (fs->front[i].running)
			loop_post(fs->front[i].loop, begin_drain, &fs->front[i]);
	}
	for (int i = 0; i < fs->count; i++) {
		struct front *f = &fs->front[i];

		if (f->running)
			pthread_join(f->thread, NULL);
		timer_stop(&f->drain);
		serving_free(f->serving);
		webui_free(f->webui);
		keeper_detach(f->keeper);
		loop_free(f->loop);
		settings_free(f->settings);
	}
	free(fs->front);
	free(fs);
}
