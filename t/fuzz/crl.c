/* CRLs. */
#include "pki/revocation/ocsp.h"
#include "t/fuzz/fuzz.h"

static struct chain chain;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	chain = fuzz_chain();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct revocation r;

	crl_read(slice(data, size), &chain.cert[0], &chain.cert[1], "http://crl.example/1.crl", FUZZ_TIME, &r, NULL);
	return 0;
}
