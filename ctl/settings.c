/* Settings on the screen. */
#include "ctl/ctl.h"

#define LOOKS 100	/* until a change is in force; the next command then meets it */

/* The setting again, when its value counts everywhere; NULL: it could not be asked for. */
static json_t *await_in_force(struct ctl *ctl, const json_t *answer, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/settings/%s", json_str(answer, "name"));
	json_t *now = json_deep_copy(answer);

	for (int i = 0; i < LOOKS && now && !json_bool(now, "in_force", true); i++) {
		json_decref(now);
		ctl_pause();
		now = ctl_request(ctl, "GET", path, NULL, e);
	}
	return now;
}

int wait_setting(struct ctl *ctl, json_t *answer)
{
	struct err e = { 0 };
	_cleanup_json_ json_t *now = await_in_force(ctl, answer, &e);

	return now ? show_setting(ctl, now) : ctl_fail(ctl, &e);
}

int show_setting(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" },         { "value", "value" },           { "from", "source" },
		{ "changed", "updated" },   { "by", "updated_by" },         { "in the file", "file_value" },
		{ "default", "default" },   { "ignored", "ignored" },       { "after restart", "after_restart" },
		{ "possible", "expected" }, { "what it does", "sentence" },
	};

	if (!ctl_as_json(ctl, answer))
		print_fields(answer, lines, ARRAY_SIZE(lines));
	return 0;
}

json_t *settings_flat(const json_t *answer)
{
	json_t *all = json_array(), *group;
	size_t i;

	json_array_foreach (json_object_get(answer, "groups"), i, group)
		json_array_extend(all, json_object_get(group, "settings"));
	return all;
}

int show_settings(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "VALUE", "value" }, { "FROM", "source" }, { "CHANGED BY", "updated_by" },
	};
	_cleanup_json_ json_t *all = settings_flat(answer);

	if (!ctl_as_json(ctl, answer))
		print_found(ctl, all, columns, ARRAY_SIZE(columns), "No settings.");
	return 0;
}
