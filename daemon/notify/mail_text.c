#include "daemon/notify/mail_text.h"

#include <errno.h>

#include "base/log.h"
#include "base/template.h"

#define FILE_MOST (256 * 1024)

static const struct {
	const char *name, *text;
} ours[] = {
#include "daemon/notify/template.inc"
};

static const char *find_ours(void *arg, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (str_eq(ours[i].name, name))
			return ours[i].text;
	return NULL;
}

/* A person's own one, which stands for itself. */
static const char *find_own(void *arg, const char *name)
{
	return buf_str(arg);
}

/* 1 it is read, 0 there is none. */
static int read_own(const char *directory, const char *name, struct buf *text, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	_cleanup_fclose_ FILE *file = *directory ? fopen(path, "re") : NULL;
	size_t got;

	if (!file)
		return !*directory || errno == ENOENT ? 0 : err_errno(e, ERR_CONFIG, "reading %s", path);
	do {
		got = fread(buf_reserve(text, 4096), 1, 4096, file);
		text->len += got;
		if (text->len > FILE_MOST)
			return err_set(e, ERR_CONFIG, "%s is too large for a template", path);
	} while (got);
	buf_add(text, "", 0);
	return 1;
}

static json_t *listed_facts(const json_t *alert)
{
	json_t *values = json_copy((json_t *)alert), *list = json_array(), *value;
	const char *name;

	json_object_foreach(json_object_get(alert, "facts"), name, value)
		json_array_append_new(list, json_pack("{s:s, s:O}", "name", name, "value", value));
	json_object_set_new(values, "facts", list);
	return values;
}

void mail_text(const char *directory, const char *name, const json_t *alert, struct buf *out)
{
	_cleanup_json_ json_t *values = listed_facts(alert);
	_cleanup_buf_ struct buf own = BUF_INIT;
	struct template_env env = { .find = find_own, .arg = &own, .strict = true, .plain = !str_ends(name, ".html") };
	struct err e = { 0 };
	int found = read_own(directory, name, &own, &e);

	if (found > 0 && template_render(out, name, values, &env, &e) == 0)
		return;
	if (found) {
		err_prefix(&e, "the template of notify.templates");
		log_err(LOG_LEVEL_WARN, &e);
	}
	buf_clear(out);
	env.find = find_ours;
	if (template_render(out, name, values, &env, &e) < 0)
		die("the template %s: %s", name, e.message);
}
