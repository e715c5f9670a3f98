/* PFX files; built so that the MAC is not checked and few rounds are done. */
#include "pki/file/pfx.h"
#include "t/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pfx pfx;

	pfx_is(slice(data, size));
	if (pfx_read(&pfx, slice(data, size), "s3cr3t", NULL) == 0) {
		for (size_t i = 0; i < pfx.keys; i++)
			key_free(key_parse(slice_buf(&pfx.key[i]), NULL, NULL));
		pfx_release(&pfx);
	}
	return 0;
}
