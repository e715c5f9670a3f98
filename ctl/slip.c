/* Slips of people: what they may have meant, and the daemon's messages in the words of a command line. */
#include "ctl/ctl.h"

#define WORD_MOST 40
#define BEGIN_LEAST 3	/* letters: so much of a word is meant */

/* Letters to change, add, leave out or swap until a is b. */
static int distance(const char *a, const char *b)
{
	int row[3][WORD_MOST + 1];
	int la = (int)strlen(a), lb = (int)strlen(b);

	if (la > WORD_MOST || lb > WORD_MOST)
		return WORD_MOST;
	for (int j = 0; j <= lb; j++)
		row[0][j] = j;
	for (int i = 1; i <= la; i++) {
		int *now = row[i % 3], *last = row[(i - 1) % 3];

		now[0] = i;
		for (int j = 1; j <= lb; j++) {
			now[j] = MIN(MIN(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = MIN(now[j], row[(i - 2) % 3][j - 2] + 1);
		}
	}
	return row[la % 3][lb];
}

/* A slip is a third of the word at most; or a word was given with less or more behind it, --url for --url-file. */
static bool is_slip(const char *typed, const char *candidate, int d)
{
	bool longer = strlen(typed) >= BEGIN_LEAST && str_starts(candidate, typed);
	bool shorter = strlen(candidate) >= BEGIN_LEAST && str_starts(typed, candidate);

	return d * 3 <= (int)strlen(candidate) + 1 || longer || shorter;
}

static void keep_nearer(const char **best, int *least, const char *typed, const char *candidate)
{
	int d = distance(typed, candidate);

	if (d < *least && is_slip(typed, candidate, d)) {
		*least = d;
		*best = candidate;
	}
}

const char *slip_command(const char *typed)
{
	const char *best = NULL;
	int least = WORD_MOST;

	for (size_t i = 0; i < commands_count; i++)
		keep_nearer(&best, &least, typed, commands[i].words);
	return best;
}

const char *slip_option(const struct command *c, const char *typed)
{
	const char *best = NULL;
	int least = WORD_MOST;

	for (size_t i = 0; i < c->options_count; i++)
		keep_nearer(&best, &least, typed, c->options[i].name);
	return best;
}

/* "the member "key_type" must be ..." of a request is an option here. */
void slip_own_words(const struct command *c, struct err *e)
{
	bool of_member = *e->field || strstr(e->message, "the member \"");

	for (size_t i = 0; c && of_member && i < c->options_count; i++) {
		const struct option_row *o = &c->options[i];
		_cleanup_free_ char *quoted = xasprintf("\"%s\"", o->member), *option = xasprintf("--%s", o->name);
		_cleanup_free_ char *member = xasprintf("the member %s", quoted);

		if (o->type == OPTION_LOCAL || o->type == OPTION_SWITCH)
			continue;
		err_reword(e, member, option);
		err_reword(e, quoted, option);
	}
}
