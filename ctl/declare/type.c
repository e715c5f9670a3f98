#include <ctype.h>

#include "ctl/declare/declare.h"

static bool is_list(const struct declare_field *f)
{
	return f->type == DECLARE_LIST || f->type == DECLARE_NAMES || f->type == DECLARE_MAILS ||
	       f->type == DECLARE_WORDS;
}

static bool is_flag(const struct declare_field *f)
{
	return f->type == DECLARE_FLAG || f->type == DECLARE_ONOFF || f->type == DECLARE_SWITCH ||
	       f->type == DECLARE_DISABLED;
}

static json_t *flag(bool on)
{
	return json_string(on ? "true" : "false");
}

static bool is_on(const json_t *value)
{
	return str_eq(json_string_value(value), "true");
}

static const char *mail_of(const char *contact)
{
	return str_starts(contact, "mailto:") ? contact + strlen("mailto:") : contact;
}

/* Of an array of texts, or one text; sorted, as the order says nothing. */
static json_t *list_of(const struct declare_field *f, const json_t *value)
{
	json_t *list = json_array();
	const json_t *one;
	size_t i, k;

	if (json_is_string(value) && *json_string_value(value))
		json_array_append(list, (json_t *)value);
	json_array_foreach (value, i, one) {
		const char *text = json_string_value(one) ? json_string_value(one) : "";

		if (f->type == DECLARE_MAILS)
			text = mail_of(text);
		for (k = 0; k < json_array_size(list) && f->type != DECLARE_NAMES; k++)
			if (strcmp(json_string_value(json_array_get(list, k)), text) > 0)
				break;
		json_array_insert_new(list, f->type == DECLARE_NAMES ? json_array_size(list) : k, json_string(text));
	}
	return list;
}

json_t *declare_value(const struct declare_field *f, const json_t *thing)
{
	const json_t *value = *f->from ? json_object_get(thing, f->from) : NULL;
	char number[32];

	if (is_list(f))
		return list_of(f, value);
	if (f->type == DECLARE_SWITCH) /* the answer says the opposite: "no_live" */
		return flag(!json_is_true(value));
	if (is_flag(f))
		return flag(json_is_true(value));
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return json_string(number);
	}
	if (json_is_string(value) && *json_string_value(value))
		return json_incref((json_t *)value);
	return declare_otherwise(f);
}

json_t *declare_otherwise(const struct declare_field *f)
{
	if (!f->otherwise)
		return NULL;
	return is_list(f) ? json_array() : json_string(f->otherwise);
}

/* What YAML readers take for true and false. */
static json_t *read_flag(const char *text)
{
	static const char *const yes[] = { "true", "yes", "on", NULL }, *const no[] = { "false", "no", "off", NULL };
	_cleanup_free_ char *low = xstrdup(text);

	for (char *p = low; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strv_has((char *const *)yes, low))
		return flag(true);
	return strv_has((char *const *)no, low) ? flag(false) : NULL;
}

json_t *declare_read(const struct declare_field *f, const json_t *typed, struct err *e)
{
	const char *text = json_string_value(typed);
	json_t *value;

	if (json_is_null(typed))
		return is_list(f) ? json_array() : json_string(f->otherwise ? f->otherwise : "");
	if (is_list(f) && (text || json_is_array(typed)))
		return list_of(f, typed);
	if (!text) {
		err_set(e, ERR_INVALID, "\"%s\" is %s", f->member, is_list(f) ? "a list" : "one value");
		return NULL;
	}
	value = is_flag(f) || f->type == DECLARE_REUSE ? read_flag(text) : json_incref((json_t *)typed);
	if (!value && is_flag(f))
		err_set(e, ERR_INVALID, "\"%s\" is true or false, not \"%.40s\"", f->member, text);
	if (f->type == DECLARE_REUSE) {
		json_t *word = json_string(!value ? text : is_on(value) ? "on" : "off");

		json_decref(value);
		value = word;
	}
	return value;
}

/* Names in any order, in their stored form or as people write them. */
static bool same_names(const json_t *is, const json_t *wanted)
{
	const json_t *one, *other;
	size_t i, k;

	if (json_array_size(is) != json_array_size(wanted))
		return false;
	json_array_foreach (wanted, i, one) {
		bool found = false;

		json_array_foreach (is, k, other)
			found |= !strcasecmp(json_string_value(one), json_string_value(other));
		if (!found)
			return false;
	}
	return true;
}

bool declare_equal(const struct declare_field *f, const json_t *is, const json_t *wanted, const json_t *shown)
{
	if (f->type == DECLARE_FILE) /* a secret: nobody can look */
		return true;
	if (f->type == DECLARE_NAMES)
		return same_names(is, wanted) || same_names(shown, wanted);
	return json_equal(is, wanted) || (!is && json_is_string(wanted) && !*json_string_value(wanted));
}

static json_t *words(const json_t *list)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		buf_addf(&text, "%s%s", i ? "," : "", json_string_value(one));
	return json_string(buf_str(&text));
}

static int put_file(const struct declare_field *f, json_t *body, const char *path, struct err *e)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char text[4096];
	size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (!file || ferror(file))
		return err_errno(e, ERR_USAGE, "reading %s", path);
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	json_put_str(body, f->create, text);
	wipe(text, sizeof(text));
	return 0;
}

int declare_put_create(const struct declare_field *f, json_t *body, const json_t *value, struct err *e)
{
	const char *text = json_string_value(value);

	if (!*f->create || (text && !*text) || (json_is_array(value) && !json_array_size(value)))
		return 0;
	if (f->type == DECLARE_FILE)
		return put_file(f, body, text, e);
	if (f->type == DECLARE_SWITCH && !is_on(value))
		json_put_bool(body, f->create, true);
	else if ((f->type == DECLARE_FLAG || f->type == DECLARE_ONOFF) && is_on(value))
		json_put_bool(body, f->create, true);
	else if (f->type == DECLARE_REUSE && !str_eq(text, "auto"))
		json_put_bool(body, f->create, str_eq(text, "on"));
	else if (f->type == DECLARE_WORDS)
		json_object_set_new(body, f->create, words(value));
	else if (!is_flag(f) && f->type != DECLARE_REUSE)
		json_object_set(body, f->create, (json_t *)value);
	return 0;
}

void declare_put_change(const struct declare_field *f, json_t *body, const json_t *value)
{
	switch (f->type) {
	case DECLARE_DISABLED:
		json_put_bool(body, is_on(value) ? "disabled" : "enabled", true);
		break;
	case DECLARE_ONOFF:
	case DECLARE_SWITCH:
		json_put_str(body, f->member, is_on(value) ? "on" : "off");
		break;
	case DECLARE_OWNER:
		json_object_set(body, "user", (json_t *)value);
		break;
	case DECLARE_WORDS:
		json_object_set_new(body, f->member, words(value));
		break;
	default:
		json_object_set(body, f->member, (json_t *)value);
	}
}
