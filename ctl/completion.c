/* certeractl completion SHELL: what a shell needs to complete command lines, out of the tables. */
#include "ctl/ctl.h"

/* What follows these words: the next word of each command that begins so, once. */
static void add_next(struct buf *out, const char *before)
{
	size_t len = strlen(before);
	_cleanup_strv_ char **seen = NULL;

	for (size_t i = 0; i < commands_count; i++) {
		const char *words = commands[i].words;
		const char *rest = !len                                                ? words
				   : !strncmp(words, before, len) && words[len] == ' ' ? words + len + 1
										       : NULL;
		_cleanup_free_ char *word = rest ? xstrndup(rest, strcspn(rest, " ")) : NULL;

		if (!word || strv_has(seen, word))
			continue;
		buf_addf(out, "%s%s", seen ? " " : "", word);
		strv_add(&seen, word);
	}
}

static void add_options(struct buf *out, const struct command *c)
{
	for (size_t i = 0; i < c->options_count; i++)
		buf_addf(out, "--%s ", c->options[i].name);
	buf_add_str(out, "--json --quiet --timeout --help");
}

static bool takes_file(const struct option_row *o)
{
	return str_eq(o->value, "FILE") || str_eq(o->value, "DIR");
}

static void bash_cases(struct buf *out)
{
	for (size_t i = 0; i < commands_count; i++) {
		buf_addf(out, "\t\t'%s') words='", commands[i].words);
		add_options(out, &commands[i]);
		buf_add_str(out, "' ;;\n");
	}
	for (size_t i = 0; i < commands_count; i++) {
		_cleanup_free_ char *first = xstrndup(commands[i].words, strcspn(commands[i].words, " "));

		if (!strchr(commands[i].words, ' ') || (i && str_starts(commands[i - 1].words, first)))
			continue;
		buf_addf(out, "\t\t'%s') words='", first);
		add_next(out, first);
		buf_add_str(out, "' ;;\n");
	}
}

/* The words before the cursor that are no options name the command: one or two of them. */
static void bash(struct buf *out)
{
	buf_add_str(out, "# bash completion for certeractl\n"
			 "_certeractl() {\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} plain=() words='' i\n"
			 "\tcase $prev in\n"
			 "\t--*file|--socket|--config|--out) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
			 "\tesac\n"
			 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			 "\t\t[[ ${COMP_WORDS[i]} == -* ]] || plain+=(\"${COMP_WORDS[i]}\")\n"
			 "\tdone\n"
			 "\tfor i in \"${plain[*]:0:2}\" \"${plain[0]:-}\"; do\n"
			 "\t\t[[ -z $words ]] || break\n"
			 "\t\tcase $i in\n"
			 "\t\t'') words='");
	add_next(out, "");
	buf_add_str(out, " help' ;;\n");
	bash_cases(out);
	buf_add_str(out, "\t\tesac\n"
			 "\tdone\n"
			 "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
			 "\t[[ $cur == -* || ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
			 "}\n"
			 "complete -o filenames -F _certeractl certeractl\n");
}

/* A sentence between single quotes. */
static void add_quoted(struct buf *out, const char *text, const char *also)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_str(out, "'\\''");
		else if (strchr(also, *text))
			buf_addf(out, "\\%c", *text);
		else
			buf_add_ch(out, *text);
	}
}

static void zsh_command(struct buf *out, const struct command *c)
{
	buf_addf(out, "\t'%s') _arguments -s ", c->words);
	for (size_t i = 0; i < c->options_count; i++) {
		const struct option_row *o = &c->options[i];

		buf_addf(out, "'%s--%s%s[", o->type == OPTION_LIST ? "*" : "", o->name, o->value ? "=" : "");
		add_quoted(out, o->text, "[]:");
		buf_addf(out, "]%s%s' ",
			 !o->value       ? ""
			 : takes_file(o) ? ":file:"
					 : ":value:",
			 takes_file(o) ? "_files" : "");
	}
	buf_add_str(
		out,
		"'--json[print the answer as JSON]' '--quiet[print nothing if it succeeds]' '*:argument:_files' ;;\n");
}

static void zsh(struct buf *out)
{
	buf_add_str(out, "#compdef certeractl\n"
			 "local -a plain\n"
			 "plain=(${${words[2,CURRENT-1]}:#-*})\n"
			 "local two=\"${plain[1,2]}\" one=\"${plain[1]}\"\n"
			 "case $two in\n");
	for (size_t i = 0; i < commands_count; i++)
		zsh_command(out, &commands[i]);
	buf_add_str(out, "*) case $one in\n");
	for (size_t i = 0; i < commands_count; i++) {
		_cleanup_free_ char *first = xstrndup(commands[i].words, strcspn(commands[i].words, " "));

		if (i && str_starts(commands[i - 1].words, first))
			continue;
		buf_addf(out, "\t'%s') ", first);
		if (strchr(commands[i].words, ' ')) {
			buf_add_str(out, "compadd ");
			add_next(out, first);
		} else {
			buf_add_str(out, "compadd -- ");
			add_options(out, &commands[i]);
		}
		buf_add_str(out, " ;;\n");
	}
	buf_add_str(out, "\t*) compadd ");
	add_next(out, "");
	buf_add_str(out, " help ;;\n\tesac ;;\nesac\n");
}

static void fish_command(struct buf *out, const struct command *c)
{
	_cleanup_free_ char *first = xstrndup(c->words, strcspn(c->words, " "));
	const char *second = strchr(c->words, ' ');

	if (second) {
		buf_addf(out, "complete -c certeractl -f -n '__certeractl_is %s' -a '%s' -d '", first, second + 1);
		add_quoted(out, c->text, "");
		buf_add_str(out, "'\n");
	}
	for (size_t i = 0; i < c->options_count; i++) {
		buf_addf(out, "complete -c certeractl -n '__certeractl_begins %s' -l %s %s -d '", c->words,
			 c->options[i].name,
			 !c->options[i].value         ? ""
			 : takes_file(&c->options[i]) ? "-r -F"
						      : "-x");
		add_quoted(out, c->options[i].text, "");
		buf_add_str(out, "'\n");
	}
}

static void fish(struct buf *out)
{
	buf_add_str(out, "# fish completion for certeractl\n"
			 "function __certeractl_words\n"
			 "\tstring match -v -- '-*' (commandline -opc)[2..-1]\n"
			 "end\n"
			 "function __certeractl_is\n"
			 "\tset -l words (__certeractl_words)\n"
			 "\ttest \"$words\" = \"$argv\"\n"
			 "end\n"
			 "function __certeractl_begins\n"
			 "\tset -l words (__certeractl_words)\n"
			 "\tset -l count (count $argv)\n"
			 "\ttest \"$words[1..$count]\" = \"$argv\"\n"
			 "end\n"
			 "complete -c certeractl -l json -d 'print the answer as JSON'\n"
			 "complete -c certeractl -l quiet -d 'print nothing if it succeeds'\n"
			 "complete -c certeractl -l timeout -x -d 'stop waiting after this many seconds'\n"
			 "complete -c certeractl -l help -d 'show the options, with an example'\n"
			 "complete -c certeractl -f -n __certeractl_is -a '");
	add_next(out, "");
	buf_add_str(out, " help'\n");
	for (size_t i = 0; i < commands_count; i++)
		fish_command(out, &commands[i]);
}

int run_completion(struct ctl *ctl, json_t *none)
{
	static const struct {
		const char *shell;
		void (*write)(struct buf *);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		if (str_eq(ctl->args[0], shells[i].shell))
			shells[i].write(&out);
	if (!out.len) {
		err_set(&e, ERR_USAGE, "there is no completion for \"%.40s\"; there is one for bash, zsh and fish",
			ctl->args[0]);
		return ctl_fail(ctl, &e);
	}
	fwrite(out.data, 1, out.len, stdout);
	return 0;
}
