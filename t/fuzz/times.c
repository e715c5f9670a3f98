/* Retry-After stays within its bounds, and RFC 3339 is understood or refused. */
#include "base/clock.h"

#define NOW 1800000000
#define MOST 86400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	int64_t at = clock_retry_after(text, NOW, MOST), t;

	if (at && (at < NOW || at > NOW + MOST))
		die("\"%s\" is %lld", text, (long long)at);
	if (clock_parse_rfc3339(text, &t) == 0 && t >= 0 && t < 253402300800) {
		char again[CLOCK_RFC3339_SIZE];
		int64_t same;

		if (clock_parse_rfc3339(clock_rfc3339(again, t), &same) < 0 || same != t)
			die("\"%s\" became %s", text, again);
	}
	return 0;
}
