#include "base/days.h"

void days_add(struct days *d, int64_t day)
{
	int at = 0;

	while (at < d->count && d->day[at] > day)
		at++;
	if ((at < d->count && d->day[at] == day) || d->count == (int)ARRAY_SIZE(d->day))
		return;
	memmove(&d->day[at + 1], &d->day[at], (size_t)(d->count - at) * sizeof(*d->day));
	d->day[at] = day;
	d->count++;
}

int days_read(struct days *d, const char *text, struct err *e)
{
	_cleanup_strv_ char **words = strv_split(text ? text : "", ", ");

	*d = (struct days){ .count = 0 };
	for (char **word = words; word && *word; word++) {
		char *end;
		long day = strtol(*word, &end, 10);

		if (end == *word || *end || day < 1 || day > DAYS_LARGEST)
			return err_set(e, ERR_INVALID, "\"%.40s\" is not a number of days from 1 to %d", *word,
				       DAYS_LARGEST);
		if (d->count == DAYS_MOST)
			return err_set(e, ERR_INVALID, "more than %d numbers of days", DAYS_MOST);
		days_add(d, day);
	}
	return 0;
}

bool days_has_between(const struct days *d, int64_t from, int64_t below)
{
	for (int i = 0; i < d->count; i++)
		if (d->day[i] >= from && d->day[i] < below)
			return true;
	return false;
}
