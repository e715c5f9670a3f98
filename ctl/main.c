/* certeractl: from the command line to one request, and its answer to the screen. */
#include "ctl/ctl.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/csv.h"
#include "base/encode.h"

#define TIMEOUT_MOST 604800	/* seconds */
#define PAGE "1000"	/* the most a list shows at once */

/*
 * --timeout SECONDS or --timeout=SECONDS, before or behind the command.  How many words it took; 0: it is another; -1.
 */
static int take_timeout(struct ctl *ctl, char **argv, struct err *e)
{
	const char *value = argv[0] + strlen("--timeout");
	char *end;
	long seconds;

	if (!str_starts(argv[0], "--timeout") || (*value && *value != '='))
		return 0;
	value = *value ? value + 1 : argv[1];
	seconds = value ? strtol(value, &end, 10) : 0;
	if (!value || *end || seconds < 1 || seconds > TIMEOUT_MOST)
		return err_set(e, ERR_USAGE, "--timeout wants a number of seconds, from 1 to %d", TIMEOUT_MOST);
	ctl->deadline = clock_mono_ms() + seconds * 1000;
	return argv[0][strlen("--timeout")] ? 1 : 2;
}

/* The command that the first words name, and how many words that took. */
static const struct command *find_command(char **words, int count, int *used)
{
	for (size_t i = 0; i < commands_count; i++) {
		_cleanup_strv_ char **want = strv_split(commands[i].words, " ");
		int n = (int)strv_len(want);
		int same = 0;

		while (same < n && same < count && !strcmp(words[same], want[same]))
			same++;
		if (same == n) {
			*used = n;
			return &commands[i];
		}
	}
	return NULL;
}

static int read_bytes(const char *path, struct buf *content, struct err *e)
{
	_cleanup_fclose_ FILE *file = strcmp(path, "-") ? fopen(path, "re") : NULL;
	FILE *from = file ? file : stdin;
	size_t got;

	if (!file && strcmp(path, "-"))
		return err_errno(e, ERR_USAGE, "reading %s", path);
	clearerr(from);
	do {
		got = fread(buf_reserve(content, 4096), 1, 4096, from);
		content->len += got;
		if (content->len > 1024 * 1024)
			return err_set(e, ERR_USAGE, "reading %s: more than a megabyte", path);
	} while (got);
	if (ferror(from))	/* a directory, for one */
		return err_errno(e, ERR_USAGE, "reading %s", path);
	buf_add(content, "", 0);
	return 0;
}

/* Otherwise what comes first would be taken, up to a NUL, or nothing. */
static bool is_text(const struct buf *text)
{
	_cleanup_json_ json_t *string = json_stringn(text->data ? text->data : "", text->len);

	return string && !memchr(json_string_value(string), '\0', text->len);
}

/* A text without the end of its last line; owned. */
static char *read_file(const char *path, struct err *e)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;

	if (read_bytes(path, &text, e) < 0)
		return NULL;
	while (text.len && strchr("\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	if (!is_text(&text))
		return err_set(e, ERR_USAGE, "reading %s: this is not a text file (UTF-8)", path), NULL;
	return buf_detach(&text);
}

/* PEM as it is, anything else as base64; owned. */
static char *read_upload(const char *path, struct err *e)
{
	_cleanup_buf_wipe_ struct buf content = BUF_INIT, text = BUF_INIT;

	if (read_bytes(path, &content, e) < 0)
		return NULL;
	if (!content.len)
		return err_set(e, ERR_USAGE, "reading %s: the file is empty", path), NULL;
	if (content.len && !memchr(content.data, '\0', content.len) && strstr(content.data, "-----BEGIN "))
		return buf_detach(&content);
	base64_add(&text, content.data, content.len);
	return buf_detach(&text);
}

/* Where the values of such options are until the request is made. */
static json_t *values_of(const struct ctl *ctl, enum option_type type)
{
	return type == OPTION_QUERY			      ? ctl->query :
	       type == OPTION_LOCAL || type == OPTION_SWITCH ? ctl->local :
							       ctl->body;
}

/* Of two values one would be lost without a word. */
static int refuse_twice(const struct ctl *ctl, const struct option_row *o, struct err *e)
{
	const json_t *before = json_object_get(values_of(ctl, o->type), o->member);

	if (!before || o->type == OPTION_LIST)
		return 0;
	if (!o->value && json_is_true(before) == (o->type != OPTION_OFF))
		return 0;
	if (!o->value)
		return err_set(e, ERR_USAGE, "--%s contradicts an option before it", o->name);
	err_set(e, ERR_USAGE, "--%s is given twice", o->name);
	return err_hint(e, "Give it once: %s. See certeractl %s --help.", o->value, ctl->command->words);
}

static int put_option(struct ctl *ctl, const struct option_row *o, const char *value, struct err *e)
{
	_cleanup_wipe_ char *content = NULL;
	json_t *list;

	switch (o->type) {
	case OPTION_TEXT:
		json_put_str(ctl->body, o->member, value);
		break;
	case OPTION_LIST:
		list = json_object_get(ctl->body, o->member);
		if (!list) {
			list = json_array();
			json_object_set_new(ctl->body, o->member, list);
		}
		json_array_append_new(list, json_string(value));
		break;
	case OPTION_FLAG:
	case OPTION_OFF:
		json_put_bool(ctl->body, o->member, o->type == OPTION_FLAG);
		break;
	case OPTION_FILE:
	case OPTION_BYTES:
		content = o->type == OPTION_FILE ? read_file(value, e) : read_upload(value, e);
		if (!content)
			return -1;
		json_put_str(ctl->body, o->member, content);
		break;
	case OPTION_QUERY:
		json_put_str(ctl->query, o->member, value);
		break;
	case OPTION_LOCAL:
		json_put_str(ctl->local, o->member, value);
		break;
	case OPTION_SWITCH:
		json_put_bool(ctl->local, o->member, true);
		break;
	}
	return 0;
}

static const struct option_row *find_option(const struct command *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->options_count; i++)
		if (strlen(c->options[i].name) == len && !strncmp(c->options[i].name, name, len))
			return &c->options[i];
	return NULL;
}

/* --name VALUE, --name=VALUE; returns how many further words it took, -1 on error. */
static int take_option(struct ctl *ctl, char **argv, struct err *e)
{
	const char *name = argv[0] + 2;
	const char *equals = strchr(name, '=');
	const struct option_row *o = find_option(ctl->command, name, equals ? (size_t)(equals - name) : strlen(name));
	const char *value = equals ? equals + 1 : argv[1];

	if (!o) {
		_cleanup_free_ char *typed = xasprintf("%.*s", (int)strcspn(name, "="), name);
		const char *meant = slip_option(ctl->command, typed);

		err_set(e, ERR_USAGE, "%s has no option --%s", ctl->command->words, typed);
		return meant ? err_hint(e, "Did you mean --%s? See certeractl %s --help.", meant, ctl->command->words) :
			       err_hint(e, "See certeractl %s --help.", ctl->command->words);
	}
	if (!o->value && equals)
		return err_set(e, ERR_USAGE, "--%s takes no value", o->name);
	if (o->value && !value)
		return err_set(e, ERR_USAGE, "--%s wants a value: %s", o->name, o->value);
	if (refuse_twice(ctl, o, e) < 0 || put_option(ctl, o, value, e) < 0)
		return -1;
	return o->value && !equals ? 1 : 0;
}

/* What is missing, or the first that is too much. */
static int check_count(const struct ctl *ctl, char *const *want, struct err *e)
{
	const char *words = ctl->command->words, *args = ctl->command->args;
	size_t given = strv_len(ctl->args), wanted = strv_len(want);

	if (given == wanted)
		return 0;
	if (given < wanted)
		err_set(e, ERR_USAGE, "%s is missing: certeractl %s %s", want[given], words, args);
	else if (!wanted)
		err_set(e, ERR_USAGE, "%s takes no arguments, but \"%s\" was given", words, ctl->args[0]);
	else
		err_set(e, ERR_USAGE, "%s takes %s only: \"%s\" is one argument too many", words, args,
			ctl->args[wanted]);
	return err_hint(e, "See certeractl %s --help.", words);
}

static int parse_words(struct ctl *ctl, char **argv, struct err *e)
{
	_cleanup_strv_ char **want = strv_split(ctl->command->args, " ");

	for (bool options = true; *argv; argv++) {
		int took;

		if (options && !strcmp(*argv, "--")) {
			options = false;
		} else if (options && !strcmp(*argv, "--json")) {
			ctl->as_json = true;
		} else if (options && !strcmp(*argv, "--csv")) {
			ctl->as_csv = true;
		} else if (options && !strcmp(*argv, "--quiet")) {
			ctl->quiet = true;
		} else if (options && (took = take_timeout(ctl, argv, e))) {
			if (took < 0)
				return -1;
			argv += took - 1;
		} else if (options && str_starts(*argv, "--")) {
			took = take_option(ctl, argv, e);
			if (took < 0)
				return -1;
			argv += took;
		} else {
			strv_add(&ctl->args, *argv);
		}
	}
	if (ctl->as_csv && !command_lists(ctl->command))
		return err_set(e, ERR_USAGE, "--csv is for commands that list: cert list, events, ...");
	return str_ends(ctl->command->args, "...") ? 0 : check_count(ctl, want, e);
}

/* Those named, and those in the file. */
static int put_sites(struct ctl *ctl, struct err *e)
{
	json_t *sites = json_array();

	for (char **arg = ctl->args; arg && *arg; arg++)
		json_array_append_new(sites, json_string(*arg));
	if (json_str(ctl->body, "file"))
		json_array_append_new(sites, json_string(json_str(ctl->body, "file")));
	json_object_del(ctl->body, "file");
	json_object_set_new(ctl->body, "sites", sites);
	return 0;
}

static int put_upload(struct ctl *ctl, struct err *e)
{
	_cleanup_wipe_ char *content = read_upload(ctl->args[0], e);

	if (!content)
		return -1;
	json_put_str(ctl->body, "file", content);
	return 0;
}

/* The daemon's working directory is another. */
static int put_directory(struct ctl *ctl, struct err *e)
{
	_cleanup_free_ char *here = *ctl->args[0] == '/' ? xstrdup("") : getcwd(NULL, 0);
	_cleanup_free_ char *directory = here ? xasprintf("%s%s%s", here, *here ? "/" : "", ctl->args[0]) : NULL;

	if (!directory)
		return err_errno(e, ERR_USAGE, "finding the working directory");
	json_put_str(ctl->body, "directory", directory);
	return 0;
}

static int put_list(struct ctl *ctl, struct err *e)
{
	json_put_str(ctl->body, "list", ctl->args[0]);
	return 0;
}

static int put_action(struct ctl *ctl, struct err *e)
{
	json_put_str(ctl->body, "action", ctl->args[1]);
	return put_list(ctl, e);
}

/* Commands whose words say something else than a name. */
static const struct {
	const char *words;
	int (*put)(struct ctl *, struct err *);
} otherwise[] = {
	{ "decode", put_upload },
	{ "site add", put_sites },
	{ "backup", put_directory },
	{ "list mail", put_list },
	{ "bulk", put_action },
};

/* What a command line says beyond members: what follows from its words. */
static int complete(struct ctl *ctl, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(otherwise); i++)
		if (str_eq(ctl->command->words, otherwise[i].words))
			return otherwise[i].put(ctl, e);
	if (str_eq(ctl->command->words, "reader ack"))
		json_put_str(ctl->body, "acknowledge", ctl->args[1]);
	if (str_eq(ctl->command->words, "settings set"))
		json_put_str(ctl->body, "value", ctl->args[1]);
	if (ctl->args && !str_eq(ctl->command->method, "GET") && !strchr(ctl->command->path, '{'))
		json_put_str(ctl->body, "name", ctl->args[0]);
	if (json_bool(ctl->local, "staging", false))
		json_put_str(ctl->query, "staging", "true");
	if (json_bool(ctl->local, "dry_run", false))
		json_put_str(ctl->query, "dry_run", "true");
	if (json_bool(ctl->local, "no_tags", false))
		json_object_set_new(ctl->body, "tags", json_array());
	if (json_bool(ctl->local, "no_contacts", false))
		json_object_set_new(ctl->body, "contacts", json_array());
	if (json_bool(ctl->local, "no_issue", false))
		json_put_bool(ctl->body, "issue", false);
	if (str_starts(ctl->command->words, "apikey ")) {	/* cert|key is what the path calls certificates|keys */
		const char *kind = str_eq(ctl->args[0], "cert") ? "certificates" :
				   str_eq(ctl->args[0], "key") ? "keys" : NULL;

		if (!kind)
			return err_set(e, ERR_USAGE, "API keys are of a cert or of a key, not of \"%.40s\"",
				       ctl->args[0]);
		free(ctl->args[0]);
		ctl->args[0] = xstrdup(kind);
	}
	return 0;
}

/* The first array of an answer: what it lists. */
static json_t *list_of(json_t *answer)
{
	const char *member;
	json_t *value;

	json_object_foreach (answer, member, value)
		if (json_is_array(value))
			return value;
	return NULL;
}

/* Appends the further pages of a list, unless so many were not asked for. */
static int read_all_pages(struct ctl *ctl, json_t *answer, struct err *e)
{
	json_t *list = list_of(answer);
	int64_t next = json_int(answer, "next", 0);

	while (list && next) {
		_cleanup_free_ char *path = NULL, *first = xasprintf("%lld", (long long)next);
		_cleanup_json_ json_t *page = NULL;

		json_put_str(ctl->query, "first", first);
		path = ctl_path(ctl);
		page = ctl_request(ctl, ctl->command->method, path, NULL, e);
		if (!page)
			return -1;
		json_array_extend(list, list_of(page));
		next = json_int(page, "next", 0);
	}
	return 0;
}

static int print_csv(const struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *list = ctl->command->show == show_settings ? settings_flat(answer) :
				      json_incref(list_of(answer));
	_cleanup_buf_ struct buf csv = BUF_INIT;

	csv_add_rows(&csv, list);
	fwrite(csv.data, 1, csv.len, stdout);
	return 0;
}

static int run(struct ctl *ctl)
{
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_free_ char *path = NULL;
	struct err e = { 0 };
	bool body = str_eq(ctl->command->method, "POST");
	bool all = find_option(ctl->command, "limit", strlen("limit")) && ctl->command->show != show_events &&
		   !json_object_get(ctl->query, "limit");

	if (!*ctl->command->path)
		return ctl->command->show(ctl, NULL);
	if (ctl_confirm(ctl, &e) < 0)
		return ctl_fail(ctl, &e);
	if (all)
		json_put_str(ctl->query, "limit", PAGE);
	path = ctl_path(ctl);
	answer = ctl_request(ctl, ctl->command->method, path, body ? ctl->body : NULL, &e);
	if (answer && all && read_all_pages(ctl, answer, &e) < 0)
		return ctl_fail(ctl, &e);
	if (answer && ctl->as_csv)
		return print_csv(ctl, answer);
	return answer ? ctl->command->show(ctl, answer) : ctl_fail(ctl, &e);
}

/* What only shows something may be long. */
static void prepare_screen(const struct ctl *ctl)
{
	terminal_begin();
	if (ctl->quiet)
		terminal_quiet();
	else if (str_eq(ctl->command->method, "GET") || str_eq(ctl->command->words, "export"))
		terminal_page();
}

static int run_command(struct ctl *ctl, char **argv)
{
	struct err e = { 0 };
	int code;

	for (char **word = argv; *word && strcmp(*word, "--"); word++)
		if (!strcmp(*word, "--help"))
			return help_command(stdout, ctl->command), 0;
	ctl->body = json_object();
	ctl->query = json_object();
	ctl->local = json_object();
	if (parse_words(ctl, argv, &e) < 0 || complete(ctl, &e) < 0) {
		code = ctl_fail(ctl, &e);
	} else {
		prepare_screen(ctl);
		code = run(ctl);
	}
	json_decref(ctl->body);
	json_decref(ctl->query);
	json_decref(ctl->local);
	strv_free(ctl->args);
	return code;
}

/* "cert --help" lists the commands that begin so; so does "cert", or a slip behind it. */
static int no_command(struct ctl *ctl, char **words, int count)
{
	bool asked = count > 1 && !strcmp(words[1], "--help");
	_cleanup_free_ char *typed = xasprintf("%s%s%s", words[0], count > 1 ? " " : "", count > 1 ? words[1] : "");
	const char *meant = slip_command(typed) ? slip_command(typed) : slip_command(words[0]);
	struct err e = { 0 };

	if (asked && help_group(stdout, words[0]))
		return 0;
	err_set(&e, ERR_USAGE, "there is no command \"%s\"", typed);
	if (help_group(stderr, words[0]))
		fputs("\n", stderr);
	else
		err_hint(&e, "See certeractl --help.");
	if (meant)
		err_hint(&e, "Did you mean \"%s\"? See certeractl --help.", meant);
	return ctl_fail(ctl, &e);
}

/* help, help cert, help cert add */
static int run_help(char **words, int count)
{
	int used = 0;
	const struct command *c = find_command(words, count, &used);

	if (!count)
		return help_all(stdout), 0;
	if (c)
		return help_command(stdout, c), 0;
	return help_group(stdout, words[0]) ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .socket = getenv("CERTERA_SOCKET") };
	struct err e = { 0 };
	int used = 0, took;
	int i = 1;

	if (!ctl.socket || !*ctl.socket)
		ctl.socket = DEFAULT_SOCKET;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return help_all(stdout), 0;
		if (!strcmp(argv[i], "--version") || !strcmp(argv[i], "-V"))
			return puts("certeractl " VERSION), 0;
		if (!strcmp(argv[i], "--json"))
			ctl.as_json = true;
		else if (!strcmp(argv[i], "--csv"))
			ctl.as_csv = true;
		else if (!strcmp(argv[i], "--quiet"))
			ctl.quiet = true;
		else if (!strcmp(argv[i], "--socket") && i + 1 < argc)
			ctl.socket = argv[++i];
		else if (str_starts(argv[i], "--socket="))
			ctl.socket = argv[i] + strlen("--socket=");
		else if ((took = take_timeout(&ctl, argv + i, &e)) > 0)
			i += took - 1;
		else if (took < 0)
			return ctl_fail(&ctl, &e);
		else
			break;
	}
	if (i == argc)
		return help_all(stderr), err_exit_code(ERR_USAGE);
	if (!strcmp(argv[i], "help") && run_help(argv + i + 1, argc - i - 1) == 0)
		return 0;
	ctl.command = find_command(argv + i, argc - i, &used);
	if (!ctl.command)
		return no_command(&ctl, argv + i, argc - i);
	return run_command(&ctl, argv + i + used);
}
