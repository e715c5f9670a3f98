/* The status of a certificate: one row a case. */
#include "t/lib/store.h"

#include "store/status.h"

#define NOW 1000000000
#define DAY 86400
#define VALID .current = 1, .not_before = NOW - 30 * DAY, .not_after = NOW + 60 * DAY
#define SHORT .current = 1, .not_before = NOW - 50, .not_after = NOW + 50

static const struct {
	const char *what, *word;
	struct rec_cert cert;
} cases[] = {
	{ "new", "pending", { .name = NULL } },
	{ "new and failed", "failed", { .failures = 1 } },
	{ "new and ordered", "issuing", { .open_order = 1 } },
	{ "new, failed, ordered again", "issuing", { .open_order = 2, .failures = 1 } },
	{ "switched off", "disabled", { .disabled = true, .open_order = 1, VALID } },
	{ "valid", "active", { VALID, .renew_at = NOW + DAY } },
	{ "valid, no renewal planned", "active", { VALID } },
	{ "valid, due now", "active", { VALID, .renew_at = NOW } },
	{ "valid, due for a day", "active", { VALID, .renew_at = NOW - DAY } },
	{ "valid, overdue", "expiring", { VALID, .renew_at = NOW - DAY - 1 } },
	{ "short, due for a tenth", "active", { SHORT, .renew_at = NOW - 10 } },
	{ "short, overdue", "expiring", { SHORT, .renew_at = NOW - 11 } },
	{ "valid, being renewed", "issuing", { VALID, .open_order = 2, .renew_at = NOW - 9 * DAY } },
	{ "valid, renewal failed", "failed", { VALID, .failures = 1 } },
	{ "valid, overdue and failed", "failed", { VALID, .failures = 3, .renew_at = NOW - 9 * DAY } },
	{ "last second", "expiring", { .current = 1, .not_before = 1, .not_after = NOW + 1 } },
	{ "last tenth, but planned", "active", { .current = 1, .not_before = 1, .not_after = NOW + DAY, .renew_at = NOW + 9 } },
	{ "waits for a person", "waiting", { VALID, .open_order = 2, .waiting = true } },
	{ "revoked", "revoked", { VALID, .revoked = NOW - 1 } },
	{ "revoked and over", "revoked", { .current = 1, .not_after = NOW - 1, .revoked = NOW - 2 } },
	{ "revoked, being replaced", "issuing", { VALID, .revoked = NOW - 1, .open_order = 2 } },
	{ "over", "expired", { .current = 1, .not_before = 1, .not_after = NOW } },
	{ "over and failed", "expired", { .current = 1, .not_after = NOW - 1, .failures = 5 } },
	{ "over and ordered", "issuing", { .current = 1, .not_after = NOW - 1, .open_order = 5 } },
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *word = cert_status_word(cert_status(&cases[i].cert, NOW));

		if (!str_eq(word, cases[i].word))
			fail_msg("%s: %s instead of %s", cases[i].what, word, cases[i].word);
	}
}

/* Three days after the issue of a version that nobody has fetched, or a third of a short life. */
static void test_delivery(void **state)
{
	struct rec_cert cert = { .current = 2, .not_before = NOW, .not_after = NOW + 90 * DAY, .renew_at = NOW + 60 * DAY,
				 .issued = NOW };

	assert_int_equal(cert_status(&cert, NOW + 3 * DAY - 1), STATUS_active);
	assert_int_equal(cert_status(&cert, NOW + 3 * DAY), STATUS_undelivered);
	cert.site = true;	/* we serve it ourselves */
	assert_int_equal(cert_status(&cert, NOW + 3 * DAY), STATUS_active);
	cert.site = false;
	cert.fetched = 1;
	assert_int_equal(cert_status(&cert, NOW + 3 * DAY), STATUS_undelivered);	/* an older version only */
	cert.fetched = 2;
	assert_int_equal(cert_status(&cert, NOW + 3 * DAY), STATUS_active);
	cert.fetched = 1;
	cert.deploy_says = DELIVERY_DONE;	/* the deploy hook has delivered it */
	assert_int_equal(cert_status(&cert, NOW + 3 * DAY), STATUS_active);
	cert.deploy_says = DELIVERY_FAILED;
	assert_int_equal(cert_status(&cert, NOW), STATUS_undelivered);
	cert.deploy_says = DELIVERY_UNKNOWN;
	assert_int_equal(cert_status(&cert, NOW), STATUS_active);
	assert_int_equal(cert_status(&cert, NOW + 3 * DAY), STATUS_undelivered);
	cert.failures = 1;
	assert_int_equal(cert_status(&cert, NOW + 3 * DAY), STATUS_failed);
}

static void test_urgency(void **state)
{
	bool taken[STATUSES] = { false };

	for (int status = 0; status < STATUSES; status++) {
		int urgency = cert_status_urgency((enum cert_status)status);

		assert_in_range(urgency, 0, STATUSES - 1);
		assert_false(taken[urgency]);
		taken[urgency] = true;
	}
	assert_int_equal(cert_status_urgency(STATUS_expired), 0);
}

/* What servers show counts more than what was fetched. */
static void test_live(void **state)
{
	struct rec_cert cert = { .current = 2, .not_before = NOW, .not_after = NOW + 90 * DAY, .renew_at = NOW + 60 * DAY, .issued = NOW,
				 .live_says = DELIVERY_DONE };

	assert_int_equal(cert_status(&cert, NOW + 9 * DAY), STATUS_active);		/* seen, never fetched */
	cert.live_says = DELIVERY_UNKNOWN;
	assert_int_equal(cert_status(&cert, NOW + 9 * DAY), STATUS_undelivered);	/* neither */
	cert.fetched = 2;
	assert_int_equal(cert_status(&cert, NOW + 9 * DAY), STATUS_active);		/* fetched */
	cert.live_says = DELIVERY_FAILED;
	assert_int_equal(cert_status(&cert, NOW + DAY), STATUS_undelivered);		/* fetched, but not live */
}

static void test_sentences(void **state)
{
	struct rec_cert cert = { .current = 1, .not_after = NOW };
	char *text = cert_status_text(&cert, STATUS_failed);

	assert_non_null(strstr(text, "still valid until 2001-09-09T01:46:40Z"));
	free(text);
	cert.current = 0;
	text = cert_status_text(&cert, STATUS_failed);
	assert_string_equal(text, cert_status_sentence(STATUS_failed));
	free(text);
}

static void test_words(void **state)
{
	assert_string_equal(cert_status_word(STATUS_pending), "pending");
	assert_string_equal(cert_status_word(STATUS_disabled), "disabled");
	for (int i = STATUS_pending; i <= STATUS_disabled; i++) {
		assert_true(str_ends(cert_status_sentence(i), "."));
		assert_true(str_ends(cert_status_next(i), "."));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_delivery),
		cmocka_unit_test(test_urgency),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
