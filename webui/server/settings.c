/*
 * /api/v1/settings: the configuration in force, and what administrators change of it while running.  The store keeps
 * that over the file's values; daemon/overrides.c lays it over them as soon as it is durable.
 */
#include "base/clock.h"
#include "webui/http/handler.h"

#define SESSIONS "session."	/* settings that decide how people sign in */

static const struct {
	const char *word, *text;
} sources[] = {
	{ "store", "Changed here" },
	{ "file", "From the configuration file" },
	{ "default", "Default" },
};

static void put_source(json_t *o, const char *word)
{
	json_put_str(o, "source", word);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (str_eq(sources[i].word, word))
			json_put_str(o, "source_text", sources[i].text);
}

static void put_choices(json_t *o)
{
	const json_t *word;
	json_t *list = json_array();
	size_t i;

	json_array_foreach (json_object_get(o, "words"), i, word)
		json_array_append_new(list, json_pack("{s:O, s:b}", "word", word, "chosen",
						      str_eq(json_string_value(word), json_str(o, "value"))));
	json_object_set_new(o, "choices", list);
}

/* As it will be in a moment if it is not yet: a desk hears of a change a little later than the store. */
static void lay_over(const struct request *r, struct txn *t, json_t *o)
{
	_cleanup_(rec_setting_release) struct rec_setting kept = { 0 };
	_cleanup_free_ char *text = NULL;
	struct err why = { 0 };
	_cleanup_free_ char *before = xstrdup(json_str(o, "value") ? json_str(o, "value") : "");
	bool found = json_bool(o, "editable", false) && rec_setting_get(t, &kept, json_str(o, "name"), NULL) == 0;

	if (found && r->webui->env->check_setting(kept.id, kept.value ? kept.value : "", &text, &why) < 0)
		json_put_str(o, "ignored", why.message);
	if (text)
		json_put_str(o, "value", text);
	else if (json_bool(o, "editable", false))
		json_object_set(o, "value", json_object_get(o, "file_value"));
	json_put_bool(o, "in_force", str_eq(before, json_str(o, "value") ? json_str(o, "value") : ""));
	put_source(o, text ? "store" : json_str(o, "file_source"));
	json_put_bool(o, "changed", !str_eq(json_str(o, "value"), json_str(o, "default")));
	json_put_bool(o, "kept", found);
	if (found) {
		json_put_time(o, "updated", kept.updated);
		json_put_str(o, "updated_by", kept.updated_by);
	}
	if (r->html)
		put_choices(o);
	json_object_del(o, "file_source");
}

static json_t *find_shown(const struct request *r, const char *name)
{
	const json_t *group, *setting;
	size_t i, k;

	json_array_foreach (r->webui->settings->shown, i, group)
		json_array_foreach (json_object_get(group, "settings"), k, setting)
			if (str_eq(json_str(setting, "name"), name))
				return json_deep_copy(setting);
	return NULL;
}

/* NULL: there is no such setting. */
static json_t *show_one(const struct request *r, struct txn *t, const char *name)
{
	json_t *o = find_shown(r, name);

	if (o)
		lay_over(r, t, o);
	return o;
}

static int no_setting(const char *name, struct err *e)
{
	err_set(e, ERR_MISSING, "there is no setting \"%.60s\"", name);
	return err_hint(e, "Possible names are listed with all settings.");
}

/* What is asked for of all settings. */
struct setting_filter {
	const char *search;
	bool any, changed;
};

static bool has_text(const json_t *setting, const char *search)
{
	static const char *const members[] = { "name", "value", "sentence" };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *text = json_str(setting, members[i]);

		if (text && strcasestr(text, search))
			return true;
	}
	return !*search;
}

/* Leaves the settings that are wanted, and counts those that are changed. */
static void keep_wanted(const struct request *r, struct txn *t, json_t *group, const struct setting_filter *w)
{
	json_t *settings = json_object_get(group, "settings");
	int64_t changed = 0;

	for (size_t i = 0; i < json_array_size(settings);) {
		json_t *setting = json_array_get(settings, i);

		lay_over(r, t, setting);
		if ((w->any || json_bool(setting, "changed", false) == w->changed) && has_text(setting, w->search)) {
			changed += json_bool(setting, "changed", false);
			i++;
		} else {
			json_array_remove(settings, i);
		}
	}
	json_put_int(group, "changed_count", changed);
}

int page_settings(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	struct setting_filter wanted = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	const char *changed;
	json_t *page, *groups;

	if (admin_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	changed = params_get(&query, "changed");
	wanted.search = params_get(&query, "search") ? params_get(&query, "search") : "";
	wanted.any = !changed || !*changed;
	wanted.changed = str_eq(changed, "true");
	page = json_object();
	json_object_set_new(page, "groups", groups = json_deep_copy(r->webui->settings->shown));
	for (size_t i = 0; i < json_array_size(groups);) {
		keep_wanted(r, t, json_array_get(groups, i), &wanted);
		if (json_array_size(json_object_get(json_array_get(groups, i), "settings")))
			i++;
		else
			json_array_remove(groups, i);
	}
	return reply_json(r, 200, page);
}

int page_setting(struct request *r, struct err *e)
{
	const char *name = params_get(&r->path, "name");
	_cleanup_txn_ struct txn *t = NULL;
	json_t *o;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	o = show_one(r, t, name);
	return o ? reply_json(r, 200, o) : no_setting(name, e);
}

/* How people sign in is changed by somebody who has just shown who it is. */
static int check_sessions(const struct request *r, const char *name, struct err *e)
{
	if (!str_starts(name, SESSIONS) || admin_confirmed(r, e) == 0)
		return 0;
	if (r->visitor.bearer) {
		err_set(e, ERR_DENIED, "tokens cannot change the settings of sessions");
		err_code(e, ADMIN_UNCONFIRMED);
		return err_hint(e, "Sign in as a user, or use certeractl on the server.");
	}
	return -1;
}

static int put_setting(const struct request *r, struct txn *t, const char *name, const char *value, const char *before,
		       struct err *e)
{
	_cleanup_(rec_setting_release) struct rec_setting setting = { 0 };

	if (rec_setting_get(t, &setting, name, NULL) < 0) {
		record_set(&setting.id, name);
		setting.created = clock_now();
	}
	record_set(&setting.value, value);
	if (rec_setting_put(t, &setting, e) < 0)
		return -1;
	return admin_event(r, t, "setting.changed", name, name, e, "from \"%s\" to \"%s\"", before, value);
}

static const char *value_of(const json_t *shown)
{
	return json_str(shown, "value") ? json_str(shown, "value") : "";
}

int page_setting_set(struct request *r, struct err *e)
{
	const char *name = params_get(&r->path, "name"), *value;
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_free_ char *text = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_json_ json_t *before = NULL;
	json_t *answer;

	if (!body || check_sessions(r, name, e) < 0)
		return -1;
	value = json_str(body, "value");
	if (r->webui->env->check_setting(name, value, &text, e) < 0)
		return e->kind == ERR_INVALID ? err_field(e, "value") : -1;
	if (admin_write(r, &t, e) < 0)
		return -1;
	before = show_one(r, t, name);
	if (!before)
		return no_setting(name, e);
	if (put_setting(r, t, name, text, value_of(before), e) < 0)
		return -1;
	answer = show_one(r, t, name);
	json_object_set(answer, "former", json_object_get(before, "value"));
	return admin_commit_reply(r, TAKE(t), false, 200, answer, e);
}

/* The file's value again; that it is so already is no fault. */
int page_setting_reset(struct request *r, struct err *e)
{
	const char *name = params_get(&r->path, "name");
	_cleanup_(rec_setting_release) struct rec_setting kept = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (check_sessions(r, name, e) < 0 || store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_setting_get(t, &kept, name, NULL) == 0 &&
	    (rec_setting_delete(t, name, e) < 0 ||
	     admin_event(r, t, "setting.reset", name, name, e, "it was \"%s\"; the configuration file counts again",
			 kept.value ? kept.value : "") < 0))
		return -1;
	answer = show_one(r, t, name);
	return answer ? admin_commit_reply(r, TAKE(t), false, 200, answer, e) : no_setting(name, e);
}
