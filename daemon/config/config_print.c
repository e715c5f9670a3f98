/* The documents that come out of config.def. */
#include "daemon/config/config.h"

#include <ctype.h>

#include "base/buf.h"
#include "daemon/config/setting.h"

#define WIDTH 100		/* of the example */
#define MDOC_WIDTH 80
#define RESTART "Changes with a restart."
#define STORE "Can also be changed while running, with certeractl settings set."

/* The text in lines of WIDTH, each behind `start`. */
static void print_wrapped(FILE *f, const char *start, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column && column + 1 + word > WIDTH) {
			fputc('\n', f);
			column = 0;
		}
		column += (size_t)fprintf(f, "%s%.*s", column ? " " : start, (int)word, text);
		text += word + strspn(text + word, " ");
	}
	fputc('\n', f);
}

/* A sentence about what the value can be: "A number from 1 to 64."  Empty if it can be anything.  Owned. */
static char *allowed(const struct setting *s)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	setting_expectation(s, &text);
	if (text.len) {
		text.data[0] = (char)toupper((unsigned char)text.data[0]);
		buf_add_ch(&text, '.');
	}
	return buf_detach(&text);
}

static bool config_is_plain(const char *value)
{
	return *value && !value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789/_-")];
}

void config_print_example(FILE *f)
{
	const char *group = "";

	fputs("# Configuration of Certera: every setting, with its default.  All may be left as they are.\n"
	      "# To change one, remove the # in front of it.  Check the file with `certerad -t`, "
	      "then reload the service.\n"
	      "# What an administrator changed while running (the page Settings, `certeractl settings set`) "
	      "counts instead.\n"
	      "# The same is in the manual, certera.yaml(5).  Indent with spaces; "
	      "texts with special characters are quoted.\n",
	      f);
	for (size_t i = 0, g = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];
		_cleanup_free_ char *value = setting_default(s), *values = allowed(s);

		if (!str_eq(s->group, group)) {
			group = s->group;
			fputc('\n', f);
			print_wrapped(f, "# ", setting_groups[g++].sentence);
			fprintf(f, "%s:\n", group);
		} else {
			fputc('\n', f);
		}
		print_wrapped(f, "    # ", s->sentence);
		if (*values)
			print_wrapped(f, "    # ", values);
		if (s->when == SETTING_RESTART)
			print_wrapped(f, "    # ", RESTART);
		fprintf(f, config_is_plain(value) ? "    #%s: %s\n" : "    #%s: \"%s\"\n", s->key, value);
	}
}

/* mdoc: a new line for every sentence and before lines grow long; nothing is taken for a request or an escape. */
static void print_mdoc(FILE *f, const char *text)
{
	size_t column = 0;

	for (const char *p = text; *p; p++) {
		bool sentence_ends = p > text && p[-1] == '.';

		if (*p == ' ' && (sentence_ends || column + 1 + strcspn(p + 1, " ") >= MDOC_WIDTH)) {
			fputc('\n', f);
			column = 0;
			continue;
		}
		if (column == 0 && (*p == '.' || *p == '\''))
			fputs("\\&", f);
		column += (size_t)fprintf(f, *p == '\\' ? "\\e" : "%c", *p);
	}
	fputc('\n', f);
}

void config_print_manual(FILE *f)
{
	const char *group = "";

	for (size_t i = 0, g = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];
		_cleanup_free_ char *value = setting_default(s), *values = allowed(s);

		if (!str_eq(s->group, group)) {
			fputs(*group ? ".El\n" : "", f);
			group = s->group;
			fprintf(f, ".Ss %s\n", group);
			print_mdoc(f, setting_groups[g++].sentence);
			fputs(".Bl -tag -width Ds\n", f);
		}
		fprintf(f, ".It Cm %s\n", s->key);
		print_mdoc(f, s->sentence);
		if (*values)
			print_mdoc(f, values);
		if (s->when == SETTING_RESTART)
			print_mdoc(f, RESTART);
		if (s->kept == SETTING_STORE)
			print_mdoc(f, STORE);
		if (*value)
			fprintf(f, "Default:\n.Ql %s .\n", value);
		else
			fputs("Empty by default.\n", f);
	}
	fputs(".El\n", f);
}
