/* What is between two states, and doing it. */
#include <strings.h>

#include "base/encode.h"
#include "ctl/declare/declare.h"

static json_t *change_of(const struct declare_kind *kind, const char *action, const json_t *thing)
{
	json_t *change = json_object();

	json_put_str(change, "action", action);
	json_put_str(change, "kind", kind->one);
	json_put_str(change, "name", json_str(thing, "name"));
	if (json_object_get(thing, "staging_"))
		json_put_bool(change, "staging", json_bool(thing, "staging_", false));
	json_object_set_new(change, "members", json_object());
	return change;
}

/* Where the file says it. */
static void put_line(json_t *change, const json_t *wanted)
{
	if (json_int(wanted, "line_", 0))
		json_put_int(change, "line", json_int(wanted, "line_", 0));
}

/* What the file wants of a member; NULL: nothing. */
static json_t *wanted_of(const struct declare_field *f, const json_t *thing)
{
	json_t *value = json_object_get(thing, f->member);

	return value ? json_incref(value) : declare_otherwise(f);
}

/* Mail to a user goes to the user's address, whatever it is. */
static bool follows_owner(const struct declare_field *f, const json_t *is)
{
	return str_eq(f->member, "recipients") && json_str(is, "owner") && *json_str(is, "owner");
}

static json_t *differences(const struct declare_kind *kind, const json_t *is, const json_t *wanted)
{
	json_t *change = change_of(kind, "change", is), *members = json_object_get(change, "members");

	for (size_t i = 0; i < kind->count; i++) {
		const struct declare_field *f = &kind->fields[i];
		_cleanup_json_ json_t *to = wanted_of(f, wanted);
		json_t *from = json_object_get(is, f->member), *both;

		if (!to || follows_owner(f, is) || declare_equal(f, from, to, json_object_get(is, "shown_")))
			continue;
		both = json_object();
		json_object_set_new(both, "from", from ? json_incref(from) : json_null());
		json_object_set(both, "to", to);
		json_object_set_new(members, f->member, both);
	}
	return change;
}

static json_t *addition(const struct declare_kind *kind, const json_t *wanted)
{
	json_t *change = change_of(kind, "add", wanted), *members = json_object_get(change, "members");

	for (size_t i = 0; i < kind->count; i++) {
		json_t *to = json_object_get(wanted, kind->fields[i].member);

		if (to)
			json_object_set_new(members, kind->fields[i].member, json_pack("{s:n, s:O}", "from", "to", to));
	}
	return change;
}

/* Whether a certificate is for testing follows from its account. */
static void mark_staging(const json_t *is, json_t *wanted)
{
	json_t *cert;
	size_t i;

	json_array_foreach (json_object_get(wanted, "certificates"), i, cert) {
		const char *account = json_str(cert, "account");
		const json_t *own = declare_thing(wanted, "accounts", account, false),
			     *there = declare_thing(is, "accounts", account, false);
		bool testing = str_eq(json_str(own ? own : there, "staging"), "true") ||
			       str_eq(json_str(there, "staging"), "true") ||
			       (json_str(own, "ca") && str_ends(json_str(own, "ca"), "-staging"));

		json_put_bool(cert, "staging_", testing);
	}
}

static void compare_one(const struct declare_kind *kind, const json_t *is, const json_t *one, json_t *changes)
{
	const json_t *there = declare_thing(is, kind->word, json_str(one, "name"), json_bool(one, "staging_", false));
	_cleanup_json_ json_t *change = there ? differences(kind, there, one) : addition(kind, one);

	put_line(change, one);
	if (!there || json_object_size(json_object_get(change, "members")))
		json_array_append(changes, change);
}

/* A certificate that names a key may share that of a different one, which comes first. */
static void compare_kind(const struct declare_kind *kind, const json_t *is, const json_t *wanted, json_t *changes)
{
	const json_t *list = json_object_get(wanted, kind->word), *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (!json_object_get(one, "key"))
			compare_one(kind, is, one, changes);
	json_array_foreach (list, i, one)
		if (json_object_get(one, "key"))
			compare_one(kind, is, one, changes);
}

static void prune_kind(const struct declare_kind *kind, const json_t *is, const json_t *wanted, json_t *changes)
{
	const json_t *one;
	size_t i;

	if (!json_object_get(wanted, kind->word))
		return;
	json_array_foreach (json_object_get(is, kind->word), i, one) {
		json_t *change;

		if (declare_thing(wanted, kind->word, json_str(one, "name"), json_bool(one, "staging_", false)))
			continue;
		change = change_of(kind, "remove", one);
		if (json_str(one, "used_"))
			json_put_str(change, "used", json_str(one, "used_"));
		json_array_append_new(changes, change);
	}
}

/*
 * What names something else: it is there, or the file adds it.
 */

static const struct declare_reference {
	const char *kind, *member, *to;
	bool required; /* of what is added */
} references[] = {
	{ "certificates", "account", "accounts", true }, { "certificates", "fallback", "accounts", false },
	{ "certificates", "owner", "users", false },     { "users", "plan", "plans", false },
	{ "channels", "owner", "users", false },
};

static bool is_named(const json_t *state, const char *kind, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(state, kind), i, one)
		if (!strcasecmp(json_str(one, "name"), name))
			return true;
	return false;
}

static const char *one_of(const char *kind)
{
	for (size_t i = 0; i < declare_kinds_count; i++)
		if (str_eq(declare_kinds[i].word, kind))
			return declare_kinds[i].one;
	return kind;
}

int declare_check(const json_t *is, const json_t *wanted, const char *path, struct err *e)
{
	const json_t *one;
	size_t i;

	for (size_t k = 0; k < ARRAY_SIZE(references); k++) {
		const struct declare_reference *ref = &references[k];

		json_array_foreach (json_object_get(wanted, ref->kind), i, one) {
			const char *name = json_str(one, ref->member), *own = json_str(one, "name");
			long long line = json_int(one, "line_", 0);

			if (ref->required && !name && !is_named(is, ref->kind, own))
				return err_set(e, ERR_INVALID, "%s:%lld: the %s %s is new, and has no \"%s\"", path,
					       line, one_of(ref->kind), own, ref->member);
			if (name && *name && !is_named(is, ref->to, name) && !is_named(wanted, ref->to, name))
				return err_set(
					e, ERR_INVALID,
					"%s:%lld: the %s %s has the %s %s, which there is neither here nor in the file",
					path, line, one_of(ref->kind), own, one_of(ref->to), name);
		}
	}
	return 0;
}

json_t *declare_compare(const json_t *is, const json_t *wanted, bool prune)
{
	json_t *changes = json_array();

	mark_staging(is, (json_t *)wanted);
	for (size_t i = 0; i < declare_kinds_count; i++)
		compare_kind(&declare_kinds[i], is, wanted, changes);
	for (size_t i = declare_kinds_count; prune && i > 0; i--) /* what needs others goes before them */
		prune_kind(&declare_kinds[i - 1], is, wanted, changes);
	return changes;
}

/*
 * Doing it.
 */

static const struct declare_kind *kind_of(const json_t *change)
{
	for (size_t i = 0; i < declare_kinds_count; i++)
		if (str_eq(declare_kinds[i].one, json_str(change, "kind")))
			return &declare_kinds[i];
	return NULL;
}

static char *path_of(const struct declare_kind *kind, const json_t *change, const char *call)
{
	const json_t *staging = json_object_get(change, "staging");
	_cleanup_buf_ struct buf path = BUF_INIT;

	buf_addf(&path, "%s/", kind->path);
	url_add(&path, json_str(change, "name"));
	buf_addf(&path, "%s%s%s", call, staging ? "?staging=" : "",
		 !staging                ? ""
		 : json_is_true(staging) ? "true"
					 : "false");
	return buf_detach(&path);
}

/* Changes by one call all members that it takes. */
static int do_call(struct ctl *ctl, const struct declare_kind *kind, const json_t *change, const char *call,
		   struct err *e)
{
	_cleanup_free_ char *path = path_of(kind, change, call);
	_cleanup_json_ json_t *body = json_object(), *done = NULL;
	const json_t *members = json_object_get(change, "members");

	for (size_t i = 0; i < kind->count; i++) {
		const json_t *to = json_object_get(json_object_get(members, kind->fields[i].member), "to");

		if (to && str_eq(kind->fields[i].call, call))
			declare_put_change(&kind->fields[i], body, to);
	}
	if (!json_object_size(body))
		return 0;
	done = ctl_request(ctl, "POST", path, body, e);
	return done ? 0 : -1;
}

/* Whether the API keys of a certificate download its private key: the path says it, not a body. */
static int do_key_download(struct ctl *ctl, const struct declare_kind *kind, const json_t *change, struct err *e)
{
	const json_t *to = json_object_get(json_object_get(json_object_get(change, "members"), "key_download"), "to");
	bool on = str_eq(json_string_value(to), "true");
	_cleanup_free_ char *path = path_of(kind, change, on ? "/key-download/on" : "/key-download/off");
	_cleanup_json_ json_t *done = to ? ctl_request(ctl, "POST", path, NULL, e) : NULL;

	return to && !done ? -1 : 0;
}

static int do_change(struct ctl *ctl, const struct declare_kind *kind, const json_t *change, struct err *e)
{
	static const char *const calls[] = { "", "/hooks", "/owner", "/contact" };

	for (size_t i = 0; i < kind->count; i++)
		if (!kind->fields[i].call &&
		    json_object_get(json_object_get(change, "members"), kind->fields[i].member))
			return err_set(
				e, ERR_CONFLICT,
				"\"%s\" of a %s cannot be changed: remove the %s, or give the new one a different name",
				kind->fields[i].member, kind->one, kind->one);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (do_call(ctl, kind, change, calls[i], e) < 0)
			return -1;
	return do_key_download(ctl, kind, change, e);
}

static void keep_secrets(const struct declare_kind *kind, const json_t *change, const json_t *answer, FILE *secrets)
{
	static const char *const single[] = { "password", "token" };
	const json_t *key;
	size_t i;

	for (i = 0; secrets && i < ARRAY_SIZE(single); i++)
		if (json_str(answer, single[i]))
			fprintf(secrets, "%s\t%s\t%s\n", kind->one, json_str(change, "name"),
				json_str(answer, single[i]));
	if (secrets)
		json_array_foreach (json_object_get(answer, "api_keys"), i, key)
			fprintf(secrets, "%s\t%s\t%s\n", kind->one, json_str(change, "name"), json_string_value(key));
}

static json_t *create_body(const struct declare_kind *kind, const json_t *wanted, struct err *e)
{
	_cleanup_json_ json_t *body = json_object();

	if (!kind->count) /* a site */
		return json_pack("{s:[s]}", kind->list, json_str(wanted, "name"));
	json_put_str(body, "name", json_str(wanted, "name"));
	for (size_t i = 0; i < kind->count; i++) {
		const json_t *value = json_object_get(wanted, kind->fields[i].member);

		if (value && declare_put_create(&kind->fields[i], body, value, e) < 0)
			return NULL;
	}
	if (str_eq(kind->word, "certificates")) {
		json_put_bool(body, "www", false);
		json_put_bool(body, "issue", !str_eq(json_str(wanted, "disabled"), "true"));
	}
	return TAKE(body);
}

/* What cannot be said when it is added is a change of what is there then. */
static int do_rest(struct ctl *ctl, const struct declare_kind *kind, const json_t *change, struct err *e)
{
	_cleanup_json_ json_t *rest = json_deep_copy(change);
	json_t *members = json_object_get(rest, "members");

	for (size_t i = 0; i < kind->count; i++) {
		const struct declare_field *f = &kind->fields[i];
		const json_t *to = json_object_get(json_object_get(members, f->member), "to");
		_cleanup_json_ json_t *otherwise = declare_otherwise(f);

		if (to && (*f->create || json_equal(to, otherwise)))
			json_object_del(members, f->member);
	}
	return do_change(ctl, kind, rest, e);
}

static int do_add(struct ctl *ctl, const struct declare_kind *kind, const json_t *wanted, const json_t *change,
		  FILE *secrets, struct err *e)
{
	bool there = str_eq(kind->word, "settings"); /* all of them are */
	_cleanup_json_ json_t *body = there ? NULL : create_body(kind, wanted, e);
	_cleanup_json_ json_t *done = body ? ctl_request(ctl, "POST", kind->path, body, e) : NULL;

	if (there)
		return do_change(ctl, kind, change, e);
	if (!done)
		return -1;
	keep_secrets(kind, change, done, secrets);
	return do_rest(ctl, kind, change, e);
}

int declare_do(struct ctl *ctl, const json_t *is, const json_t *wanted, const json_t *change, FILE *secrets,
	       struct err *e)
{
	const struct declare_kind *kind = kind_of(change);
	const char *action = json_str(change, "action");
	_cleanup_free_ char *path = path_of(kind, change, "");
	_cleanup_json_ json_t *done = NULL;

	if (str_eq(action, "change"))
		return do_change(ctl, kind, change, e);
	if (str_eq(action, "add"))
		return do_add(ctl, kind,
			      declare_thing(wanted, kind->word, json_str(change, "name"),
					    json_bool(change, "staging", false)),
			      change, secrets, e);
	done = ctl_request(ctl, "DELETE", path, NULL, e);
	return done ? 0 : -1;
}
