/* Commands that take something away from people: they ask, or want --yes (ASKS in commands.def). */
#include "ctl/ctl.h"

#include <unistd.h>

/* {1} becomes the first argument, as it was typed.  Owned. */
static char *fill_in(const struct ctl *ctl, const char *sentence)
{
	struct buf out = BUF_INIT;

	for (const char *p = sentence; *p; p++) {
		if (*p == '{')
			buf_add_str(&out, ctl->args[p[1] - '1']);
		else
			buf_add_ch(&out, *p);
		p += *p == '{' ? 2 : 0;
	}
	return buf_detach(&out);
}

static json_t *find_facts(struct ctl *ctl, const struct asking *a, struct err *e)
{
	const char *staging = json_bool(ctl->local, "staging", false) ? "?staging=true" : "";
	_cleanup_free_ char *filled = ctl_path_of(ctl, *a->path ? a->path : ctl->command->path);
	_cleanup_free_ char *path = xasprintf("%s%s", filled, staging);
	_cleanup_json_ json_t *trial = NULL;

	if (*a->path)
		return ctl_request(ctl, "GET", path, NULL, e);
	trial = json_copy(ctl->body);
	json_put_bool(trial, "dry_run", true);
	return ctl_request(ctl, "POST", path, trial, e);
}

bool ctl_has_person(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool ctl_person_agrees(const char *question)
{
	char answer[16] = "";

	fprintf(stderr, "%s [y/N] ", question);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static bool agrees(const struct ctl *ctl, const struct asking *a, const struct facts *f)
{
	_cleanup_free_ char *question = fill_in(ctl, a->question);

	fprintf(stderr, "%.*s  %s.\n", (int)f->lines.len, f->lines.len ? f->lines.data : "", a->follows);
	return ctl_person_agrees(question);
}

static int ask(struct ctl *ctl, const struct asking *a, bool person, struct err *e)
{
	_cleanup_json_ json_t *answer = find_facts(ctl, a, e);
	_cleanup_(facts_release) struct facts f = { 0 };

	if (!answer)
		return -1;
	a->facts(ctl, answer, &f);
	if (f.needless || (!person && !f.use) || (person && agrees(ctl, a, &f)))
		return 0;
	err_set(e, ERR_USAGE, "nothing was done%s%s", person ? "" : ": ", person ? "" : f.use);
	return person ? -1 : err_hint(e, "%s. Add --yes to do it anyway.", a->follows);
}

int ctl_confirm(struct ctl *ctl, struct err *e)
{
	const struct asking *a = ctl->command->asks;
	bool person = ctl_has_person();

	if (!a || json_bool(ctl->local, "yes", false) || json_bool(ctl->body, "dry_run", false) ||
	    (!person && a->who == TERMINAL))
		return 0;
	return ask(ctl, a, person, e);
}
