/* What --help says: all commands, those that begin with a word, the options of one. */
#include "ctl/ctl.h"

#include "base/buf.h"

struct line {
	char *head;
	const char *text;
};

/* As a table whose first column is as wide as it has to be.  Takes the heads. */
static void print_pairs(FILE *out, struct line *lines, size_t count)
{
	size_t width = 0;

	for (size_t i = 0; i < count; i++)
		width = MAX(width, strlen(lines[i].head));
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "  %-*s  %s\n", (int)width, lines[i].head, lines[i].text);
		free(lines[i].head);
	}
}

static bool same_first_word(const char *a, const char *b)
{
	size_t len = strcspn(a, " ");

	return len == strcspn(b, " ") && !strncmp(a, b, len);
}

bool help_group(FILE *out, const char *word)
{
	_cleanup_free_ struct line *lines = xcalloc(commands_count, sizeof(*lines));
	size_t count = 0;

	for (size_t i = 0; i < commands_count; i++)
		if (same_first_word(commands[i].words, word))
			lines[count++] = (struct line){
				.head = xasprintf("%s%s%s", commands[i].words, *commands[i].args ? " " : "",
						  commands[i].args),
				.text = commands[i].text,
			};
	print_pairs(out, lines, count);
	return count;
}

void help_all(FILE *out)
{
	fputs("usage: certeractl [--socket PATH] [--json|--csv|--quiet] [--timeout SECONDS] COMMAND [OPTION]... "
	      "[ARGUMENT]...\n",
	      out);
	for (size_t i = 0; i < commands_count; i++) {
		if (i && same_first_word(commands[i].words, commands[i - 1].words))
			continue;
		fputs("\n", out);
		help_group(out, commands[i].words);
	}
	fputs("\n  --socket PATH      the control socket of the server (default: $CERTERA_SOCKET, or " DEFAULT_SOCKET
	      ")\n"
	      "  --json             print the answer of the server as JSON\n"
	      "  --csv              print a list as CSV, for spreadsheets\n"
	      "  --quiet            print nothing if the command succeeds\n"
	      "  --timeout SECONDS  stop waiting after this time; the operation continues\n"
	      "  help [COMMAND]     this text, or the options of a command\n"
	      "  --help             this text; after a command, the options of the command\n"
	      "  --version          the version\n",
	      out);
}

const char *help_example(const struct command *c)
{
	static const struct {
		const char *words, *line;
	} rows[] = {
#define EXAMPLE(words, line) { words, line },
#include "ctl/example.def"
#undef EXAMPLE
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(c->words, rows[i].words))
			return rows[i].line;
	return NULL;
}

void help_command(FILE *out, const struct command *c)
{
	_cleanup_free_ struct line *lines = xcalloc(c->options_count + 4, sizeof(*lines));
	const char *example = help_example(c);
	size_t count = c->options_count;

	for (size_t i = 0; i < c->options_count; i++) {
		const struct option_row *o = &c->options[i];

		lines[i] = (struct line){
			.head = xasprintf("--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : ""),
			.text = o->text,
		};
	}
	lines[count++] = (struct line){ .head = xstrdup("--json"), .text = "print the answer of the server as JSON" };
	if (command_lists(c))
		lines[count++] =
			(struct line){ .head = xstrdup("--csv"), .text = "print the list as CSV, for spreadsheets" };
	lines[count++] = (struct line){ .head = xstrdup("--quiet"), .text = "print nothing if the command succeeds" };
	lines[count++] = (struct line){ .head = xstrdup("--timeout SECONDS"),
					.text = "stop waiting after this time; the operation continues" };
	fprintf(out, "usage: certeractl %s%s%s%s\n\n%s\n\n", c->words, c->options_count ? " [OPTION]..." : "",
		*c->args ? " " : "", c->args, c->text);
	print_pairs(out, lines, count);
	fprintf(out, "\nexample:\n  certeractl %s%s%s\n", example ? example : c->words, example || !*c->args ? "" : " ",
		example ? "" : c->args);
}
