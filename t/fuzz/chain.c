/* PEM chains: read, judged, written, and the same again. */
#include "base/encode.h"
#include "pki/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_chain_ struct chain chain = { 0 }, again = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	struct err e = { 0 };

	if (chain_parse(&chain, slice(data, size), &e) < 0)
		return 0;
	chain_check(&chain, slice_buf(&chain.cert[0].spki), chain.cert[0].names, 1800000000, &e);
	chain_leads_to(&chain, "root");
	if (!chain_leads_to(&chain, chain.cert[0].fingerprint))
		die("a chain does not have its own leaf");
	chain_pem(&chain, 0, chain.count, &pem);
	if (chain_parse(&again, slice_buf(&pem), &e) < 0 || again.count != chain.count)
		die("what was written is not read again: %s", e.message);
	return 0;
}
