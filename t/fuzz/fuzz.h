/* For the fuzz targets: each file gives LLVMFuzzerTestOneInput; they run from the top of the tree. */
#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include "pki/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FUZZ_TIME 1795225000	/* when the corpus was made: answers in it are fresh */

/* The certificate and its issuer that the OCSP answers and CRLs of the corpus are about. */
static UNUSED struct chain fuzz_chain(void)
{
	char text[16384];
	_cleanup_fclose_ FILE *f = fopen("t/fuzz/corpus/chain.pem", "re");
	size_t len = f ? fread(text, 1, sizeof(text), f) : 0;
	struct chain chain;

	if (chain_parse(&chain, slice(text, len), NULL) < 0 || chain.count < 2)
		die("t/fuzz/corpus/chain.pem must hold a certificate and its issuer");
	return chain;
}

#endif
