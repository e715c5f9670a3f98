#include "store/record/steps.h"

#include "base/clock.h"
#include "base/words.h"

#define LINES_MAX 400
#define TIME_LEN (CLOCK_RFC3339_SIZE - 1)
#define OURS '\t'	/* between time and text, instead of a space; so what is not marked is not for everybody */

void steps_add(char ***log, enum steps_of of, char *const *lines)
{
	char now[CLOCK_RFC3339_SIZE];

	clock_rfc3339(now, clock_now());
	for (; lines && *lines && strv_len(*log) < LINES_MAX; lines++) {
		_cleanup_free_ char *said = words_line(*lines, WORDS_MANY),
				    *line = xasprintf("%s%c%s", now, of == STEPS_OURS ? OURS : ' ', said);

		strv_add(log, line);
	}
}

static bool is_ours(const char *line)
{
	return strlen(line) > TIME_LEN && line[TIME_LEN] == OURS;
}

/* How many lines from here on are for administrators only? */
static size_t count_hidden(char *const *log)
{
	size_t n = 0;

	while (log[n] && !is_ours(log[n]))
		n++;
	return n;
}

json_t *steps_json(char *const *log, bool all)
{
	json_t *list = json_array();

	while (log && *log) {
		size_t hidden = all ? 0 : count_hidden(log);
		size_t head = MIN(strlen(*log), TIME_LEN);
		const char *rest = *log + head;
		_cleanup_free_ char *line =
			hidden ? xasprintf("%.*s %zu %s for administrators only", (int)head, *log, hidden,
					   hidden == 1 ? "line" : "lines") :
				 xasprintf("%.*s %s", (int)head, *log, *rest ? rest + 1 : "");

		json_array_append_new(list, json_string(line));
		log += hidden ? hidden : 1;
	}
	return list;
}
