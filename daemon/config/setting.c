#include "daemon/config/setting.h"

#include <ctype.h>
#include <errno.h>

#include "base/days.h"
#include "base/variable.h"
#include "daemon/config/window.h"

#define HOST_MAX 253
#define LABEL_MAX 63
#define SHOWN "%.100s"		/* of a value in a sentence; errors have an end */

struct setting_unit {
	char letter;		/* '\0': the bare number */
	int64_t factor;
};
/* Largest first, ended by a factor of 0. */
static const struct setting_unit plain[] = { { '\0', 1 }, { 0, 0 } };
static const struct setting_unit spans[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 }, { 0, 0 } };
static const struct setting_unit sizes[] = {
	{ 'T', 1LL << 40 }, { 'G', 1LL << 30 }, { 'M', 1LL << 20 }, { 'K', 1LL << 10 }, { '\0', 1 }, { 0, 0 }
};

void setting_expectation(const struct setting *s, struct buf *out)
{
	if (s->type->expect)
		s->type->expect(s, out);
}

static int wrong(const struct setting *s, const char *text, const char *what, struct err *e)
{
	_cleanup_buf_ struct buf expected = BUF_INIT;

	setting_expectation(s, &expected);
	return err_set(e, ERR_CONFIG, SHOWN "%s%s; %s is expected", text, *text ? " " : "", what, buf_str(&expected));
}

static int read_text(const struct setting *s, const char *text, void *field, struct err *e)
{
	*(char **)field = xstrdup(text);
	return 0;
}

static void release_text(void *field)
{
	free(*(char **)field);
	*(char **)field = NULL;
}

static int read_path(const struct setting *s, const char *text, void *field, struct err *e)
{
	if (text[0] != '/')
		return wrong(s, text, "does not start with /", e);
	return read_text(s, text, field, e);
}

static void expect_path(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "an absolute path");
}

/* Letters, digits and inner hyphens between the dots (RFC 952, RFC 1123 section 2.1). */
static bool is_host(const char *text)
{
	size_t label = 0;

	if (strlen(text) > HOST_MAX)
		return false;
	for (const char *p = text; *p; p++) {
		if (*p == '.' && (label == 0 || p[-1] == '-'))
			return false;
		if (*p == '-' && label == 0)
			return false;
		if (*p != '.' && *p != '-' && !isalnum((unsigned char)*p))
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label > 0 && !str_ends(text, "-");
}

static int read_host(const struct setting *s, const char *text, void *field, struct err *e)
{
	if (!is_host(text))
		return wrong(s, text, "is no host name", e);
	read_text(s, text, field, e);
	for (char *p = *(char **)field; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return 0;
}

static void expect_host(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "a host name like certera.example.org (international names in their xn-- form)");
}

static int read_word(const struct setting *s, const char *text, void *field, struct err *e)
{
	_cleanup_strv_ char **allowed = strv_split(s->value, "|");

	if (!strv_has(allowed, text))
		return wrong(s, text, "is not known", e);
	return read_text(s, text, field, e);
}

static void expect_word(const struct setting *s, struct buf *out)
{
	_cleanup_strv_ char **allowed = strv_split(s->value, "|");

	buf_add_str(out, "one of");
	for (size_t i = 0; i < strv_len(allowed); i++)
		buf_addf(out, "%s %s", i ? "," : "", allowed[i]);
}

static int read_bool(const struct setting *s, const char *text, void *field, struct err *e)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "true", true }, { "yes", true }, { "on", true },
		      { "false", false }, { "no", false }, { "off", false } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcasecmp(text, words[i].word)) {
			*(bool *)field = words[i].value;
			return 0;
		}
	}
	return wrong(s, text, "is neither", e);
}

static void expect_bool(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "true or false");
}

/* A number with one of the units behind it; a bare 0 needs none. */
static int read_number(const struct setting *s, const char *text, const struct setting_unit *unit, int64_t *out,
		       struct err *e)
{
	char *end;
	int64_t value;
	bool too_far;

	if (!isdigit((unsigned char)text[text[0] == '-']))
		return wrong(s, text, "is no number", e);
	errno = 0;
	value = strtoll(text, &end, 10);
	too_far = errno == ERANGE;
	if (end[0] && end[1])
		return wrong(s, text, unit == plain ? "is no whole number" : "is no number with a unit", e);
	while (unit->factor && unit->letter != end[0])
		unit++;
	if (!unit->factor && end[0])
		return wrong(s, text, "has an unknown unit", e);
	if (!unit->factor && value != 0)
		return wrong(s, text, "has no unit", e);
	if (__builtin_mul_overflow(value, unit->factor, &value))
		too_far = true;
	if (text[0] == '-' || (!too_far && value < s->least))
		return wrong(s, text, "is too small", e);
	if (too_far || value > s->most)
		return wrong(s, text, "is too large", e);
	*out = value;
	return 0;
}

/* The number as one would write it: 86400 seconds are 1d. */
static void print_number(struct buf *out, int64_t value, const struct setting_unit *unit)
{
	while (unit[1].factor && (value == 0 || value % unit->factor))
		unit++;
	buf_addf(out, "%lld", (long long)(value / unit->factor));
	if (unit->letter)
		buf_add_ch(out, unit->letter);
}

static void expect_number(const struct setting *s, const char *what, const struct setting_unit *units, struct buf *out)
{
	buf_addf(out, "%s from ", what);
	print_number(out, s->least, units);
	buf_add_str(out, " to ");
	print_number(out, s->most, units);
}

static int read_int(const struct setting *s, const char *text, void *field, struct err *e)
{
	return read_number(s, text, plain, field, e);
}

static void expect_int(const struct setting *s, struct buf *out)
{
	expect_number(s, "a number", plain, out);
}

static int read_duration(const struct setting *s, const char *text, void *field, struct err *e)
{
	return read_number(s, text, spans, field, e);
}

static void expect_duration(const struct setting *s, struct buf *out)
{
	expect_number(s, "a duration (like 90s, 5m, 12h or 30d)", spans, out);
}

static int read_size(const struct setting *s, const char *text, void *field, struct err *e)
{
	return read_number(s, text, sizes, field, e);
}

static void expect_size(const struct setting *s, struct buf *out)
{
	expect_number(s, "a size (like 512K, 64M or 2G)", sizes, out);
}

static int read_address(const struct setting *s, const char *text, void *field, struct err *e)
{
	struct config_addresses *list = field;
	struct address one;

	if (address_parse(&one, text, e) < 0)
		return -1;
	list->item = xreallocarray(list->item, list->count + 1, sizeof(*list->item));
	list->item[list->count++] = one;
	return 0;
}

static void release_addresses(void *field)
{
	struct config_addresses *list = field;

	free(list->item);
	*list = (struct config_addresses){ NULL, 0 };
}

static void expect_addresses(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "addresses with a port, like *:80, 192.0.2.7:80 or [2001:db8::7]:80");
}

static int read_network(const struct setting *s, const char *text, void *field, struct err *e)
{
	struct cidr_list *list = field;
	struct cidr one;

	if (cidr_parse(&one, text, e) < 0)
		return -1;
	list->item = xreallocarray(list->item, list->count + 1, sizeof(*list->item));
	list->item[list->count++] = one;
	return 0;
}

static void release_networks(void *field)
{
	struct cidr_list *list = field;

	cidr_list_release(list);
	*list = (struct cidr_list){ NULL, 0 };
}

static void expect_networks(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "addresses or networks like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32");
}

static int read_windows(const struct setting *s, const char *text, void *field, struct err *e)
{
	return window_check(text, e) < 0 ? -1 : read_text(s, text, field, e);
}

static void expect_windows(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "times of the week like Mon-Fri 01:00-05:00");
}

static int read_daytime(const struct setting *s, const char *text, void *field, struct err *e)
{
	return daytime_check(text, e) < 0 ? -1 : read_text(s, text, field, e);
}

static void expect_daytime(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "a time of the day like 04:00");
}

static int read_days(const struct setting *s, const char *text, void *field, struct err *e)
{
	struct days days;

	return days_read(&days, text, e) < 0 ? -1 : read_text(s, text, field, e);
}

static void expect_days(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "numbers of days like 30 14 7 3 1");
}

/* NAME=VALUE */
static int read_line(const struct setting *s, const char *text, void *field, struct err *e)
{
	if (variable_check(text, VARIABLE_CONFIGURED, e) < 0)
		return -1;
	strv_add(field, text);
	return 0;
}

static void release_lines(void *field)
{
	for (char **line = *(char ***)field; line && *line; line++)
		wipe(*line, strlen(*line));
	strv_free(*(char ***)field);
	*(char ***)field = NULL;
}

static void expect_lines(const struct setting *s, struct buf *out)
{
	buf_add_str(out, "a list of lines like NAME=VALUE");
}

const struct setting_type setting_types[] = {
	[SETTING_WINDOWS] = { false, true, read_windows, release_text, expect_windows },
	[SETTING_DAYS]    = { false, true, read_days, release_text, expect_days },
	[SETTING_DAYTIME] = { false, true, read_daytime, release_text, expect_daytime },
	/*                      list   empty  read           release            expect */
	[SETTING_TEXT]      = { false, true,  read_text,     release_text,      NULL },
	[SETTING_PATH]      = { false, false, read_path,     release_text,      expect_path },
	[SETTING_HOST]      = { false, false, read_host,     release_text,      expect_host },
	[SETTING_WORD]      = { false, false, read_word,     release_text,      expect_word },
	[SETTING_INT]       = { false, false, read_int,      NULL,              expect_int },
	[SETTING_BOOL]      = { false, false, read_bool,     NULL,              expect_bool },
	[SETTING_DURATION]  = { false, false, read_duration, NULL,              expect_duration },
	[SETTING_SIZE]      = { false, false, read_size,     NULL,              expect_size },
	[SETTING_ADDRESSES] = { true,  false, read_address,  release_addresses, expect_addresses },
	[SETTING_NETWORKS]  = { true,  false, read_network,  release_networks,  expect_networks },
	[SETTING_LINES]     = { true,  false, read_line,     release_lines,     expect_lines },
};

const struct setting settings[SETTING_COUNT] = {
#define GROUP(...)
#define SETTING(group, key, type, value, least, most, when, kept, sentence) \
	{ #group, #key, &setting_types[SETTING_##type], value, least, most, SETTING_##when, SETTING_##kept, sentence, \
	  offsetof(struct config, group##_##key), sizeof(((struct config *)NULL)->group##_##key) },
#include "daemon/config/config.def"
#undef GROUP
#undef SETTING
};

const struct setting_group setting_groups[SETTING_GROUP_COUNT] = {
#define GROUP(group, sentence) { #group, sentence },
#define SETTING(...)
#include "daemon/config/config.def"
#undef GROUP
#undef SETTING
};

char *setting_default(const struct setting *s)
{
	return xstrndup(s->value, s->type == &setting_types[SETTING_WORD] ? strcspn(s->value, "|") : strlen(s->value));
}

char **setting_items(const struct setting *s, const char *text)
{
	char **items = NULL;

	if (s->type->is_list && s->type != &setting_types[SETTING_LINES])
		return strv_split(text, ", \t");
	if (s->type->is_list && !*text)
		return NULL;
	strv_add(&items, text);
	return items;
}

int setting_read(const struct setting *s, void *field, const char *text, struct err *e)
{
	if (*text)
		return s->type->read(s, text, field, e);
	if (s->type->may_be_empty || !*s->value)
		return read_text(s, text, field, e);
	return wrong(s, text, "is empty", e);
}

void setting_release(const struct setting *s, void *field)
{
	if (s->type->release)
		s->type->release(field);
}

char *setting_name(const struct setting *s)
{
	return xasprintf("%s.%s", s->group, s->key);
}

const struct setting *setting_by_name(const char *name)
{
	for (const struct setting *s = settings; s < settings + SETTING_COUNT; s++) {
		size_t len = strlen(s->group);

		if (!strncmp(name, s->group, len) && name[len] == '.' && str_eq(name + len + 1, s->key))
			return s;
	}
	return NULL;
}

int setting_assign(const struct setting *s, struct config *config, const char *text, struct err *e)
{
	struct config fresh = { 0 };
	_cleanup_strv_ char **items = setting_items(s, text);

	for (size_t i = 0; i < strv_len(items); i++) {
		if (setting_read(s, setting_field(s, &fresh), items[i], e) < 0) {
			setting_release(s, setting_field(s, &fresh));
			return -1;
		}
	}
	setting_release(s, setting_field(s, config));
	memcpy(setting_field(s, config), setting_field(s, &fresh), s->size);
	return 0;
}
