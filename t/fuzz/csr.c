/* Certificate requests. */
#include "pki/csr.h"
#include "t/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csr csr;

	if (csr_parse(&csr, slice(data, size), NULL) == 0)
		csr_release(&csr);
	return 0;
}
