#include "webui/page/number.h"

#include <stdio.h>

#include "base/buf.h"

char *number_text(int64_t n)
{
	struct buf out = BUF_INIT;
	char digits[24];

	snprintf(digits, sizeof(digits), "%lld", (long long)n);
	for (const char *d = digits; *d; d++) {
		size_t left = strlen(d);

		if (d > digits && d[-1] != '-' && left % 3 == 0)
			buf_add(&out, ",", 1);
		buf_add(&out, d, 1);
	}
	return buf_detach(&out);
}

void number_put(json_t *o, const char *member, int64_t n)
{
	_cleanup_free_ char *shown = xasprintf("%s_shown", member), *text = number_text(n);

	json_put_int(o, member, n);
	json_put_str(o, shown, text);
}
