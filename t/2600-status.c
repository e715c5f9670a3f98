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
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert cert = { .id = (char *)"c", .current = 2, .not_before = NOW, .not_after = NOW + 90 * DAY,
				 .renew_at = NOW + 60 * DAY };
	struct rec_version version = { .id = record_child_id("c", 2), .issued = NOW };
	struct rec_consumer consumer = { .id = (char *)"c/2", .version = 1 };

	OK(rec_version_put(t, &version, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW + 3 * DAY - 1), STATUS_active);
	assert_int_equal(cert_status_in(t, &cert, NOW + 3 * DAY), STATUS_undelivered);
	cert.site = true;	/* we serve it ourselves */
	assert_int_equal(cert_status_in(t, &cert, NOW + 3 * DAY), STATUS_active);
	cert.site = false;
	OK(rec_consumer_put(t, &consumer, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW + 3 * DAY), STATUS_undelivered);	/* an older version only */
	record_set(&version.deploy, "done");	/* the deploy hook has delivered it */
	OK(rec_version_put(t, &version, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW + 3 * DAY), STATUS_active);
	record_set(&version.deploy, "failed");
	OK(rec_version_put(t, &version, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW), STATUS_undelivered);
	record_set(&version.deploy, "open");
	OK(rec_version_put(t, &version, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW), STATUS_active);
	assert_int_equal(cert_status_in(t, &cert, NOW + 3 * DAY), STATUS_undelivered);
	consumer.version = 2;
	OK(rec_consumer_put(t, &consumer, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW + 3 * DAY), STATUS_active);
	cert.failures = 1;
	assert_int_equal(cert_status_in(t, &cert, NOW + 3 * DAY), STATUS_failed);
	rec_version_release(&version);
	txn_abort(t);
	store_close(s);
}

/* What servers show counts more than what was fetched. */
static void test_live(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert cert = { .id = (char *)"c", .current = 2, .not_before = NOW, .not_after = NOW + 90 * DAY,
				 .renew_at = NOW + 60 * DAY };
	struct rec_version version = { .id = record_child_id("c", 2), .issued = NOW };
	struct rec_consumer consumer = { .id = (char *)"c/1", .version = 2 };
	struct rec_live live = { .id = (char *)"c", .version = 2, .state = (char *)"live" };

	OK(rec_version_put(t, &version, &e));
	OK(rec_live_put(t, &live, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW + 9 * DAY), STATUS_active);	/* seen, never fetched */
	live.state = (char *)"not-live";
	OK(rec_live_put(t, &live, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW + 9 * DAY), STATUS_undelivered);	/* neither */
	OK(rec_consumer_put(t, &consumer, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW + DAY), STATUS_active);		/* fetched, and there is time */
	live.late = true;
	OK(rec_live_put(t, &live, &e));
	assert_int_equal(cert_status_in(t, &cert, NOW + DAY), STATUS_undelivered);	/* fetched, but not live */
	cert.no_live = true;
	assert_int_equal(cert_status_in(t, &cert, NOW + 9 * DAY), STATUS_active);	/* and nobody shall look */
	cert.no_live = false;
	cert.current = 3;
	assert_int_equal(cert_status_in(t, &cert, NOW + DAY), STATUS_active);		/* what was seen was another version */
	free(version.id);
	txn_abort(t);
	store_close(s);
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
		cmocka_unit_test_setup_teardown(test_delivery, make_test_dir, remove_test_dir),
		cmocka_unit_test_setup_teardown(test_live, make_test_dir, remove_test_dir),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
