/* BER into DER: what comes out is not long, stays as it is the second time, and reads as an element. */
#include "pki/file/ber.h"
#include "pki/der.h"
#include "t/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf room = BUF_INIT, again_room = BUF_INIT;
	struct slice in = slice(data, size), out = ber_normal(in, &room), again = ber_normal(out, &again_room);
	struct slice rest = out;

	if (!slice_eq(out, again))
		die("what is normal changes");
	if (out.data != in.data && (!der_take(&rest, DER_ANY, NULL, NULL) || out.len > 2 * in.len + 8))
		die("%zu bytes became %zu", in.len, out.len);
	return 0;
}
