/* Registering accounts at a scripted CA. */
#include "t/lib/fake_ca.h"

static struct {
	int done;
	char *kid, *terms;
	bool existing;
	struct err err;
	struct acme_register *handle;
} got;

static void registered(void *arg, const struct acme_registered *r, const struct err *err)
{
	assert_true(!r != !err);
	got.done++;
	if (err)
		got.err = *err;
	if (r) {
		got.kid = xstrdup(r->kid);
		got.terms = r->terms ? xstrdup(r->terms) : NULL;
		got.existing = r->existing;
	}
	acme_register_cancel(got.handle); /* harmless from here */
}

static void forget(void)
{
	free(got.kid);
	free(got.terms);
	memset(&got, 0, sizeof(got));
}

static void register_now(struct acme_registration q)
{
	q.account = our_account();
	forget();
	got.handle = acme_register_start(our.acme, &q, registered, NULL);
	assert_int_equal(got.done, 0);
	loop_run(world_loop);
	assert_int_equal(got.done, 1);
}

static void new_account(void **state)
{
	char *contact[] = { "mailto:a@example.org", NULL };

	ca.meta = "{\"termsOfService\":\"https://ca.example/terms\"}";
	register_now((struct acme_registration){ .contact = contact, .terms_agreed = true });
	assert_string_equal(got.kid, CA_KID);
	assert_string_equal(got.terms, "https://ca.example/terms");
	assert_false(got.existing);
	assert_true(json_bool(ca.account, "termsOfServiceAgreed", false));
	assert_string_equal(json_string_value(json_array_get(json_object_get(ca.account, "contact"), 0)), contact[0]);
	assert_string_equal(buf_str(&ca.log), "GET /directory\nHEAD /nonce\nPOST /account\n");
}

/* What a CA offers is shown on pages and terminals. */
static void a_directory_that_paints(void **state)
{
	_cleanup_free_ char *meta = xasprintf("{\"termsOfService\":\"https://ca.example/\\u001b[31m\",\"profiles\":{\"a\\u009bb\":\"c\\u202ed\","
					      "\"typed\":7,\"%0300d\":\"%02000d\"}}", 1, 2);
	const char *name;
	json_t *said;

	ca.meta = meta;
	register_now((struct acme_registration){ .terms_agreed = true });
	assert_string_equal(acme_terms(our.acme), "https://ca.example/ [31m");
	assert_int_equal(json_object_size(acme_profiles(our.acme)), 3);
	assert_string_equal(json_str(acme_profiles(our.acme), "a b"), "cd");
	assert_string_equal(json_str(acme_profiles(our.acme), "typed"), "");
	json_object_foreach ((json_t *)acme_profiles(our.acme), name, said)
		assert_true(strlen(name) <= 200 && json_string_length(said) <= 2000);
}

static void existing_account(void **state)
{
	ca.account_http = 200;
	register_now((struct acme_registration){ .terms_agreed = false });
	assert_string_equal(got.kid, CA_KID);
	assert_null(got.terms);
	assert_true(got.existing);
	assert_null(json_object_get(ca.account, "termsOfServiceAgreed"));
}

static void terms_first(void **state)
{
	ca.meta = "{\"termsOfService\":\"https://ca.example/terms\"}";
	register_now((struct acme_registration){ .terms_agreed = false });
	assert_int_equal(got.err.kind, ERR_INVALID);
	assert_string_equal(got.err.detail, "https://ca.example/terms");
	assert_non_null(strstr(got.err.hint, "https://ca.example/terms"));
	assert_int_equal(problem_policy(got.err.code), PROBLEM_PERSON);
	assert_int_equal(ca_count("POST"), 0);
}

static void binding(void **state)
{
	const json_t *eab;

	ca.meta = "{\"externalAccountRequired\":true}";
	register_now((struct acme_registration){ .terms_agreed = true });
	assert_string_equal(got.err.code, "externalAccountRequired");
	assert_true(*got.err.hint);
	assert_int_equal(ca_count("POST"), 0);

	register_now((struct acme_registration){ .eab_kid = "kid-1", .eab_key = "mac-key" });
	assert_string_equal(got.kid, CA_KID);
	eab = json_object_get(ca.account, "externalAccountBinding");
	{
		_cleanup_free_ char *input = xasprintf("%s.%s", json_str(eab, "protected"), json_str(eab, "payload"));
		_cleanup_free_ char *mac = NULL;
		_cleanup_buf_ struct buf head = BUF_INIT, payload = BUF_INIT;
		unsigned char bytes[SHA256_SIZE];

		hmac_sha256(slice_str("mac-key"), slice_str(input), bytes);
		mac = base64url_str(bytes, sizeof(bytes));
		assert_string_equal(json_str(eab, "signature"), mac);
		assert_int_equal(
			base64url_decode(&head, json_str(eab, "protected"), strlen(json_str(eab, "protected"))), 0);
		assert_string_equal(head.data,
				    "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"https://ca.example/account\"}");
		assert_int_equal(base64url_decode(&payload, json_str(eab, "payload"), strlen(json_str(eab, "payload"))),
				 0);
		assert_string_equal(payload.data, CA_JWK);
	}
}

/* CAs refuse a wrong key identifier or MAC key in many words; none of them is about web servers. */
static void wrong_bindings(void **state)
{
	static const char *const types[] = { "unauthorized", "malformed", "externalAccountRequired" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		_cleanup_free_ char *body = xasprintf("{\"type\":\"" URN_ "%s\"}", types[i]);

		ca_fault((struct fault){ .on = "POST /account", .status = 403, .body = body });
		register_now((struct acme_registration){ .eab_kid = "kid-1", .eab_key = "mac-key" });
		assert_string_equal(got.err.code, types[i]);
		assert_non_null(strstr(got.err.hint, "key identifier (kid) and the MAC key"));
	}
}

static void bad_directories(void **state)
{
	ca_fault((struct fault){ .on = "GET /directory",
				 .status = 200,
				 .body = "{\"newNonce\":\"https://ca.example/n\",\"newOrder\":7}" });
	register_now((struct acme_registration){ 0 });
	assert_int_equal(got.err.kind, ERR_PROTOCOL);
	assert_string_equal(got.err.message, "registering the account: https://ca.example/directory: "
					     "the directory has no https URL for newAccount, newOrder");
	ca_fault((struct fault){ .on = "GET /directory", .status = 200, .body = "<html>Welcome</html>" });
	register_now((struct acme_registration){ 0 });
	assert_int_equal(got.err.kind, ERR_PROTOCOL);
	assert_non_null(
		strstr(got.err.message, "https://ca.example/directory: the directory cannot be read: JSON, line 1"));
	ca_fault((struct fault){ .on = "GET /directory", .status = 404, .body = "" });
	register_now((struct acme_registration){ 0 });
	assert_non_null(strstr(got.err.message, "status 404"));
	ca_fault((struct fault){ .on = "GET /directory", .kind = ERR_NETWORK });
	register_now((struct acme_registration){ 0 });
	assert_int_equal(got.err.kind, ERR_NETWORK);
	assert_true(world_ms < 1000); /* a person waits: said at once */
	/* none of them was kept */
	register_now((struct acme_registration){ 0 });
	assert_string_equal(got.kid, CA_KID);
}

static void refusals(void **state)
{
	ca_fault((struct fault){ .on = "POST /account",
				 .status = 400,
				 .body = "{\"type\":\"" URN_ "invalidContact\",\"detail\":\"no such domain\"}" });
	register_now((struct acme_registration){ 0 });
	assert_string_equal(got.err.message, "registering the account: https://ca.example/account: 400 invalidContact");
	assert_string_equal(got.err.detail, "no such domain");
	ca.account_status = "deactivated";
	register_now((struct acme_registration){ 0 });
	assert_non_null(strstr(got.err.message, "the account of this key is deactivated"));
	our.sign_fails = true;
	register_now((struct acme_registration){ 0 });
	assert_int_equal(got.err.kind, ERR_INTERNAL);
	assert_non_null(strstr(got.err.message, "the keeper is gone"));
}

static void silence(void **state)
{
	ca_fault((struct fault){ .on = "POST /account", .times = 9, .kind = ERR_TIMEOUT });
	register_now((struct acme_registration){ 0 });
	assert_int_equal(got.err.kind, ERR_TIMEOUT);
	assert_true(world_ms > 30000 && world_ms <= 60100);
}

/* Cancelled at every moment, signatures in flight included. */
static void cancelled(void **state)
{
	struct acme_registration q = { .account = our_account(), .eab_kid = "kid-1", .eab_key = "mac-key" };

	our.sign_ms = 5;
	for (int ms = 0; ms < 60; ms++) {
		struct timer stop = { 0 };

		forget();
		got.handle = acme_register_start(our.acme, &q, registered, NULL);
		timer_start(&stop, world_loop, ms, (void (*)(void *))loop_stop, world_loop);
		loop_run(world_loop);
		if (got.done)
			continue;
		acme_register_cancel(got.handle);
		loop_run(world_loop);
		assert_int_equal(got.done, 0);
	}
	assert_int_equal(got.done, 1); /* the last one had time */
	acme_register_cancel(NULL);
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
		TEST(new_account),     TEST(existing_account), TEST(terms_first), TEST(binding),
		TEST(a_directory_that_paints),
		TEST(wrong_bindings),
		TEST(bad_directories), TEST(refusals),         TEST(silence),     TEST(cancelled),
	};

	log_setup(LOG_LEVEL_WARN, false);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
