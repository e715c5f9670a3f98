/* Everything but orders that is asked of a CA: renewal information, changes of accounts, revocation; and Link headers. */
#include "t/lib/fake_ca.h"

#include "acme/link.h"
#include "base/clock.h"
#include "pki/revocation/reason.h"

#define RESOURCES \
	"\"renewalInfo\":\"https://ca.example/renewal\",\"keyChange\":\"https://ca.example/key\"," \
	"\"revokeCert\":\"https://ca.example/revoke\","

static struct {
	int done;
	int64_t start, end, check_in;
	char *explanation;
	json_t *answer;
	struct err err;
} got;

static void forget(void)
{
	free(got.explanation);
	json_decref(got.answer);
	memset(&got, 0, sizeof(got));
}

/* Renewal information. */

static void informed(void *arg, const struct acme_window *w, const struct err *err)
{
	assert_true(!w != !err);
	forget();
	got.done = 1;
	if (err)
		got.err = *err;
	if (!w)
		return;
	got.start = w->start;
	got.end = w->end;
	got.check_in = w->check_at - clock_now();
	got.explanation = w->explanation ? xstrdup(w->explanation) : NULL;
}

static void inform(void)
{
	forget();
	acme_renewal_info_start(our.acme, "aki.serial", informed, NULL);
	assert_int_equal(got.done, 0);
	loop_run(world_loop);
	assert_int_equal(got.done, 1);
}

static void names_of_certificates(void **state)
{
	_cleanup_free_ char *vector = acme_cert_id("69885b6b87464041e1b37b847ba0ae2cde01c8d4", "0087654321");

	assert_string_equal(vector, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"); /* RFC 9773 section 4.1 */
	assert_null(acme_cert_id(NULL, "00"));
	assert_null(acme_cert_id("69", "xy"));
}

#define WINDOW "{\"suggestedWindow\":{\"start\":\"2026-01-02T04:00:00Z\",\"end\":\"2026-01-03T04:00:00Z\"}"

static void windows(void **state)
{
	ca.resources = RESOURCES;
	ca.page = WINDOW ",\"explanationURL\":\"https://ca.example/why?x=1\"}";
	ca.page_header = "Retry-After: 21600";
	inform();
	assert_false(err_is_set(&got.err));
	assert_int_equal(got.start, 1767326400);
	assert_int_equal(got.end, 1767326400 + 86400);
	assert_int_equal(got.check_in, 21600);
	assert_string_equal(got.explanation, "https://ca.example/why?x=1");
	assert_int_equal(ca_count("GET /renewal/aki.serial"), 1);
	assert_int_equal(ca_count("POST"), 0); /* nobody signs for it */
}

static void when_to_ask_again(void **state)
{
	static const struct {
		const char *header;
		int64_t in;
	} rows[] = {
		{ NULL, 6 * 3600 },
		{ "Retry-After: 1", 60 },
		{ "Retry-After: -5", 6 * 3600 },
		{ "Retry-After: 999999999999999999999", 24 * 3600 },
		{ "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", 60 },
		{ "Retry-After: soon", 6 * 3600 },
	};

	ca.resources = RESOURCES;
	ca.page = WINDOW ",\"explanationURL\":\"javascript:alert(1)\"}";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ca.page_header = rows[i].header;
		inform();
		assert_int_equal(got.check_in, rows[i].in);
		assert_null(got.explanation); /* not a page a person should be sent to */
	}
}

static void no_windows(void **state)
{
	static const char *const pages[] = {
		"", "[]", "<html>", "{}", "{\"suggestedWindow\":[]}",
		"{\"suggestedWindow\":{\"start\":\"2026-01-02T04:00:00Z\",\"end\":\"2026-01-02T04:00:00Z\"}}",
		"{\"suggestedWindow\":{\"start\":\"2026-01-02T04:00:00Z\",\"end\":\"2025-01-02T04:00:00Z\"}}",
		"{\"suggestedWindow\":{\"start\":\"yesterday\",\"end\":\"2025-01-02T04:00:00Z\"}}",
	};

	inform();
	assert_int_equal(got.err.kind, ERR_MISSING); /* the directory has no renewalInfo */
	ca_reset();
	acme_free(our.acme);
	our.acme = acme_new(&our.env, CA_DIRECTORY, NULL);
	ca.resources = RESOURCES;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		ca.page = pages[i];
		inform();
		assert_int_equal(got.err.kind, ERR_PROTOCOL);
		assert_int_equal(got.err.retry_at, clock_now() + 6 * 3600);
	}
	ca_fault((struct fault){ .on = "GET /renewal", .status = 503, .header = "Retry-After: 120", .body = "" });
	inform();
	assert_int_equal(got.err.retry_at, clock_now() + 120);
	ca_fault((struct fault){ .on = "GET /renewal", .kind = ERR_NETWORK });
	inform();
	assert_int_equal(got.err.kind, ERR_NETWORK);
	assert_int_equal(got.err.retry_at, 0); /* the caller's backoff */
	ca_fault((struct fault){ .on = "GET /renewal", .status = 404, .body = "{\"type\":\"" URN_ "malformed\"}" });
	inform();
	assert_string_equal(got.err.code, "malformed");
	assert_int_equal(got.err.retry_at, clock_now() + 6 * 3600);
}

/* Requests. */

static void answered(void *arg, const json_t *answer, const struct err *err)
{
	forget();
	got.done = 1;
	if (err)
		got.err = *err;
	got.answer = answer ? json_deep_copy(answer) : NULL;
}

static void wait_for_answer(struct acme_request *r)
{
	got.done = 0;
	loop_run(world_loop);
	assert_int_equal(got.done, 1);
}

static void changes(void **state)
{
	char *contact[] = { "mailto:b@example.org", NULL };
	struct acme_account account = our_account();

	ca.page = "{\"status\":\"valid\"}";
	wait_for_answer(acme_contact_start(our.acme, &account, contact, answered, NULL));
	assert_false(err_is_set(&got.err));
	assert_string_equal(json_str(got.answer, "status"), "valid");
	assert_string_equal(json_string_value(json_array_get(json_object_get(ca.posted, "contact"), 0)), contact[0]);
	wait_for_answer(acme_contact_start(our.acme, &account, NULL, answered, NULL));
	assert_true(json_is_array(json_object_get(ca.posted, "contact"))); /* an empty list removes them */
	wait_for_answer(acme_agree_start(our.acme, &account, answered, NULL));
	assert_true(json_bool(ca.posted, "termsOfServiceAgreed", false));
	wait_for_answer(acme_deactivate_start(our.acme, &account, answered, NULL));
	assert_string_equal(json_str(ca.posted, "status"), "deactivated");
	assert_int_equal(ca_count("POST /account/1"), 4);
	ca_fault((struct fault){ .on = "POST /account/1", .status = 400, .body = "{\"type\":\"" URN_ "invalidContact\"}" });
	wait_for_answer(acme_contact_start(our.acme, &account, contact, answered, NULL));
	assert_string_equal(got.err.code, "invalidContact");
	assert_true(str_starts(got.err.message, "changing the contacts of the account: "));
}

static json_t *part(const json_t *jws, const char *name)
{
	const char *text = json_str(jws, name);

	return ca_part(text, strlen(text));
}

static void rollover(void **state)
{
	struct acme_account account = our_account(), fresh = our_account();
	_cleanup_json_ json_t *head = NULL, *payload = NULL;

	fresh.alg = "ES384";
	fresh.key = "cert-key";
	fresh.jwk = "{\"crv\":\"P-384\",\"kty\":\"EC\",\"x\":\"eHh4\",\"y\":\"eXl5\"}";
	wait_for_answer(acme_rollover_start(our.acme, &account, &fresh, answered, NULL));
	assert_int_equal(got.err.kind, ERR_MISSING); /* the directory has no keyChange */

	acme_free(our.acme);
	our.acme = acme_new(&our.env, CA_DIRECTORY, NULL);
	ca.resources = RESOURCES;
	wait_for_answer(acme_rollover_start(our.acme, &account, &fresh, answered, NULL));
	assert_false(err_is_set(&got.err)); /* the empty answer is one */
	assert_string_equal(ca.signer, "kid");
	ca_check_signature(ca.posted, head = part(ca.posted, "protected"));
	payload = part(ca.posted, "payload");
	assert_string_equal(json_str(head, "url"), "https://ca.example/key");
	assert_null(json_object_get(head, "nonce"));
	assert_string_equal(json_str(json_object_get(head, "jwk"), "crv"), "P-384");
	assert_string_equal(json_str(payload, "account"), CA_KID);
	assert_string_equal(json_str(json_object_get(payload, "oldKey"), "x"), "eHg");
}

static void orders(void **state)
{
	struct acme_account account = our_account();

	ca.page = "{\"status\":\"valid\",\"orders\":\"https://ca.example/list\"}";
	wait_for_answer(acme_orders_start(our.acme, &account, answered, NULL));
	assert_int_equal(json_array_size(json_object_get(got.answer, "orders")), 2);
	assert_int_equal(ca_count("POST /list"), 2);
	ca.page = "{\"status\":\"valid\"}";
	wait_for_answer(acme_orders_start(our.acme, &account, answered, NULL));
	assert_int_equal(got.err.kind, ERR_MISSING);
}

static void revocation(void **state)
{
	struct acme_account account = our_account();

	ca.resources = RESOURCES;
	wait_for_answer(acme_revoke_start(our.acme, &account, slice_str("DER"), "superseded", answered, NULL));
	assert_false(err_is_set(&got.err));
	assert_string_equal(ca.signer, "kid");
	assert_string_equal(json_str(ca.posted, "certificate"), "REVS");
	assert_int_equal(json_int(ca.posted, "reason", -1), 4);

	account.key = "cert-key";
	account.alg = "ES384";
	account.kid = NULL;
	wait_for_answer(acme_revoke_start(our.acme, &account, slice_str("DER"), "keyCompromise", answered, NULL));
	assert_false(err_is_set(&got.err));
	assert_string_equal(ca.signer, "jwk");
	assert_int_equal(json_int(ca.posted, "reason", -1), 1);

	ca_fault((struct fault){ .on = "POST /revoke", .status = 400, .body = "{\"type\":\"" URN_ "alreadyRevoked\"}" });
	wait_for_answer(acme_revoke_start(our.acme, &account, slice_str("DER"), "unspecified", answered, NULL));
	assert_string_equal(got.err.code, "alreadyRevoked");
	assert_int_equal(revocation_number("bored"), -1);
	assert_non_null(strstr(revocation_words(), "cessationOfOperation"));
}

/* Cancelled at every moment, signatures in flight included. */
static void cancelled(void **state)
{
	struct acme_account account = our_account();

	our.sign_ms = 5;
	ca.resources = RESOURCES;
	ca.page = WINDOW "}";
	for (int ms = 0; ms < 80; ms++) {
		struct timer stop = { 0 };
		struct acme_request *r = acme_rollover_start(our.acme, &account, &account, answered, NULL);
		struct acme_renewal_info *i;

		got.done = 0;
		timer_start(&stop, world_loop, ms, (void (*)(void *))loop_stop, world_loop);
		loop_run(world_loop);
		if (!got.done)
			acme_request_cancel(r);
		i = acme_renewal_info_start(our.acme, "aki.serial", informed, NULL);
		got.done = 0;
		timer_start(&stop, world_loop, ms, (void (*)(void *))loop_stop, world_loop);
		loop_run(world_loop);
		if (!got.done)
			acme_renewal_info_cancel(i);
		loop_run(world_loop);
	}
	assert_int_equal(got.done, 1); /* the last one had time */
	acme_request_cancel(NULL);
	acme_renewal_info_cancel(NULL);
}

static void finding(void **state)
{
	static const struct {
		const char *header;
		size_t nth;
		const char *url;
	} rows[] = {
		{ "<https://a.example/1>;rel=\"alternate\"", 0, "https://a.example/1" },
		{ "<https://a.example/1>;rel=alternate", 0, "https://a.example/1" },
		{ "<https://a.example/1>;rel=alternate", 1, NULL },
		{ "<https://a.example/1> ; rel = alternate", 0, "https://a.example/1" },
		{ "<https://a.example/1>;rel=\"up alternate\"", 0, "https://a.example/1" },
		{ "<https://a.example/1>;rel=\"alternates\"", 0, NULL },
		{ "<https://a.example/1>;rel=up;rel=alternate", 0, NULL },
		{ "<https://a.example/1>;title=\"a,b;rel=alternate\"", 0, NULL },
		{ "<https://a.example/1,2>;rel=up,<https://a.example/3>;REL=Alternate", 0, "https://a.example/3" },
		{ "</4>;rel=alternate", 0, "https://base.example/4" },
		{ "<//evil.example/4>;rel=alternate", 0, NULL },
		{ "<http://a.example/5>;rel=alternate", 0, NULL },
		{ "<https://a.example/6", 0, NULL },
		{ "", 0, NULL },
		{ ",,;;\"", 0, NULL },
		{ "<https://a.example/1>;rel=alternate, <https://a.example/2>;rel=alternate", 1, "https://a.example/2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t nth = rows[i].nth;
		_cleanup_free_ char *url = link_in(rows[i].header, "https://base.example/x/y", "alternate", &nth);

		if (!str_eq(url, rows[i].url))
			fail_msg("%s: %s", rows[i].header, url ? url : "nothing");
	}
}

static int end(void **state)
{
	forget();
	return world_end(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_of_certificates), TEST(windows), TEST(when_to_ask_again), TEST(no_windows), TEST(changes),
		TEST(rollover), TEST(orders), TEST(revocation), TEST(cancelled), TEST(finding),
	};

	log_setup(LOG_LEVEL_WARN, false);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
