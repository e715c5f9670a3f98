/* What the server has, in the form of a file. */
#include "ctl/declare/declare.h"

static bool all_of_them(const json_t *thing, const json_t *answer)
{
	return true;
}

static bool accounts_in_use(const json_t *thing, const json_t *answer)
{
	return !str_eq(json_str(thing, "state"), "deactivated");
}

/* One is the server's own, for the contacts of certificates. */
static bool channels_of_people(const json_t *thing, const json_t *answer)
{
	return !str_eq(json_str(thing, "name"), "certificate-contacts");
}

static bool kept_settings(const json_t *thing, const json_t *answer)
{
	return json_bool(thing, "kept", false);
}

/* Most keys come and go with their certificate; those that have its name are not written down. */
static bool keys_of_their_own(const json_t *thing, const json_t *answer)
{
	return str_eq(json_str(thing, "use"), "certificate");
}

/* The others come from files. */
static bool certs_that_are_ordered(const json_t *thing, const json_t *answer)
{
	return json_str(thing, "account") && !json_bool(thing, "own_csr", false) &&
	       !json_bool(thing, "imported", false);
}

static bool tokens_of_the_server(const json_t *thing, const json_t *answer)
{
	return !json_str(thing, "user") && !json_bool(thing, "expired", false);
}

#define KIND(kind, one, path, list, which) static const struct declare_field kind##_fields[] = {
#define FIELD(kind, member, type, otherwise, from, create, call)                                                       \
	{ #member, DECLARE_##type, otherwise, from, create, call },
#define END(kind)                                                                                                      \
	{                                                                                                              \
		NULL, 0, NULL, NULL, NULL, NULL                                                                        \
	}                                                                                                              \
	}                                                                                                              \
	;
#include "ctl/declare/declare.def"
#undef KIND
#undef FIELD
#undef END

const struct declare_kind declare_kinds[] = {
#define KIND(kind, one, path, list, which)                                                                             \
	{ #kind, one, path, list, which, kind##_fields, ARRAY_SIZE(kind##_fields) - 1 },
#define FIELD(kind, member, type, otherwise, from, create, call)
#define END(kind)
#include "ctl/declare/declare.def"
#undef KIND
#undef FIELD
#undef END
};
const size_t declare_kinds_count = ARRAY_SIZE(declare_kinds);

const struct declare_field *declare_find(const struct declare_kind *kind, const char *member)
{
	for (size_t i = 0; i < kind->count; i++)
		if (str_eq(kind->fields[i].member, member))
			return &kind->fields[i];
	return NULL;
}

const json_t *declare_thing(const json_t *state, const char *kind, const char *name, bool staging)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(state, kind), i, one)
		if (str_eq(json_str(one, "name"), name) && json_bool(one, "staging_", false) == staging)
			return one;
	return NULL;
}

static json_t *thing_of(const struct declare_kind *kind, const json_t *answer)
{
	json_t *thing = json_object();

	json_put_str(thing, "name", json_str(answer, "name"));
	for (size_t i = 0; i < kind->count; i++) {
		json_t *value = declare_value(&kind->fields[i], answer);

		if (value)
			json_object_set_new(thing, kind->fields[i].member, value);
	}
	if (!str_eq(kind->word, "certificates"))
		return thing;
	json_put_bool(thing, "staging_", json_bool(answer, "staging", false));
	json_object_set(thing, "shown_", json_object_get(answer, "names_shown"));
	if (json_array_size(json_object_get(answer, "consumers")))
		json_put_str(thing, "used_", "servers download it");
	if (str_eq(json_str(answer, "key"), json_str(answer, "name")))
		json_object_del(thing, "key");
	return thing;
}

/* A list says less than the thing's own page. */
static json_t *whole(struct ctl *ctl, const struct declare_kind *kind, const json_t *row, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s?staging=%s", kind->path, json_str(row, "name"),
					      json_bool(row, "staging", false) ? "true" : "false");

	return str_eq(kind->word, "certificates") ? ctl_request(ctl, "GET", path, NULL, e) : json_incref((json_t *)row);
}

/* Settings are listed by group. */
static json_t *rows_of(const struct declare_kind *kind, const json_t *page)
{
	const json_t *group;
	json_t *rows = json_array();
	size_t i;

	if (!str_eq(kind->word, "settings"))
		json_array_extend(rows, json_object_get(page, kind->list));
	else
		json_array_foreach (json_object_get(page, kind->list), i, group)
			json_array_extend(rows, json_object_get(group, "settings"));
	return rows;
}

static int read_page(struct ctl *ctl, const struct declare_kind *kind, const json_t *page, json_t *list, struct err *e)
{
	_cleanup_json_ json_t *rows = rows_of(kind, page);
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		_cleanup_json_ json_t *answer = whole(ctl, kind, row, e);

		if (!answer)
			return -1;
		if (kind->which(answer, page))
			json_array_append_new(list, thing_of(kind, answer));
		else if (str_eq(kind->word, "certificates"))
			json_array_append_new(
				list, json_pack("{s:s, s:b}", "name", json_str(answer, "name"), "left_out_", 1));
	}
	return 0;
}

static json_t *read_kind(struct ctl *ctl, const struct declare_kind *kind, struct err *e)
{
	_cleanup_json_ json_t *list = json_array();
	bool pages = !str_eq(kind->word, "tokens") && !str_eq(kind->word, "settings");

	for (int64_t first = 0;;) {
		_cleanup_free_ char *path = pages ? xasprintf("%s?limit=1000&first=%lld", kind->path, (long long)first)
						  : xstrdup(kind->path);
		_cleanup_json_ json_t *page = ctl_request(ctl, "GET", path, NULL, e);

		if (!page || read_page(ctl, kind, page, list, e) < 0)
			return NULL;
		first = json_int(page, "next", 0);
		if (!first)
			return TAKE(list);
	}
}

static void drop_left_out(json_t *list)
{
	for (size_t i = json_array_size(list); i > 0; i--)
		if (json_bool(json_array_get(list, i - 1), "left_out_", false))
			json_array_remove(list, i - 1);
}

/* A key with the name of a certificate was made with it, and is again; or came with it from a file. */
static void drop_made_keys(json_t *state)
{
	json_t *keys = json_object_get(state, "keys");

	for (size_t i = json_array_size(keys); i > 0; i--) {
		const char *name = json_str(json_array_get(keys, i - 1), "name");

		if (declare_thing(state, "certificates", name, false) ||
		    declare_thing(state, "certificates", name, true))
			json_array_remove(keys, i - 1);
	}
}

json_t *declare_state(struct ctl *ctl, struct err *e)
{
	_cleanup_json_ json_t *state = json_object();

	for (size_t i = 0; i < declare_kinds_count; i++) {
		json_t *list = read_kind(ctl, &declare_kinds[i], e);

		if (!list)
			return NULL;
		json_object_set_new(state, declare_kinds[i].word, list);
	}
	drop_made_keys(state);
	drop_left_out(json_object_get(state, "certificates"));
	return TAKE(state);
}
