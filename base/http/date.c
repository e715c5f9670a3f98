#include "base/http/date.h"

#include <time.h>

#define DATE_FORMAT "%a, %d %b %Y %H:%M:%S GMT"

char *http_date(char out[HTTP_DATE_SIZE], int64_t t)
{
	time_t when = (time_t)t;
	struct tm tm;

	if (!strftime(out, HTTP_DATE_SIZE, DATE_FORMAT, gmtime_r(&when, &tm)))
		*out = '\0';
	return out;
}

int http_date_parse(const char *text, int64_t *t)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, DATE_FORMAT, &tm);

	if (!end || *end)
		return -1;
	*t = timegm(&tm);
	return 0;
}
