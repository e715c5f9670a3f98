/* Problem documents of CAs. */
#include "acme/problem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "acme/acme.h"

#define READ(status, text)                                                                                             \
	struct err e = { 0 };                                                                                          \
	_cleanup_json_ json_t *json = json_read(text, strlen(text), NULL);                                             \
	assert_int_equal(problem_read(json, status, &e, "https://ca/%s", "o"), -1)

static void policies(void **state)
{
	assert_int_equal(problem_policy("serverInternal"), PROBLEM_RETRY);
	assert_int_equal(problem_policy("rateLimited"), PROBLEM_WAIT);
	assert_int_equal(problem_policy("unauthorized"), PROBLEM_FRESH);
	assert_int_equal(problem_policy("caa"), PROBLEM_PERSON);
	assert_int_equal(problem_policy("orderGone"), PROBLEM_FRESH);
	assert_int_equal(problem_policy("noChallenge"), PROBLEM_PERSON);
	assert_int_equal(problem_policy("somethingNew"), PROBLEM_FRESH);
	assert_int_equal(problem_policy(""), PROBLEM_FRESH);
	assert_int_equal(problem_about("unauthorized"), ABOUT_RIGHTS);
	assert_int_equal(problem_about("somethingNew"), ABOUT_ORDER);
	assert_non_null(strstr(problem_hint("caa"), "CAA"));
	assert_null(problem_hint("somethingNew"));
}

static void an_ordinary_one(void **state)
{
	READ(403,
	     "{\"type\":\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"404 from 192.0.2.1\",\"status\":403}");
	assert_int_equal(e.kind, ERR_CA);
	assert_string_equal(e.message, "https://ca/o: 403 unauthorized");
	assert_string_equal(e.code, "unauthorized");
	assert_string_equal(e.detail, "404 from 192.0.2.1");
	assert_string_equal(e.hint, problem_hint("unauthorized"));
}

static void subproblems_name_names(void **state)
{
	READ(0, "{\"type\":\"urn:ietf:params:acme:error:compound\",\"detail\":\"Some went wrong\",\"subproblems\":["
		"{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"CAA "
		"forbids\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"}},"
		"{\"type\":\"urn:ietf:params:acme:error:dns\",\"identifier\":{\"type\":\"dns\",\"value\":\"b.example\"}"
		"},{}]}");
	assert_string_equal(e.message, "https://ca/o: compound");
	assert_string_equal(e.detail, "Some went wrong; a.example: CAA forbids; b.example: dns; no name given: ");
	assert_string_equal(e.parts, "a.example\tcaa\tCAA forbids\nb.example\tdns\t\n");
	{
		_cleanup_json_ json_t *ours = json_problem(&e);
		const json_t *list = json_object_get(ours, "subproblems");
		struct err again = { 0 };

		assert_int_equal(json_array_size(list), 2);
		assert_string_equal(json_str(json_array_get(list, 0), "name"), "a.example");
		assert_string_equal(json_str(json_array_get(list, 0), "code"), "caa");
		assert_string_equal(json_str(json_array_get(list, 1), "name"), "b.example");
		json_problem_read(ours, &again);
		assert_string_equal(again.parts, e.parts);
	}
}

/* More of them than there is room for: the first ones, whole. */
static void many_subproblems(void **state)
{
	struct err e = { 0 };

	for (int i = 0; i < 200; i++) {
		_cleanup_free_ char *name = xasprintf("n%d.example", i);

		err_part(&e, name, "dns", "tab\there\nand line");
	}
	assert_true(str_starts(e.parts, "n0.example\tdns\ttab here and line\n"));
	assert_true(str_ends(e.parts, "and line\n"));
	assert_true(strlen(e.parts) < sizeof(e.parts) && strlen(e.parts) > sizeof(e.parts) - 50);
}

/* Only a CA that has looked for an answer of ours lets us advise about web servers, or about DNS records. */
static void advice_is_about_the_proof(void **state)
{
	static const struct {
		const char *challenge, *hint;
	} rows[] = {
		{ "http-01", "redirect /.well-known/acme-challenge/" },
		{ "dns-01", "TXT record" },
		{ "dns-account-01", "TXT record" },
		{ "tls-alpn-01", "does not allow this account" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		READ(403, "{\"type\":\"urn:ietf:params:acme:error:unauthorized\"}");
		assert_null(strstr(e.hint, "well-known"));
		assert_int_equal(problem_of_proof(&e, rows[i].challenge), -1);
		assert_non_null(strstr(e.hint, rows[i].hint));
	}
}

/* A CA that does not change keys says so of a "rejectedIdentifier": there is no identifier in that request. */
static void advice_to_accounts_is_not_about_names(void **state)
{
	{
		READ(501, "{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\",\"detail\":\"not implemented\"}");
		assert_string_equal(e.code, "notOffered");
		assert_string_equal(e.message, "https://ca/o: 501 rejectedIdentifier");
		assert_int_equal(problem_policy(e.code), PROBLEM_PERSON);
		assert_non_null(strstr(e.hint, "does not offer"));
	}
	{
		READ(403, "{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\"}");
		assert_int_equal(problem_of_account(&e), -1);
		assert_string_equal(e.hint, "");
	}
}

/* What is registered at IANA, and ours; each tells a person what to do. */
static void every_type(void **state)
{
	static const char *const registered[] = {
		"accountDoesNotExist", "alreadyReplaced", "alreadyRevoked", "autoRenewalCanceled", "autoRenewalCancellationInvalid",
		"autoRenewalExpired", "autoRenewalRevocationNotSupported", "badCSR", "badNonce", "badPublicKey",
		"badRevocationReason", "badSignatureAlgorithm", "caa", "compound", "connection", "dns", "externalAccountRequired",
		"incorrectResponse", "invalidContact", "invalidProfile", "malformed", "onionCAARequired", "orderNotReady",
		"rateLimited", "rejectedIdentifier", "serverInternal", "tls", "unauthorized", "unknownDelegation",
		"unsupportedContact", "unsupportedIdentifier", "userActionRequired",
	};

	for (size_t i = 0; i < ARRAY_SIZE(registered); i++)
		if (!problem_hint(registered[i]) || !str_ends(problem_hint(registered[i]), ".") == !str_ends(problem_hint(registered[i]), "?"))
			fail_msg("%s has no hint that is a sentence", registered[i]);
}

static void a_person_must_go_somewhere(void **state)
{
	READ(403, "{\"type\":\"urn:ietf:params:acme:error:userActionRequired\",\"detail\":\"New "
		  "terms\",\"instance\":\"https://ca/t\"}");
	assert_string_equal(e.detail, "New terms; see https://ca/t");
	assert_int_equal(problem_policy(e.code), PROBLEM_PERSON);
}

static void odd_ones(void **state)
{
	{
		READ(400, "{\"type\":\"about:blank\",\"detail\":\"line\\none\\u001b[31m\"}");
		assert_string_equal(e.message, "https://ca/o: 400 refused without saying why");
		assert_string_equal(e.code, "");
		assert_string_equal(e.detail, "line one [31m");
		assert_string_equal(e.hint, "");
	}
	{
		READ(500, "{\"type\":7,\"detail\":[],\"subproblems\":\"x\"}");
		assert_false(problem_is(json));
		assert_string_equal(e.detail, "");
	}
	{
		READ(400, "{\"type\":\"https://example.org/odd\"}");
		assert_string_equal(e.code, "https://example.org/odd");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies),
		cmocka_unit_test(an_ordinary_one),
		cmocka_unit_test(subproblems_name_names),
		cmocka_unit_test(many_subproblems),
		cmocka_unit_test(advice_is_about_the_proof),
		cmocka_unit_test(advice_to_accounts_is_not_about_names),
		cmocka_unit_test(every_type),
		cmocka_unit_test(a_person_must_go_somewhere),
		cmocka_unit_test(odd_ones),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
