/* BER into DER: what changes, what stays byte for byte, and what is left alone. */
#include "pki/file/ber.h"

#include "base/encode.h"
#include "pki/der.h"
#include "t/lib/pki.h"

/* "" as the result: it is left as it is. */
static void check(const char *hex, const char *expected)
{
	_cleanup_buf_ struct buf in = BUF_INIT, wanted = BUF_INIT, room = BUF_INIT;
	struct slice got;

	assert_int_equal(hex_decode(&in, hex), 0);
	assert_int_equal(hex_decode(&wanted, expected), 0);
	got = ber_normal(slice_buf(&in), &room);
	if (!*expected ? got.data != in.data || got.len != in.len : !slice_eq(got, slice_buf(&wanted))) {
		_cleanup_free_ char *text = hex_str(got.data, got.len);

		fail_msg("%s became %s instead of %s", hex, text, *expected ? expected : "itself");
	}
}

static void test_forms(void **state)
{
	static const char *const rows[][2] = {
		/* definite already, whatever is in it */
		{ "3000", "" }, { "300602010104010a", "" }, { "3003020101", "" },
		/* lengths that are longer than need be stay: it may be signed */
		{ "308103020101", "" }, { "3082000330810000", "" },
		/* no length */
		{ "30800000", "3000" }, { "30800201010000", "3003020101" },
		{ "3080a080308002010100000000020102" "0000", "300aa0053003020101020102" },
		/* inside of what has one, which grows shorter then; long lengths beside it stay */
		{ "3009308002010100000500", "30073003020101" "0500" }, { "300a30800201010000810100", "30083003020101810100" },
		/* octet strings in pieces, with and without lengths, in several layers */
		{ "24800401aa0402bbcc0000", "0403aabbcc" }, { "24070401aa0402bbcc", "0403aabbcc" },
		{ "24802480040111000004022233" "0000", "0403112233" }, { "24800000", "0400" },
		/* what an octet string holds is its own affair */
		{ "040430800000", "" },
		/* behind the first element */
		{ "308000003080", "30003080" }, { "3080000030800a", "300030800a" },
		/* not closed, too long, no length for what is primitive, pieces that are none, long tags */
		{ "3080", "" }, { "3080020101", "" }, { "308002010100", "" }, { "3080020201" "0000", "" }, { "04800000", "" },
		{ "24800201010000", "" }, { "bf80800000", "" }, { "30", "" }, { "3085", "" }, { "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(rows[i][0], rows[i][1]);
}

/* `depth` SEQUENCEs without a length around a NULL. */
static struct buf nested(int depth)
{
	struct buf b = BUF_INIT;

	for (int i = 0; i < depth; i++)
		buf_add(&b, "\x30\x80", 2);
	buf_add(&b, "\x05\x00", 2);
	for (int i = 0; i < depth; i++)
		buf_add(&b, "\0\0", 2);
	return b;
}

static void test_bounds(void **state)
{
	_cleanup_buf_ struct buf deep = nested(BER_DEPTH - 1), deeper = nested(BER_DEPTH), most = nested(100000),
				 room = BUF_INIT, more_room = BUF_INIT, long_room = BUF_INIT;
	_cleanup_buf_ struct buf big = BUF_INIT;
	struct slice got = ber_normal(slice_buf(&deep), &room);

	for (int i = 0; i < BER_DEPTH - 1; i++)
		assert_true(der_take(&got, DER_SEQUENCE, &got, NULL));
	assert_true(slice_eq(got, DER_BYTES("\x05\x00")));
	assert_ptr_equal(ber_normal(slice_buf(&deeper), &more_room).data, deeper.data);
	assert_ptr_equal(ber_normal(slice_buf(&most), &more_room).data, most.data);
	buf_add(&big, "\x30\x80\0\0", 4);
	memset(buf_reserve(&big, BER_MOST), 0, BER_MOST);
	big.len += BER_MOST;
	assert_ptr_equal(ber_normal(slice_buf(&big), &long_room).data, big.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_forms), cmocka_unit_test(test_bounds) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
