/* certeractl export, certeractl apply. */
#include "base/words.h"
#include "ctl/declare/declare.h"

int run_export(struct ctl *ctl, json_t *none)
{
	const char *path = json_str(ctl->local, "out");
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_fclose_ FILE *file = NULL;
	struct err e = { 0 };
	_cleanup_json_ json_t *state = declare_state(ctl, &e);

	if (!state)
		return ctl_fail(ctl, &e);
	declare_write(&text, state);
	file = path ? fopen(path, "we") : NULL;
	if (path && (!file || fwrite(text.data, 1, text.len, file) != text.len || fflush(file))) {
		err_errno(&e, ERR_USAGE, "writing %s", path);
		return ctl_fail(ctl, &e);
	}
	if (!path)
		fwrite(text.data, 1, text.len, stdout);
	return 0;
}

/* As a file has them, which need not be a person's own. */
static void print_words(const char *text)
{
	_cleanup_free_ char *line = words_line(text, WORDS_MANY);

	printf("%s", line);
}

static void print_value(const json_t *value)
{
	const json_t *one;
	size_t i;

	if (json_is_string(value) && *json_string_value(value))
		print_words(json_string_value(value));
	else if (!json_array_size(value))
		printf("nothing");
	json_array_foreach (value, i, one) {
		printf("%s", i ? " " : "");
		print_words(json_string_value(one));
	}
}

static void print_change(const json_t *change)
{
	const char *action = json_str(change, "action"), *member;
	const json_t *both;

	printf("%s %s ", str_eq(action, "add") ? "+" : str_eq(action, "remove") ? "-" : "~", json_str(change, "kind"));
	print_words(json_str(change, "name"));
	puts(json_bool(change, "staging", false) ? " (staging)" : "");
	json_object_foreach (json_object_get(change, "members"), member, both) {
		printf("    %s: ", member);
		if (str_eq(action, "change")) {
			print_value(json_object_get(both, "from"));
			printf(" -> ");
		}
		print_value(json_object_get(both, "to"));
		puts("");
	}
	if (json_str(change, "used"))
		printf("    in use: %s\n", json_str(change, "used"));
	if (json_str(change, "error") && json_int(change, "line", 0))
		printf("    failed (line %lld): %s\n", (long long)json_int(change, "line", 0),
		       json_str(change, "error"));
	else if (json_str(change, "error"))
		printf("    failed: %s\n", json_str(change, "error"));
}

static int count(const json_t *changes, const char *member, const char *value)
{
	const json_t *change;
	int found = 0;
	size_t i;

	json_array_foreach (changes, i, change)
		found += value ? str_eq(json_str(change, member), value) : json_str(change, member) != NULL;
	return found;
}

static void print_all(const json_t *changes, bool dry_run)
{
	const json_t *change;
	size_t i;

	json_array_foreach (changes, i, change)
		print_change(change);
	if (!json_array_size(changes))
		puts("Nothing to change.");
	else
		printf("%d to add, %d to change, %d to remove; %s\n", count(changes, "action", "add"),
		       count(changes, "action", "change"), count(changes, "action", "remove"),
		       dry_run                         ? "nothing was changed."
		       : count(changes, "error", NULL) ? "some failed."
						       : "done.");
}

/* Passwords and tokens are shown once: here, or nowhere. */
static int open_secrets(const struct ctl *ctl, const json_t *changes, FILE **file, struct err *e)
{
	const char *path = json_str(ctl->local, "secrets_file");
	const json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		const char *kind = json_str(change, "kind");

		if (path || !str_eq(json_str(change, "action"), "add") ||
		    (!str_eq(kind, "user") && !str_eq(kind, "token")))
			continue;
		err_set(e, ERR_USAGE, "the %s %s is new, and gets a new %s", kind, json_str(change, "name"),
			str_eq(kind, "user") ? "password" : "token");
		return err_hint(e, "Give a file for it: --secrets-file FILE.");
	}
	if (!path)
		return 0;
	*file = private_file_append(path, e);
	return *file ? 0 : -1;
}

static void put_error(json_t *change, const struct err *why)
{
	_cleanup_free_ char *text = xasprintf("%s%s%s", why->message, why->hint[0] ? ". " : "", why->hint);

	json_put_str(change, "error", text);
}

/* No further secrets are made that nobody gets. */
static int lost_secrets(const struct ctl *ctl, const json_t *change, struct err *e)
{
	const char *kind = json_str(change, "kind");

	err_errno(e, ERR_USAGE, "writing %s: the secret of the %s %s is lost, and nothing behind it was done",
		  json_str(ctl->local, "secrets_file"), kind, json_str(change, "name"));
	return err_hint(e,
			str_eq(kind, "user")
				? "Give the user a new password with certeractl user reset, then apply again."
				: "Replace it with certeractl apikey rotate, or remove the token, then apply again.");
}

static int do_all(struct ctl *ctl, const json_t *is, const json_t *wanted, json_t *changes, struct err *e)
{
	_cleanup_fclose_ FILE *secrets = NULL;
	json_t *change;
	size_t i;

	if (open_secrets(ctl, changes, &secrets, e) < 0)
		return -1;
	json_array_foreach (changes, i, change) {
		struct err why = { 0 };

		if (declare_do(ctl, is, wanted, change, secrets, &why) < 0)
			put_error(change, &why);
		if (secrets && ferror(secrets))
			return lost_secrets(ctl, change, e);
	}
	return 0;
}

/* What --prune removes is asked first, as each command that removes something asks. */
static bool may_remove(const struct ctl *ctl, const json_t *changes)
{
	const json_t *change;
	size_t i;

	if (json_bool(ctl->local, "yes", false) || !count(changes, "action", "remove") || !ctl_has_person())
		return true;
	json_array_foreach (changes, i, change)
		if (str_eq(json_str(change, "action"), "remove"))
			fprintf(stderr, "  %s %s%s\n", json_str(change, "kind"), json_str(change, "name"),
				json_bool(change, "staging", false) ? " (staging)" : "");
	return ctl_person_agrees("Remove them?");
}

int run_apply(struct ctl *ctl, json_t *none)
{
	bool dry_run = json_bool(ctl->local, "dry_run", false);
	struct err e = { 0 };
	_cleanup_json_ json_t *wanted = declare_file(ctl->args[0], &e);
	_cleanup_json_ json_t *is = wanted ? declare_state(ctl, &e) : NULL;
	bool whole = is && declare_check(is, wanted, ctl->args[0], &e) == 0;
	_cleanup_json_ json_t *changes =
		whole ? declare_compare(is, wanted, json_bool(ctl->local, "prune", false)) : NULL;
	_cleanup_json_ json_t *answer = json_object();

	if (changes && !dry_run && !may_remove(ctl, changes))
		err_set(&e, ERR_USAGE, "nothing was done");
	else if (changes && !dry_run)
		do_all(ctl, is, wanted, changes, &e);
	if (err_is_set(&e))
		return ctl_fail(ctl, &e);
	json_put_bool(answer, "dry_run", dry_run);
	json_put_bool(answer, "changed", json_array_size(changes) > 0);
	json_object_set(answer, "changes", changes);
	if (!ctl_as_json(ctl, answer))
		print_all(changes, dry_run);
	return count(changes, "error", NULL) ? 1 : 0;
}
