/* Link headers: only https URLs come out. */
#include "acme/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	for (size_t i = 0; i < 3; i++) {
		size_t nth = i;
		_cleanup_free_ char *url = link_in(text, "https://ca.example/certificate", "alternate", &nth);

		if (url && !str_starts(url, "https://"))
			die("\"%s\" of \"%s\"", url, text);
	}
	return 0;
}
