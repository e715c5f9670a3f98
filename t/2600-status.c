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
	assert_int_equal(cert_status_urgency(STATUS_compromised), 0);
	assert_int_equal(cert_status_urgency(STATUS_expired), 1);
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
	assert_string_equal(text, cert_status_sentence(&cert, STATUS_failed));
	free(text);
}

static void test_words(void **state)
{
	static const struct rec_cert ours, imported = { .imported = true };

	assert_string_equal(cert_status_word(STATUS_pending), "pending");
	assert_string_equal(cert_status_word(STATUS_disabled), "disabled");
	for (int i = STATUS_pending; i <= STATUS_disabled; i++) {
		assert_true(str_ends(cert_status_sentence(&ours, i), ".") && str_ends(cert_status_sentence(&imported, i), "."));
		assert_true(str_ends(cert_status_next(&ours, i), ".") && str_ends(cert_status_next(&imported, i), "."));
		assert_null(strstr(cert_status_next(&imported, i), "\"issue\""));
		assert_null(strstr(cert_status_sentence(&imported, i), "automatically"));
	}
}

/* One that is not renewed here says what there is to do instead, from the beginning to the end. */
static void test_imported(void **state)
{
	struct rec_cert cert = { .current = 1, .not_before = NOW - 365 * DAY, .not_after = NOW + 10 * DAY, .imported = true };
	enum cert_status status = cert_status(&cert, NOW);
	char *text = cert_status_text(&cert, status);

	assert_int_equal(status, STATUS_expiring);
	assert_string_equal(text, "The certificate expires soon. It was imported, so Certera does not renew it. It is still valid until 2001-09-19T01:46:40Z.");
	assert_string_equal(cert_status_next(&cert, status), "Import the next version before this one expires.");
	free(text);
}

/* Which side must act, where it is known. */
static void test_acts(void **state)
{
	static const struct {
		const char *error;
		int64_t deploy_says, live_says;
		enum cert_status status;
		const char *who;
	} rows[] = {
		{ "{\"code\":\"connection\"}", 0, 0, STATUS_failed, "you, at the web servers" },
		{ "{\"code\":\"preflight\"}", 0, 0, STATUS_failed, "you, at the web servers" },
		{ "{\"code\":\"rateLimited\"}", 0, 0, STATUS_failed, "the CA" },
		{ "{\"code\":\"externalAccountRequired\"}", 0, 0, STATUS_failed, "an administrator, at the CA account" },
		{ "{\"code\":\"hooksUnconfirmed\"}", 0, 0, STATUS_failed, "an administrator, in the scripts" },
		{ "{\"code\":\"invalidProfile\"}", 0, 0, STATUS_failed, "you, in the settings" },
		{ "{\"code\":\"odd\"}", 0, 0, STATUS_failed, NULL },
		{ NULL, 0, 0, STATUS_failed, NULL },
		{ NULL, DELIVERY_FAILED, DELIVERY_FAILED, STATUS_undelivered, "an administrator, at the deploy hook" },
		{ NULL, 0, DELIVERY_FAILED, STATUS_undelivered, "you, at the servers that should present" },
		{ NULL, 0, 0, STATUS_undelivered, "you, at the servers that should download" },
		{ "{\"code\":\"connection\"}", 0, 0, STATUS_active, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rec_cert cert = { .error = (char *)rows[i].error, .deploy_says = rows[i].deploy_says,
					 .live_says = rows[i].live_says };
		const char *who = cert_status_acts(&cert, rows[i].status);

		if (!who != !rows[i].who || (who && !str_starts(who, rows[i].who)))
			fail_msg("row %zu: %s", i, who ? who : "nobody");
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
		cmocka_unit_test(test_imported),
		cmocka_unit_test(test_acts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
