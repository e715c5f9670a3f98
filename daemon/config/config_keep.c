/* What administrators changed while running: the store keeps it over the file's values. */
#include "daemon/config/config.h"

#include "base/buf.h"
#include "daemon/config/setting.h"

#define VALUE_MOST 1000	/* bytes */

void config_note_file(struct config *config)
{
	strv_free(TAKE(config->file));
	for (const struct setting *s = settings; s < settings + SETTING_COUNT; s++) {
		_cleanup_free_ char *value = setting_text(s, config), *line = NULL;

		if (s->kept != SETTING_STORE)
			continue;
		line = xasprintf("%s.%s=%s", s->group, s->key, value);
		strv_add(&config->file, line);
	}
}

const char *config_find(char *const *list, const char *name)
{
	size_t len = strlen(name);

	for (; list && *list; list++)
		if (!strncmp(*list, name, len) && (*list)[len] == '=')
			return *list + len + 1;
	return NULL;
}

/* The value that the store has of it, if it can be; else the file's. */
static void keep_one(struct config *config, const struct setting *s, const char *value,
		     void (*complain)(void *arg, const char *line), void *arg)
{
	_cleanup_free_ char *name = setting_name(s), *line = xasprintf("%s=%s", name, value ? value : "");
	const char *file = config_find(config->file, name);
	struct err e = { 0 };

	if (value && setting_assign(s, config, value, &e) == 0) {
		strv_add(&config->kept, line);
		return;
	}
	if (value) {
		_cleanup_free_ char *said = xasprintf("%s, as changed while running, is ignored: %s", name, e.message);

		complain(arg, said);
	}
	if (file && setting_assign(s, config, file, &e) < 0)
		die("%s cannot be what it was: %s", name, e.message);
}

void config_keep(struct config *config, char *const *kept, void (*complain)(void *arg, const char *line), void *arg)
{
	strv_free(TAKE(config->kept));
	for (const struct setting *s = settings; s < settings + SETTING_COUNT; s++) {
		_cleanup_free_ char *name = setting_name(s);

		if (s->kept == SETTING_STORE)
			keep_one(config, s, config_find(kept, name), complain, arg);
	}
}

static int check_text(const char *name, const char *value, struct err *e)
{
	if (strlen(value) > VALUE_MOST)
		return err_set(e, ERR_INVALID, "%s: a value has at most %d bytes", name, VALUE_MOST);
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(e, ERR_INVALID, "%s: the value contains a line break or a control character",
				       name);
	return 0;
}

int config_check_kept(const char *name, const char *value, char **text, struct err *e)
{
	const struct setting *s = setting_by_name(name);
	struct config config = { 0 };

	if (!s) {
		err_set(e, ERR_MISSING, "there is no setting \"%.60s\"", name);
		return err_hint(e, "The settings are listed on the page Settings, and in certera.yaml(5).");
	}
	if (s->kept != SETTING_STORE) {
		err_set(e, ERR_DENIED, "%s can only be changed in the configuration file", name);
		return err_hint(e,
				"Change it in certera.yaml on the server, check the file with certerad -t, then %s the "
				"service.",
				s->when == SETTING_RESTART ? "restart" : "reload");
	}
	if (check_text(name, value, e) < 0)
		return -1;
	if (setting_assign(s, &config, value, e) < 0) {
		e->kind = ERR_INVALID;
		return err_prefix(e, "%s", name);
	}
	*text = setting_text(s, &config);
	setting_release(s, setting_field(s, &config));
	return 0;
}
