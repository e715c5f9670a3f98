/* The configuration in force, for people who look at it in a browser. */
#include "daemon/config/config.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "base/json.h"
#include "daemon/config/setting.h"

struct unit {
	char letter;
	int64_t size;
};

/* In the largest unit that divides it; 0 in the smallest. */
static void add_in_units(struct buf *out, int64_t n, const struct unit *unit)
{
	while (unit->size > 1 && (!n || n % unit->size))
		unit++;
	buf_addf(out, "%lld", (long long)(n / unit->size));
	if (unit->letter)
		buf_add_ch(out, unit->letter);
}

static void config_add_item(struct buf *out, const char *text)
{
	buf_addf(out, "%s%s", out->len ? ", " : "", text);
}

static void add_addresses(struct buf *out, const struct config_addresses *list)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < list->count; i++)
		config_add_item(out, address_text(text, &list->item[i]));
}

static void add_networks(struct buf *out, const struct cidr_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct cidr *c = &list->item[i];
		char host[INET6_ADDRSTRLEN] = "";
		_cleanup_free_ char *text = NULL;
		bool one = c->bits == (c->family == AF_INET ? 32 : 128);

		inet_ntop(c->family, c->bytes, host, sizeof(host));
		text = one ? xstrdup(host) : xasprintf("%s/%d", host, c->bits);
		config_add_item(out, text);
	}
}

/* Their values may be secrets: only the names. */
static void add_lines(struct buf *out, char *const *lines)
{
	for (; lines && *lines; lines++) {
		_cleanup_free_ char *name = xstrndup(*lines, strcspn(*lines, "="));

		config_add_item(out, name);
	}
}

char *setting_text(const struct setting *s, const struct config *c)
{
	const void *field = (const char *)c + s->offset;
	static const struct unit spans[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	static const struct unit sizes[] = { { 'G', 1 << 30 }, { 'M', 1 << 20 }, { 'K', 1 << 10 }, { 0, 1 } };
	struct buf out = BUF_INIT;

	switch (s->type - setting_types) {
	case SETTING_INT:
		buf_addf(&out, "%lld", (long long)*(const int64_t *)field);
		break;
	case SETTING_BOOL:
		buf_add_str(&out, *(const bool *)field ? "true" : "false");
		break;
	case SETTING_DURATION:
		add_in_units(&out, *(const int64_t *)field, spans);
		break;
	case SETTING_SIZE:
		add_in_units(&out, *(const int64_t *)field, sizes);
		break;
	case SETTING_ADDRESSES:
		add_addresses(&out, field);
		break;
	case SETTING_NETWORKS:
		add_networks(&out, field);
		break;
	case SETTING_LINES:
		add_lines(&out, *(char *const *const *)field);
		break;
	default:
		buf_add_str(&out, *(char *const *)field ? *(char *const *)field : "");
	}
	return buf_detach(&out);
}

char *config_text(const struct config *c, const char *group, const char *key)
{
	for (const struct setting *s = settings; s < settings + SETTING_COUNT; s++)
		if (!strcmp(s->group, group) && !strcmp(s->key, key))
			return setting_text(s, c);
	return NULL;
}

/* What the file says and a restart will make count; NULL: what counts already. */
static const char *after_restart(const struct setting *s, const struct config *c)
{
	_cleanup_free_ char *start = xasprintf("%s.%s=", s->group, s->key);

	for (char **line = c->after_restart; line && *line; line++)
		if (str_starts(*line, start))
			return *line + strlen(start);
	return NULL;
}

/* Where the value is from, and what it would be without the store's. */
static void put_source(json_t *o, const struct setting *s, const struct config *c)
{
	_cleanup_free_ char *name = setting_name(s);
	const char *file = config_find(c->file, name);
	size_t line = config_line(c, name);

	json_put_str(o, "name", name);
	json_put_bool(o, "editable", s->kept == SETTING_STORE);
	json_put_str(o, "source", config_find(c->kept, name) ? "store" : line ? "file" : "default");
	json_put_str(o, "file_source", line ? "file" : "default");
	if (s->kept == SETTING_STORE)
		json_put_str(o, "file_value", file);
	if (line)
		json_put_int(o, "line", (int64_t)line);
}

/* Those that are allowed, where they are few. */
static void put_words(json_t *o, const struct setting *s)
{
	const char *allowed = s->type == &setting_types[SETTING_BOOL] ? "true|false" :
			      s->type == &setting_types[SETTING_WORD] ? s->value : "";
	_cleanup_strv_ char **words = strv_split(allowed, "|");

	json_put_strv(o, "words", words);
}

static json_t *show_setting(const struct setting *s, const struct config *c)
{
	_cleanup_free_ char *value = setting_text(s, c), *otherwise = setting_default(s);
	_cleanup_buf_ struct buf expected = BUF_INIT;
	json_t *o = json_object();

	setting_expectation(s, &expected);
	put_source(o, s, c);
	put_words(o, s);
	json_put_str(o, "key", s->key);
	json_put_str(o, "value", value);
	json_put_str(o, "default", otherwise);
	json_put_bool(o, "changed", strcmp(value, otherwise));
	json_put_str(o, "sentence", s->sentence);
	json_put_bool(o, "restart", s->when == SETTING_RESTART);
	if (after_restart(s, c))
		json_put_str(o, "after_restart", after_restart(s, c));
	json_put_str(o, "expected", buf_str(&expected));
	return o;
}

json_t *config_json(const struct config *c)
{
	json_t *groups = json_array();

	for (size_t g = 0; g < SETTING_GROUP_COUNT; g++) {
		json_t *o = json_object(), *list = json_array();

		json_put_str(o, "group", setting_groups[g].name);
		json_put_str(o, "sentence", setting_groups[g].sentence);
		json_object_set_new(o, "settings", list);
		for (size_t i = 0; i < SETTING_COUNT; i++)
			if (str_eq(settings[i].group, setting_groups[g].name))
				json_array_append_new(list, show_setting(&settings[i], c));
		json_array_append_new(groups, o);
	}
	return groups;
}
