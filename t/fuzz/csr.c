/* Certificate requests that a person sends. */
#include "pki/csr.h"
#include "pki/identifier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_csr_ struct csr csr = { 0 };
	struct err e = { 0 };

	if (csr_parse(&csr, slice(data, size), &e) == 0) {
		_cleanup_strv_ char **names = csr.names ? identifier_list_of(csr.names, &e) : NULL;
		enum key_type type;

		spki_type(slice_buf(&csr.spki), &type, &e);
		if (strv_len(names) > IDENTIFIERS_MAX)
			die("%zu names", strv_len(names));
	}
	return 0;
}
