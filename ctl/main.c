/* certeractl: from the command line to one request, and its answer to the screen. */
#include "ctl/ctl.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"

#define PAGE "1000"	/* the most a list shows at once */

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
	do {
		got = fread(buf_reserve(content, 4096), 1, 4096, from);
		content->len += got;
		if (content->len > 1024 * 1024)
			return err_set(e, ERR_USAGE, "reading %s: more than a megabyte", path);
	} while (got);
	buf_add(content, "", 0);
	return 0;
}

/* A text without the end of its last line; owned. */
static char *read_file(const char *path, struct err *e)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;

	if (read_bytes(path, &text, e) < 0)
		return NULL;
	while (text.len && strchr("\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	return buf_detach(&text);
}

/* PEM as it is, anything else as base64; owned. */
static char *read_upload(const char *path, struct err *e)
{
	_cleanup_buf_wipe_ struct buf content = BUF_INIT, text = BUF_INIT;

	if (read_bytes(path, &content, e) < 0)
		return NULL;
	if (content.len && !memchr(content.data, '\0', content.len) && strstr(content.data, "-----BEGIN "))
		return buf_detach(&content);
	base64_add(&text, content.data, content.len);
	return buf_detach(&text);
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
		json_put_bool(ctl->body, o->member, true);
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
		err_set(e, ERR_USAGE, "%s has no option %s", ctl->command->words, argv[0]);
		return err_hint(e, "See certeractl %s --help.", ctl->command->words);
	}
	if (!o->value && equals)
		return err_set(e, ERR_USAGE, "--%s takes no value", o->name);
	if (o->value && !value)
		return err_set(e, ERR_USAGE, "--%s wants a value: %s", o->name, o->value);
	if (put_option(ctl, o, value, e) < 0)
		return -1;
	return o->value && !equals ? 1 : 0;
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
		} else if (options && str_starts(*argv, "--")) {
			took = take_option(ctl, argv, e);
			if (took < 0)
				return -1;
			argv += took;
		} else {
			strv_add(&ctl->args, *argv);
		}
	}
	if (strv_len(ctl->args) == strv_len(want) || str_ends(ctl->command->args, "..."))
		return 0;
	err_set(e, ERR_USAGE, "%s takes %s%s", ctl->command->words, *ctl->command->args ? "" : "no arguments",
		ctl->command->args);
	return err_hint(e, "See certeractl %s --help.", ctl->command->words);
}

/* Those named, and those in the file. */
static void put_sites(struct ctl *ctl)
{
	json_t *sites = json_array();

	for (char **arg = ctl->args; arg && *arg; arg++)
		json_array_append_new(sites, json_string(*arg));
	if (json_str(ctl->body, "file"))
		json_array_append_new(sites, json_string(json_str(ctl->body, "file")));
	json_object_del(ctl->body, "file");
	json_object_set_new(ctl->body, "sites", sites);
}

/* What a command line says beyond members: what follows from its words. */
static int complete(struct ctl *ctl, struct err *e)
{
	if (str_eq(ctl->command->words, "decode")) {
		_cleanup_wipe_ char *content = read_upload(ctl->args[0], e);

		if (!content)
			return -1;
		json_put_str(ctl->body, "file", content);
		return 0;
	}
	if (str_eq(ctl->command->words, "site add")) {
		put_sites(ctl);
		return 0;
	}
	if (str_eq(ctl->command->words, "backup")) {	/* the daemon's working directory is another */
		_cleanup_free_ char *here = *ctl->args[0] == '/' ? xstrdup("") : getcwd(NULL, 0);
		_cleanup_free_ char *directory =
			here ? xasprintf("%s%s%s", here, *here ? "/" : "", ctl->args[0]) : NULL;

		if (!directory)
			return err_errno(e, ERR_USAGE, "finding the working directory");
		json_put_str(ctl->body, "directory", directory);
		return 0;
	}
	if (ctl->args && !str_eq(ctl->command->method, "GET") && !strchr(ctl->command->path, '{'))
		json_put_str(ctl->body, "name", ctl->args[0]);
	if (json_bool(ctl->local, "staging", false))
		json_put_str(ctl->query, "staging", "true");
	if (json_bool(ctl->local, "dry_run", false))
		json_put_str(ctl->query, "dry_run", "true");
	if (json_bool(ctl->local, "no_tags", false))
		json_object_set_new(ctl->body, "tags", json_array());
	if (json_bool(ctl->local, "no_issue", false))
		json_put_bool(ctl->body, "issue", false);
	if (str_eq(ctl->command->words, "apikey rotate")) {	/* cert|key is what the path calls certificates|keys */
		const char *kind = str_eq(ctl->args[0], "cert") ? "certificates" :
				   str_eq(ctl->args[0], "key") ? "keys" : NULL;

		if (kind) {
			free(ctl->args[0]);
			ctl->args[0] = xstrdup(kind);
		}
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

static int run(struct ctl *ctl)
{
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_free_ char *path = NULL;
	struct err e = { 0 };
	bool body = str_eq(ctl->command->method, "POST");
	bool all = find_option(ctl->command, "limit", strlen("limit")) && ctl->command->show != show_events &&
		   !json_object_get(ctl->query, "limit");

	if (all)
		json_put_str(ctl->query, "limit", PAGE);
	path = ctl_path(ctl);
	answer = ctl_request(ctl, ctl->command->method, path, body ? ctl->body : NULL, &e);
	if (answer && all && read_all_pages(ctl, answer, &e) < 0)
		return ctl_fail(&e);
	return answer ? ctl->command->show(ctl, answer) : ctl_fail(&e);
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
	if (parse_words(ctl, argv, &e) < 0 || complete(ctl, &e) < 0)
		code = ctl_fail(&e);
	else
		code = run(ctl);
	json_decref(ctl->body);
	json_decref(ctl->query);
	json_decref(ctl->local);
	strv_free(ctl->args);
	return code;
}

/* "cert --help" lists the commands that begin so; so does "cert", or a slip behind it. */
static int no_command(char **words, int count)
{
	bool asked = count > 1 && !strcmp(words[1], "--help");
	struct err e = { 0 };

	if (asked && help_group(stdout, words[0]))
		return 0;
	err_set(&e, ERR_USAGE, "there is no command \"%s%s%s\"", words[0], count > 1 ? " " : "",
		count > 1 ? words[1] : "");
	if (help_group(stderr, words[0]))
		fputs("\n", stderr);
	else
		err_hint(&e, "See certeractl --help.");
	return ctl_fail(&e);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .socket = getenv("CERTERA_SOCKET") };
	int used = 0;
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
		else if (!strcmp(argv[i], "--socket") && i + 1 < argc)
			ctl.socket = argv[++i];
		else if (str_starts(argv[i], "--socket="))
			ctl.socket = argv[i] + strlen("--socket=");
		else
			break;
	}
	if (i == argc)
		return help_all(stderr), err_exit_code(ERR_USAGE);
	ctl.command = find_command(argv + i, argc - i, &used);
	if (!ctl.command)
		return no_command(argv + i, argc - i);
	return run_command(&ctl, argv + i + used);
}
