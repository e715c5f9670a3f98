/* The keys that signed last: found again by id and blob, exactly; the one that has waited longest goes. */
#include "keeper/at_hand.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MANY 100	/* more than there are places */

static struct slice number(char text[8], int n)
{
	snprintf(text, 8, "%d", n);
	return slice_str(text);
}

static void test_exactly(void **state)
{
	struct at_hand *h = at_hand_new();
	struct key *key = key_generate(KEY_P256, NULL);

	assert_null(at_hand_take(h, slice_str("id"), slice_str("blob")));
	at_hand_put(h, slice_str("id"), slice_str("blob"), key);
	assert_null(at_hand_take(h, slice_str("id"), slice_str("blo")));
	assert_null(at_hand_take(h, slice_str("i"), slice_str("blob")));
	assert_null(at_hand_take(h, slice_str("blob"), slice_str("id")));
	assert_ptr_equal(at_hand_take(h, slice_str("id"), slice_str("blob")), key);
	assert_null(at_hand_take(h, slice_str("id"), slice_str("blob")));	/* it is with whoever took it */
	key_free(key);
	at_hand_free(h);
	at_hand_free(NULL);
}

static void test_few(void **state)
{
	struct at_hand *h = at_hand_new();
	char text[8];
	int left = 0;

	for (int i = 0; i < MANY; i++) {
		struct key *first = at_hand_take(h, number(text, 0), slice_str("blob"));

		at_hand_put(h, number(text, i), slice_str("blob"), key_generate(KEY_P256, NULL));
		if (first)	/* used all the time, it stays */
			at_hand_put(h, number(text, 0), slice_str("blob"), first);
	}
	for (int i = 0; i < MANY; i++) {
		struct key *key = at_hand_take(h, number(text, i), slice_str("blob"));

		if (i == 0 || i == MANY - 1)
			assert_non_null(key);
		if (i == 1)
			assert_null(key);
		left += key != NULL;
		key_free(key);
	}
	assert_true(left > 1 && left < MANY);
	at_hand_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_exactly), cmocka_unit_test(test_few) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
