/* The order machine against a scripted CA: the ordinary way, every disturbance, a crash behind every request. */
#include "t/lib/fake_ca.h"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "pki/cert.h"

static char *two[] = { "www.example.org", "example.org", NULL };
static char *one[] = { "www.example.org", NULL };

/* The certificates: leaf (for both names, or one), intermediate, root; made once, by openssl. */

static struct {
	struct buf spki;
	char *leaf, *leaf_one, *leaf_other, *intermediate, *root;
} pems;
static char dir[] = "/tmp/certera-order-XXXXXX";
extern char **environ;

static char *read_file(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	struct buf b = BUF_INIT;
	char chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	return buf_detach(&b);
}

static void shell(const char *script)
{
	char *const argv[] = { "sh", "-ec", (char *)script, "sh", dir, NULL };
	int status;
	pid_t pid;

	assert_int_equal(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int make_certificates(void **state)
{
	struct chain chain = { 0 };
	struct err e;

	assert_non_null(mkdtemp(dir));
	shell("cd $1; exec 2>/dev/null\n"
	      "key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }\n"
	      "ca='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign'\n"
	      "issue() { # who by extensions\n"
	      "  openssl req -new -key $1.key -subj /CN=$1 -out $1.csr; echo \"$3\" > ext\n"
	      "  openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days 9 -extfile ext -out "
	      "${4:-$1}.pem; }\n"
	      "key root; key inter; key leaf; key other\n"
	      "openssl req -x509 -new -key root.key -subj /CN=root -days 9 -addext 'keyUsage=critical,keyCertSign' "
	      "-out root.pem\n"
	      "issue inter root \"$ca\"\n"
	      "issue leaf inter 'subjectAltName=DNS:example.org,DNS:www.example.org'\n"
	      "issue leaf inter 'subjectAltName=DNS:www.example.org' one\n"
	      "issue other inter 'subjectAltName=DNS:www.example.org'\n");
	pems.leaf = read_file("leaf.pem");
	pems.leaf_one = read_file("one.pem");
	pems.leaf_other = read_file("other.pem");
	pems.intermediate = read_file("inter.pem");
	pems.root = read_file("root.pem");
	world_create();
	assert_int_equal(chain_parse(&chain, slice_str(pems.leaf), &e), 0);
	buf_add(&pems.spki, chain.cert[0].spki.data, chain.cert[0].spki.len);
	chain_release(&chain);
	return 0;
}

static int drop_certificates(void **state)
{
	shell("rm -r $1");
	buf_release(&pems.spki);
	free(pems.leaf);
	free(pems.leaf_one);
	free(pems.leaf_other);
	free(pems.intermediate);
	free(pems.root);
	return 0;
}

/* Ordering. */

static struct order_params params(char *const *names)
{
	return (struct order_params){ .account = our_account(), .names = names, .spki = slice_buf(&pems.spki) };
}

static struct order *begin(char *const *names)
{
	struct order_params q = params(names);
	struct order *o = order_new(our.acme, &q, &our);

	assert_ptr_equal(order_owner(o), &our);
	order_start(o);
	return o;
}

/* A CA that would issue for two names, each valid after two looks. */
static void ordinary_ca(void)
{
	ca.chain = xasprintf("%s%s%s", pems.leaf, pems.intermediate, pems.root);
	ca_authorize("example.org", "pending", 2);
	ca_authorize("www.example.org", "pending", 1);
	ca.issue_polls = 2;
}

static void ca_for_one(int polls)
{
	ca.chain = xasprintf("%s%s", pems.leaf_one, pems.intermediate);
	ca_authorize("www.example.org", "pending", polls);
}

static void order_now(char *const *names)
{
	begin(names);
	loop_run(world_loop);
	assert_int_equal(our.done, 1);
}

static void assert_issued(void)
{
	_cleanup_free_ char *expected =
		xasprintf("%s%s", ca.authzs == 1 ? pems.leaf_one : pems.leaf, pems.intermediate);

	if (err_is_set(&our.err))
		fail_msg("%s", our.err.message);
	assert_string_equal(our.chain, expected); /* without the root */
}

static void assert_failed(enum err_kind kind, const char *code, const char *words)
{
	assert_null(our.chain);
	if (!strstr(our.err.message, words))
		fail_msg("\"%s\" does not say \"%s\"", our.err.message, words);
	assert_string_equal(our.err.code, code);
	assert_string_equal(err_kind_name(our.err.kind), err_kind_name(kind));
}

#define ALL_STEPS " neworder authz publish answer validate csr finalize issue download"

static void the_ordinary_way(void **state)
{
	_cleanup_free_ char *thumbprint = NULL, *line = NULL;
	unsigned char hash[SHA256_SIZE];

	ordinary_ca();
	order_now(two);
	assert_issued();
	assert_string_equal(buf_str(&our.steps), ALL_STEPS);
	sha256(CA_JWK, strlen(CA_JWK), hash);
	thumbprint = base64url_str(hash, sizeof(hash));
	line = xasprintf("%s=%s.%s\n", ca.token, ca.token, thumbprint);
	assert_true(str_starts(buf_str(&our.published), line));
	assert_int_equal(ca_count("GET /directory"), 1);
	assert_int_equal(ca_count("HEAD /nonce"), 1);
	assert_int_equal(ca.orders, 1);
	assert_true(world_ms < 5000);
}

static void many_at_once_share(void **state)
{
	ca_for_one(0);
	ca.order = "valid"; /* straight to the download */
	for (int i = 0; i < 100; i++)
		begin(one);
	loop_run(world_loop);
	assert_int_equal(our.done, 100);
	assert_issued();
	assert_int_equal(ca_count("GET /directory"), 1);
	assert_int_equal(ca_count("HEAD /nonce"),
			 136); /* all at once, but 64 nonces were kept for their second request */
	assert_int_equal(ca_count("POST /certificate"), 100);
}

static void nothing_to_prove(void **state)
{
	ordinary_ca();
	ca.authz[0].status = ca.authz[1].status = "valid";
	ca.order = "ready";
	order_now(two);
	assert_issued();
	assert_string_equal(buf_str(&our.steps), " neworder csr finalize issue download");
}

static void one_of_two_is_valid_already(void **state)
{
	ordinary_ca();
	ca.authz[0].status = "valid";
	order_now(two);
	assert_issued();
	assert_int_equal(ca_count("POST /challenge/0"), 0);
	assert_int_equal(ca_count("POST /challenge/1"), 1);
}

static void all_valid_but_order_pending(void **state)
{
	ordinary_ca();
	ca.authz[0].status = ca.authz[1].status = "valid";
	order_now(two);
	assert_issued();
	assert_string_equal(buf_str(&our.steps), " neworder authz csr finalize issue download");
}

static void nonces(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){
		.on = "POST /orders", .times = 5, .status = 400, .body = "{\"type\":\"" URN_ "badNonce\"}" });
	ca_fault((struct fault){
		.on = "POST /authz/1", .times = 19, .status = 400, .body = "{\"type\":\"" URN_ "badNonce\"}" });
	order_now(two);
	assert_issued();
	assert_int_equal(ca_count("HEAD"), 1); /* each refusal brought the next one */
}

static void replies_without_nonces(void **state)
{
	ordinary_ca();
	ca.no_replay_nonce = true;
	ca_fault((struct fault){
		.on = "POST /authz/1", .times = 2, .status = 400, .body = "{\"type\":\"" URN_ "badNonce\"}" });
	order_now(two);
	assert_issued();
	assert_int_equal(ca_count("HEAD"), ca_count("POST"));
}

static void endless_bad_nonces(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){
		.on = "POST /orders", .times = 1000, .status = 400, .body = "{\"type\":\"" URN_ "badNonce\"}" });
	order_now(two);
	assert_failed(ERR_CA, "badNonce", "asking the CA for an order: https://ca.example/orders: 400 badNonce");
	assert_int_equal(ca_count("POST /orders"), 21);
}

static void network_trouble_passes(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){ .on = "GET /directory", .times = 2 });
	ca_fault((struct fault){ .on = "HEAD /nonce", .times = 2, .status = 502, .body = "<html>Bad gateway</html>" });
	ca_fault((struct fault){ .on = "POST /orders", .done_first = true });
	ca_fault((struct fault){ .on = "POST /challenge/0", .done_first = true });
	ca_fault((struct fault){ .on = "POST /challenge/1", .kind = ERR_TIMEOUT, .done_first = true });
	ca_fault((struct fault){ .on = "POST /finalize", .done_first = true });
	ca_fault((struct fault){
		.on = "POST /order/1", .status = 500, .body = "{\"type\":\"" URN_ "serverInternal\"}" });
	ca_fault((struct fault){ .on = "POST /certificate", .status = 503, .header = "Retry-After: 20", .body = "" });
	order_now(two);
	assert_issued();
	assert_true(world_ms > 20000);
}

static void network_trouble_stays(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /orders", .times = 1000 });
	order_now(two);
	assert_failed(ERR_NETWORK, "", "asking the CA for an order: https://ca.example/orders: the connection broke");
	assert_true(world_ms > 20000 && world_ms <= 60100);
	assert_true(ca_count("POST /orders") < 12);
	assert_int_equal(ca_count("GET /directory"), ca_count("POST /orders"));
}

static void a_page_instead_of_a_problem(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /orders", .status = 403, .body = "<html>\nGo away\x1b</html>" });
	order_now(two);
	assert_failed(ERR_PROTOCOL, "", "https://ca.example/orders answered 403 and no problem document (text/html)");
	assert_string_equal(our.err.detail, "<html> Go away </html>");
}

static void a_gateway_in_trouble_for_good(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){
		.on = "POST /orders", .times = 1000, .status = 502, .body = "<html>Bad gateway</html>" });
	order_now(two);
	assert_failed(ERR_NETWORK, "", "https://ca.example/orders answered 502 and no problem document");
	assert_true(world_ms > 20000);
}

static void nonsense(void **state)
{
	static const struct {
		const char *on, *body, *words;
	} rows[] = {
		{ "POST /orders", "{\"status\":\"pend",
		  "asking the CA for an order: https://ca.example/orders answered 201" },
		{ "POST /orders", "[]", "it is JSON, but no object" },
		{ "POST /orders", "{\"status\":1}", "has no Location" },
		{ "POST /order/1", "{\"status\":1}", "https://ca.example/order/1: the order has no status" },
		{ "POST /authz/0", "{}", "https://ca.example/authz/0: the authorization names no identifier" },
		{ "POST /authz/0", "{\"identifier\":{\"value\":\"x.example\"}}", "the authorization has no status" },
		{ "POST /authz/0",
		  "{\"identifier\":{\"value\":\"WWW.example.org\"},\"status\":\"pending\",\"challenges\":{}}",
		  "www.example.org: the CA does not offer http-01 for this name, only: nothing" },
		{ "POST /authz/0", "{\"identifier\":{\"value\":\"x.example\"},\"status\":\"pending\",\"challenges\":[]}",
		  "https://ca.example/authz/0: the CA wants x.example proved, which was not ordered" },
		{ "POST /authz/0", "{\"identifier\":{\"value\":\"x.example\"},\"status\":\"invalid\",\"challenges\":[{\"type\":"
				   "\"http-01\",\"error\":{\"type\":\"" URN_ "unauthorized\"}}]}", "x.example: unauthorized" },
		{ "POST /authz/0", "{\"identifier\":{\"value\":\"x.example\"},\"status\":\"deactivated\"}",
		  "x.example: the authorization is deactivated" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i)
			world_begin(NULL);
		ordinary_ca();
		ca_fault((struct fault){ .on = rows[i].on,
					 .times = 1000,
					 .status = str_eq(rows[i].on, "POST /orders") ? 201 : 200,
					 .body = rows[i].body });
		order_now(two);
		assert_null(our.chain);
		if (!strstr(our.err.message, rows[i].words))
			fail_msg("\"%s\" does not say \"%s\"", our.err.message, rows[i].words);
		if (i + 1 < ARRAY_SIZE(rows))
			world_end(NULL);
	}
}

static void odd_orders(void **state)
{
	static const struct {
		const char *body, *words;
	} rows[] = {
		{ "{\"status\":\"pending\",\"authorizations\":[\"https://ca.example/authz/0\"]}",
		  "no https URL to finalize" },
		{ "{\"status\":\"pending\",\"finalize\":\"https://ca.example/f\",\"authorizations\":[]}",
		  "lists 0 authorizations" },
		{ "{\"status\":\"pending\",\"finalize\":\"https://ca.example/f\",\"authorizations\":[7]}",
		  "is no https URL" },
		{ "{\"status\":\"pending\",\"finalize\":\"https://ca.example/f\",\"authorizations\":[\"http://"
		  "ca.example/a\"]}",
		  "is no https URL" },
		{ "{\"status\":\"invalid\"}", "the order is invalid, and the CA does not say why" },
		{ "{\"status\":\"invalid\",\"error\":{\"type\":\"" URN_ "caa\",\"detail\":\"d\",\"status\":403}}",
		  "the order is invalid: 403 caa" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i)
			world_begin(NULL);
		ordinary_ca();
		ca_fault((struct fault){ .on = "POST /orders",
					 .status = 201,
					 .header = "Location: https://ca.example/order/1",
					 .body = rows[i].body });
		order_now(two);
		assert_null(our.chain);
		if (!strstr(our.err.message, rows[i].words))
			fail_msg("\"%s\" does not say \"%s\"", our.err.message, rows[i].words);
		if (i + 1 < ARRAY_SIZE(rows))
			world_end(NULL);
	}
}

static void unknown_order_status_is_no_end(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){
		.on = "POST /order/1", .skip = 1, .times = 2, .status = 200, .body = "{\"status\":\"pondering\"}" });
	order_now(two);
	assert_issued();
}

static void which_challenges_there_are(void **state)
{
	ca_for_one(0);
	ca.challenges = "[{\"type\":\"dns-01\"},{\"type\":\"tls-alpn-01\"},{}]";
	order_now(one);
	assert_failed(ERR_CA, "noChallenge",
		      "reading what the CA wants proved: www.example.org: the CA does not offer http-01 "
		      "for this name, only: dns-01, tls-alpn-01, one without a type");
	assert_int_equal(problem_policy(our.err.code), PROBLEM_PERSON);
}

static void hostile_tokens(void **state)
{
	char long_one[300];
	const char *const tokens[] = { "", "../../etc/passwd", "a b", "a%2e", "a\\\"b", long_one };

	memset(long_one, 'a', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		if (i)
			world_begin(NULL);
		ca_for_one(0);
		ca.token = tokens[i];
		order_now(one);
		assert_failed(ERR_PROTOCOL, "", "the challenge for www.example.org has no proper token");
		assert_string_equal(buf_str(&our.published), "");
		if (i + 1 < ARRAY_SIZE(tokens))
			world_end(NULL);
	}
}

#define UNAUTHORIZED "{\"type\":\"" URN_ "unauthorized\",\"detail\":\"404 from 192.0.2.1\",\"status\":403}"

static void invalid_name(void **state)
{
	ordinary_ca();
	ca.authz[0].polls = 50;
	ca.authz[1].verdict = "invalid";
	ca.authz[1].error = UNAUTHORIZED;
	order_now(two);
	assert_failed(ERR_CA, "unauthorized", "waiting for the CA to validate: www.example.org: 403 unauthorized");
	assert_string_equal(our.err.detail, "404 from 192.0.2.1");
	assert_non_null(strstr(our.err.hint, "redirect /.well-known/acme-challenge/"));
	assert_true(world_ms < 3000); /* it did not wait for the other */
}

static void error_of_a_pending_one_is_not_final(void **state)
{
	ordinary_ca();
	ca.authz[0].polls = 6;
	ca.authz[0].error = UNAUTHORIZED;
	order_now(two);
	assert_issued();
}

static void never_decided(void **state)
{
	ordinary_ca();
	ca.authz[0].polls = -1;
	ca.authz[0].error = UNAUTHORIZED;
	order_now(two);
	assert_failed(ERR_CA, "unauthorized", "not done within 600 seconds: example.org: 403 unauthorized");
	assert_true(world_ms > 599000 && world_ms < 602000);
	assert_true(ca_count("POST /authz/0") > 100 && ca_count("POST /authz/0") < 140);
}

/* What the CA was told, and said 2xx to, but does not know any more: it was restarted. */
static void a_forgetful_ca(void **state)
{
	static const struct {
		const char *on, *body;
		int told;
	} rows[] = {
		{ "POST /challenge/0", "{}", 2 },
		{ "POST /challenge/0", "{\"type\":\"http-01\",\"status\":\"processing\"}", 2 },
		{ "POST /challenge/0", "", 2 },
		{ "POST /challenge/0", "<html>OK</html>", 2 },
		{ "POST /finalize", "{\"status\":\"ready\"}", 2 },
		{ "POST /finalize", "{\"status\":\"processing\"}", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i)
			world_begin(NULL);
		ordinary_ca();
		ca_fault((struct fault){ .on = rows[i].on, .status = 200, .body = rows[i].body });
		order_now(two);
		assert_issued();
		assert_int_equal(ca_count(rows[i].on), rows[i].told);
		assert_int_equal(ca.orders, 1);
		assert_true(world_ms < 75000);
		if (i + 1 < ARRAY_SIZE(rows))
			world_end(NULL);
	}
}

/* However often it is told. */
static void a_ca_that_never_listens(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /challenge/0", .times = 1000, .status = 200, .body = "{}" });
	order_now(two);
	assert_failed(ERR_TIMEOUT, "", "waiting for the CA to validate: example.org: not done within 600 seconds");
	assert_non_null(strstr(our.err.hint, "Certera asks again at"));
	assert_true(our.ran_out && our.goes_on);
	assert_in_range(ca_count("POST /challenge/0"), 9, 11);
	assert_int_equal(ca_count("POST /challenge/1"), 1);
}

/* One that shows nothing while it looks, and does not want to be told twice. */
static void a_ca_that_only_seems_to_forget(void **state)
{
	ordinary_ca();
	ca.authz[0].polls = 40;
	ca.authz[0].coy = true;
	order_now(two);
	assert_issued();
	assert_in_range(ca_count("POST /challenge/0"), 3, 5);
}

/* An authorization of an order before, whose challenge is `processing` and will be until the CA is told again. */
static void a_ca_that_looks_when_told(void **state)
{
	ordinary_ca();
	ca.authz[0].challenge = "processing";
	ca.authz[0].asleep = true;
	order_now(two);
	assert_issued();
	assert_int_equal(ca_count("POST /challenge/0"), 1);
	assert_true(world_ms < 5000);
}

static void never_issued(void **state)
{
	ordinary_ca();
	ca.issue_polls = 1000000;
	ca.retry_after = "3";
	order_now(two);
	assert_failed(ERR_TIMEOUT, "", "waiting for the CA to issue: not done within 600 seconds");
	assert_true(ca_count("POST /order/1") > 190 && ca_count("POST /order/1") < 205);
}

static void retry_after_while_polling(void **state)
{
	static const struct {
		const char *value;
		int64_t least, most;
	} rows[] = {
		{ "30", 60000, 65000 }, /* two rounds of validation; issued at once */
		{ "-7", 0, 3000 },      /* as if it was not there */
		{ "0", 0, 4000 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0, 4000 },
		{ "99999999999999999999", 120000, 125000 }, /* clamped to a minute */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i)
			world_begin(NULL);
		ca_for_one(2);
		ca.retry_after = rows[i].value;
		ca_fault((struct fault){
			.on = "POST /order/1",
			.times = 1,
			.status = 200,
			.body = "{\"status\":\"valid\",\"certificate\":\"https://ca.example/certificate\"}" });
		order_now(one);
		assert_issued();
		if (world_ms < rows[i].least || world_ms > rows[i].most)
			fail_msg("Retry-After: %s took %lld ms", rows[i].value, (long long)world_ms);
		if (i + 1 < ARRAY_SIZE(rows))
			world_end(NULL);
	}
}

#define LIMITED "{\"type\":\"" URN_ "rateLimited\",\"detail\":\"too many\"}"

static void rate_limits(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /challenge/1", .status = 429, .header = "Retry-After: 40", .body = LIMITED });
	order_now(two);
	assert_issued(); /* waited, it fitted */
	assert_true(world_ms > 40000);
	world_end(NULL);

	world_begin(NULL);
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /orders", .status = 429, .header = "Retry-After: 40", .body = LIMITED });
	order_now(two); /* a limit on orders is not waited for here: others of the account must hear of it */
	assert_failed(ERR_CA, "rateLimited", "https://ca.example/orders: 429 rateLimited");
	assert_int_equal(our.err.retry_at, world_epoch + 40);
	assert_true(world_ms < 1000);
	world_end(NULL);

	world_begin(NULL);
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /orders", .status = 429, .header = "Retry-After: 7200", .body = LIMITED });
	order_now(two);
	assert_failed(ERR_CA, "rateLimited", "https://ca.example/orders: 429 rateLimited");
	assert_int_equal(our.err.retry_at, world_epoch + 7200);
	assert_string_equal(our.err.detail, "too many");
	assert_true(world_ms < 1000);
	world_end(NULL);

	world_begin(NULL);
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /challenge/1", .status = 429, .body = LIMITED });
	order_now(two);
	assert_failed(ERR_CA, "rateLimited", "example.org: https://ca.example/challenge/1: 429 rateLimited");
	assert_int_equal(our.err.retry_at, 0);
	world_end(NULL);

	world_begin(NULL); /* limits for exactly these names last a week; what else a CA says is believed for a day */
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /orders", .status = 429, .header = "Retry-After: 120000", .body = LIMITED });
	order_now(two);
	assert_int_equal(our.err.retry_at, world_epoch + 120000);
	world_end(NULL);

	world_begin(NULL);
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /orders", .status = 429, .header = "Retry-After: 9999999999", .body = LIMITED });
	order_now(two);
	assert_int_equal(our.err.retry_at, world_epoch + 8 * 86400);
	world_end(NULL);

	world_begin(NULL);
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /orders", .status = 503, .header = "Retry-After: 9999999999",
				 .body = "{\"type\":\"" URN_ "serverInternal\"}" });
	order_now(two);
	assert_int_equal(our.err.retry_at, world_epoch + 86400);
}

/* Let's Encrypt, after many failures: time alone ends nothing. */
static void a_paused_account(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){ .on = "POST /orders", .status = 429, .body = "{\"type\":\"" URN_ "rateLimited\",\"detail\":"
				 "\"Your account is temporarily prevented from requesting certificates for example.org and "
				 "possibly others. Please visit: https://ca.example/unpause?jwt=x\"}" });
	order_now(two);
	assert_failed(ERR_CA, "paused", "https://ca.example/orders: 429 rateLimited");
	assert_non_null(strstr(our.err.hint, "Open the URL"));
	assert_non_null(strstr(our.err.detail, "https://ca.example/unpause?jwt=x"));
	assert_int_equal(problem_policy(our.err.code), PROBLEM_PERSON);
}

static void what_may_be_ordered(void **state)
{
	struct order_params q = params(two);

	q.profile = "shortlived";
	q.replaces = "aki.serial";
	ordinary_ca();
	ca.resources = "\"renewalInfo\":\"https://ca.example/renewal\",";
	order_start(order_new(our.acme, &q, &our));
	loop_run(world_loop);
	assert_issued();
	assert_string_equal(json_str(ca.ordered, "profile"), "shortlived");
	assert_string_equal(json_str(ca.ordered, "replaces"), "aki.serial");
	assert_int_equal(ca.orders, 1);

	/* A CA without renewal information would not know what that means. */
	world_end(NULL);
	world_begin(NULL);
	ordinary_ca();
	order_start(order_new(our.acme, &q, &our));
	loop_run(world_loop);
	assert_issued();
	assert_null(json_object_get(ca.ordered, "replaces"));
}

/* "replaces" is a favour: an order is not lost over it, and the next request comes without. */
static void replaced_already(void **state)
{
	static const struct {
		int status;
		const char *type;
		bool again;
	} rows[] = {
		{ 409, "alreadyReplaced", true }, { 409, "conflict", true },	{ 404, "malformed", true },
		{ 400, "malformed", true },	  { 403, "unauthorized", true },   { 403, "rejectedIdentifier", true },
		{ 500, "serverInternal", true },
		{ 400, "accountDoesNotExist", false }, { 403, "userActionRequired", false }, { 429, "rateLimited", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *body = xasprintf("{\"type\":\"" URN_ "%s\"}", rows[i].type);
		struct order_params q = params(two);

		if (i)
			world_begin(NULL);
		q.replaces = "aki.serial";
		ordinary_ca();
		ca.resources = "\"renewalInfo\":\"https://ca.example/renewal\",";
		ca_fault((struct fault){ .on = "POST /orders", .times = rows[i].status == 404 ? 2 : rows[i].status == 500 ? 3 : 1, .status = rows[i].status,
					 .body = body });
		order_start(order_new(our.acme, &q, &our));
		loop_run(world_loop);
		assert_int_equal(our.done, 1);
		assert_int_equal(ca.orders, rows[i].again);
		assert_null(json_object_get(ca.ordered, "replaces"));
		if (rows[i].again)
			assert_issued();
		else
			assert_failed(ERR_CA, rows[i].type, rows[i].type);
		if (i + 1 < ARRAY_SIZE(rows))
			world_end(NULL);
	}
}

/* Parts of a CA know the former key of an account for some seconds.  "replaces" is not to blame for that. */
static void the_key_is_news(void **state)
{
	static const struct {
		int64_t ago;
		int refusals;
		bool issued;
	} rows[] = { { 0, 4, true }, { 3, 3, true }, { 0, 1000, false }, { 3600, 1, false } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct order_params q = params(two);

		if (i)
			world_begin(NULL);
		q.replaces = "aki.serial";
		q.account.key_changed = world_epoch - rows[i].ago;
		ordinary_ca();
		ca.resources = "\"renewalInfo\":\"https://ca.example/renewal\",";
		ca_fault((struct fault){ .on = "POST /orders", .times = rows[i].refusals, .status = 400,
					 .body = "{\"type\":\"" URN_ "malformed\",\"detail\":\"JWS verification error\"}" });
		order_start(order_new(our.acme, &q, &our));
		loop_run(world_loop);
		if (rows[i].issued) {
			assert_issued();
			assert_string_equal(json_str(ca.ordered, "replaces"), "aki.serial");
		} else if (rows[i].refusals > 1) {
			assert_failed(ERR_CA, "malformed", "400 malformed");
			assert_in_range(world_ms, 15000, 60000);
		} else {
			assert_issued(); /* of a key that is known, it is about "replaces" */
			assert_null(json_object_get(ca.ordered, "replaces"));
		}
		if (i + 1 < ARRAY_SIZE(rows))
			world_end(NULL);
	}
}

/* Its own choice here ends at the intermediate, the other chain at the root; the third is not for us at all. */
static void preferred_chains(void **state)
{
	_cleanup_free_ char *lone = xstrdup(pems.leaf), *whole = xasprintf("%s%s", pems.leaf, pems.intermediate);
	const struct {
		const char *preferred, *links, *alternate, *expected;
		int asked;
	} rows[] = {
		{ NULL, "<https://ca.example/certificate/1>;rel=alternate", whole, lone, 0 },
		{ "inter", "<https://ca.example/certificate/1>;rel=alternate", whole, lone, 0 },
		{ "Root", "<https://ca.example/certificate/1>;rel=alternate", whole, whole, 1 },
		{ "root", "</x>;rel=\"up\", </certificate/1>; title=\",\"; rel=\"alternate\"", whole, whole, 1 },
		{ "root", NULL, whole, lone, 0 },
		{ "elsewhere", "</certificate/1>;rel=alternate", whole, lone, 1 },
		{ "root", "</certificate/1>;rel=alternate", pems.leaf_other, lone, 1 },
		{ "root", "</certificate/9>;rel=alternate, </certificate/1>;rel=alternate", whole, whole, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct order_params q = params(two);

		if (i)
			world_begin(NULL);
		q.preferred_chain = rows[i].preferred;
		ordinary_ca();
		free(ca.chain);
		ca.chain = xstrdup(lone);
		ca.links = rows[i].links;
		ca.alternate = rows[i].alternate;
		order_start(order_new(our.acme, &q, &our));
		loop_run(world_loop);
		assert_int_equal(our.done, 1);
		assert_non_null(our.chain);
		assert_string_equal(our.chain, rows[i].expected);
		assert_int_equal(ca_count("POST /certificate/1"), rows[i].asked);
		if (i + 1 < ARRAY_SIZE(rows))
			world_end(NULL);
	}
}

static void the_ca_moves(void **state)
{
	ordinary_ca();
	order_now(two);
	assert_issued();
	free(TAKE(our.chain));
	our.done = 0;

	/* the same struct acme, an hour has not passed */
	ca.prefix = "/v2";
	ca.order = NULL;
	ca_fault((struct fault){ .on = "POST /finalize", .status = 400, .body = "{\"type\":\"" URN_ "badCSR\"}" });
	ca.authz[0].status = ca.authz[1].status = "valid";
	order_now(two);
	assert_failed(ERR_CA, "badCSR", "sending the certificate request: https://ca.example/finalize: 400 badCSR");
	assert_int_equal(ca_count("GET /directory"), 2);
	assert_int_equal(ca_count("POST /v2/orders"), 1);
}

/* One order waits for a nonce while another finds the directory out of reach. */
static void directory_lost_meanwhile(void **state)
{
	ca_for_one(0);
	ca.order = "valid";
	ca_fault((struct fault){ .on = "HEAD /nonce", .status = 200, .takes_ms = 5000, .body = "" });
	ca_fault((struct fault){ .on = "POST /orders" });
	ca_fault((struct fault){ .on = "GET /directory", .skip = 1, .times = 3 });
	begin(one);
	begin(one);
	loop_run(world_loop);
	assert_int_equal(our.done, 2);
	assert_issued();
	assert_int_equal(ca_count("GET /directory"), 5);
}

static void order_not_ready_yet(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){
		.on = "POST /finalize", .times = 3, .status = 403, .body = "{\"type\":\"" URN_ "orderNotReady\"}" });
	order_now(two);
	assert_issued();
	assert_int_equal(ca_count("POST /finalize"), 4);
}

static void order_never_ready(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){
		.on = "POST /finalize", .times = 1000, .status = 403, .body = "{\"type\":\"" URN_ "orderNotReady\"}" });
	order_now(two);
	assert_failed(ERR_CA, "orderNotReady", "sending the certificate request: not done within 60 seconds: ");
}

static void answer_refused(void **state)
{
	ordinary_ca();
	ca_fault((struct fault){
		.on = "POST /challenge/1", .status = 403, .body = "{\"type\":\"" URN_ "unauthorized\"}" });
	order_now(two);
	assert_failed(ERR_CA, "unauthorized",
		      "telling the CA that the answers are ready: www.example.org: https://ca.example/challenge/1: 403 "
		      "unauthorized");
}

static void certificates_that_are_not_ours(void **state)
{
	char *const chains[] = {
		xasprintf("%s%s", pems.leaf_other, pems.intermediate), /* another key */
		xasprintf("%s%s", pems.leaf, pems.intermediate),       /* a name too many */
		xasprintf("%s%s", pems.leaf_one, pems.root),           /* a link is missing */
		xasprintf("%s-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", pems.leaf_one),
		xstrdup("{\"status\":\"valid\"}"),
		xstrdup(""),
	};

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		if (i)
			world_begin(NULL);
		ca_for_one(0);
		free(ca.chain);
		ca.chain = chains[i];
		order_now(one);
		assert_null(our.chain);
		assert_true(str_starts(our.err.message,
				       "downloading and checking the certificate: https://ca.example/certificate: "));
		if (i + 1 < ARRAY_SIZE(chains))
			world_end(NULL);
	}
}

static void our_own_failures(void **state)
{
	ordinary_ca();
	our.save_fails = true;
	order_now(two);
	assert_failed(ERR_STORAGE, "", "saving the order: the disk is full");
	assert_int_equal(ca.exchanges, 0);
	world_end(NULL);

	world_begin(NULL);
	ordinary_ca();
	our.publish_fails = true;
	order_now(two);
	assert_failed(ERR_STORAGE, "", "publishing the challenge answers: the disk is full");
	world_end(NULL);

	world_begin(NULL);
	ordinary_ca();
	our.sign_fails = true;
	order_now(two);
	assert_failed(ERR_INTERNAL, "", "signing the request to https://ca.example/orders: the keeper is gone");
	world_end(NULL);

	world_begin(NULL);
	ordinary_ca();
	our.sign_ms = 1 << 30; /* the keeper hangs; the deadline does not */
	order_now(two);
	assert_failed(ERR_TIMEOUT, "", "not done within 60 seconds");
}

static void what_people_see(void **state)
{
	struct order *o;
	bool one_of_two = false, two_of_two = false;

	assert_int_equal(order_steps(), 9);
	assert_int_equal(order_step_index("validate"), 4);
	assert_int_equal(order_step_index("nonsense"), -1);
	assert_string_equal(order_step_text("issue"), "waiting for the CA to issue");
	assert_null(order_step_text("nonsense"));

	ordinary_ca();
	ca.authz[0].polls = ca.authz[1].polls = 3;
	o = begin(two);
	assert_string_equal(order_activity(o), "asking the CA for an order");
	assert_null(order_url(o));
	for (ca.stop_after = 1; !str_eq(order_step_name(o), "finalize"); ca.stop_after++) {
		loop_run(world_loop);
		one_of_two |= str_eq(order_activity(o), "waiting for the CA to validate: example.org (1 of 2)");
		two_of_two |= str_eq(order_activity(o), "waiting for the CA to validate: www.example.org (2 of 2)");
	}
	assert_true(one_of_two && two_of_two);
	assert_string_equal(order_url(o), CA_HOST "/order/1");
	order_free(o);
}

/* A crash: everything but the saved state is lost. */
static void crash_and_resume(struct order *o)
{
	struct order_params q = params(two);
	struct err e = { 0 };

	order_free(o);
	acme_free(our.acme);
	our.acme = acme_new(&our.env, CA_DIRECTORY, NULL);
	o = order_load(our.acme, &q, &our, our.saved, &e);
	if (!o)
		fail_msg("%s: %s", e.message, our.saved);
	order_start(o);
}

static void crash_behind_every_request(void **state)
{
	int n = 1, orders = 0;

	for (;; n++) {
		struct order *o;

		if (n > 1)
			world_begin(NULL);
		ordinary_ca();
		ca.stop_after = n;
		our.sign_ms = 1;
		o = begin(two);
		loop_run(world_loop);
		if (our.done)
			break; /* all requests were tried */
		crash_and_resume(o);
		loop_run(world_loop); /* what was in flight comes back to nobody */
		assert_int_equal(our.done, 1);
		assert_issued();
		orders += ca.orders - 1;
		world_end(NULL);
	}
	assert_true(n > 15);
	assert_int_equal(orders, 1); /* only where the reply to newOrder itself was lost */
}

static void crash_at_every_step(void **state)
{
	/* and twice in a row at the same one */
	for (int n = 1; n <= order_steps(); n++) {
		struct order *o;

		if (n > 1)
			world_begin(NULL);
		ordinary_ca();
		o = begin(two);
		for (ca.stop_after = 1; our.saves < n; ca.stop_after++)
			loop_run(world_loop);
		assert_false(our.done);
		ca.stop_after = 0;
		crash_and_resume(o);
		loop_run(world_loop);
		assert_int_equal(our.done, 1);
		assert_issued();
		if (n < order_steps())
			world_end(NULL);
	}
}

static void freed_at_every_moment(void **state)
{
	for (int ms = 0, done = 0; !done; ms++) {
		struct timer stop = { 0 };
		struct order *o;

		if (ms)
			world_begin(NULL);
		ordinary_ca();
		our.sign_ms = 2;
		o = begin(two);
		timer_start(&stop, world_loop, ms, (void (*)(void *))loop_stop, world_loop);
		loop_run(world_loop);
		done = our.done;
		if (!done) {
			order_free(o);
			loop_run(world_loop);
			assert_int_equal(our.done, 0);
			assert_null(world_loop->first);
			world_end(NULL);
		}
	}
	assert_issued();
	order_free(NULL);
}

static void resumed_orders_that_are_gone(void **state)
{
	static const char *const states[] = {
		"{\"step\":\"neworder\",\"url\":\"https://ca.example/order/1\"}",
		"{\"step\":\"authz\",\"url\":\"https://ca.example/order/1\",\"finalize\":\"https://ca.example/f\","
		"\"authorizations\":[{\"state\":\"open\",\"url\":\"https://ca.example/gone\"}]}",
		"{\"step\":\"answer\",\"url\":\"https://ca.example/order/1\",\"finalize\":\"https://ca.example/"
		"f\",\"authorizations\":"
		"[{\"state\":\"open\",\"url\":\"https://ca.example/gone\",\"name\":\"a\",\"type\":\"http-01\",\"challenge\":\"https://"
		"ca.example/c\",\"token\":\"t\"}]}",
		"{\"step\":\"validate\",\"url\":\"https://ca.example/order/1\",\"finalize\":\"https://ca.example/"
		"f\",\"authorizations\":"
		"[{\"state\":\"answered\",\"url\":\"https://ca.example/gone\",\"name\":\"a\",\"type\":\"http-01\",\"challenge\":\"https://"
		"ca.example/c\",\"token\":\"t\"}]}",
		"{\"step\":\"csr\",\"url\":\"https://ca.example/order/1\",\"finalize\":\"https://ca.example/f\"}",
		"{\"step\":\"finalize\",\"url\":\"https://ca.example/order/1\",\"finalize\":\"https://ca.example/f\"}",
		"{\"step\":\"issue\",\"url\":\"https://ca.example/order/1\"}",
		"{\"step\":\"download\",\"url\":\"https://ca.example/order/1\",\"certificate\":\"https://ca.example/"
		"gone\"}",
	};
	struct order_params q = params(two);

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct err e = { 0 };
		struct order *o;

		if (i)
			world_begin(NULL);
		ca_authorize("www.example.org", "pending", 0);
		o = order_load(our.acme, &q, &our, states[i], &e);
		if (!o)
			fail_msg("%s", e.message);
		order_start(o);
		loop_run(world_loop);
		assert_int_equal(our.done, 1);
		assert_failed(ERR_CA, "orderGone", "404 malformed");
		assert_int_equal(problem_policy(our.err.code), PROBLEM_FRESH);
		assert_int_equal(ca.orders, 0);
		if (i + 1 < ARRAY_SIZE(states))
			world_end(NULL);
	}
}

/* Taken up while it was waiting for the CA: that is told at once what it may have forgotten meanwhile. */
static void told_again_when_taken_up(void **state)
{
#define ANSWERED(n, name) \
	"{\"state\":\"answered\",\"url\":\"https://ca.example/authz/" n "\",\"name\":\"" name "\",\"type\":\"http-01\"," \
	"\"challenge\":\"https://ca.example/challenge/" n "\",\"token\":\"t\"}"
	static const char waiting[] = "{\"step\":\"validate\",\"url\":\"https://ca.example/order/1\",\"finalize\":"
				      "\"https://ca.example/finalize\",\"authorizations\":[" ANSWERED("0", "example.org")
				      "," ANSWERED("1", "www.example.org") "]}";
	static const struct {
		const char *state, *challenge, *order;
	} rows[] = {
		{ waiting, "pending", "pending" },
		{ waiting, "processing", "pending" },
		{ "{\"step\":\"issue\",\"url\":\"https://ca.example/order/1\",\"finalize\":\"https://ca.example/finalize\"}",
		  NULL, "ready" },
	};
	struct order_params q = params(two);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		if (i)
			world_begin(NULL);
		ordinary_ca();
		ca.order = rows[i].order;
		ca.authz[0].challenge = rows[i].challenge;
		ca.authz[0].asleep = str_eq(rows[i].challenge, "processing");
		ca.authz[1].status = "valid";
		order_start(order_load(our.acme, &q, &our, rows[i].state, &e));
		loop_run(world_loop);
		assert_issued();
		assert_int_equal(ca_count("POST /challenge/0"), rows[i].challenge != NULL);
		assert_int_equal(ca_count("POST /finalize"), 1);
		assert_true(world_ms < 5000);
		if (i + 1 < ARRAY_SIZE(rows))
			world_end(NULL);
	}
}

static void finalize_resumed(void **state)
{
	static const char *const statuses[] = { "pending", "ready", "processing", "valid" };
	struct order_params q = params(two);

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct err e = { 0 };
		struct order *o;

		if (i)
			world_begin(NULL);
		ordinary_ca();
		ca.order = statuses[i];
		if (i)
			ca.authz[0].status = ca.authz[1].status = "valid";
		o = order_load(our.acme, &q, &our,
			       "{\"step\":\"finalize\",\"url\":\"https://ca.example/order/1\",\"finalize\":\"https://"
			       "ca.example/finalize\"}",
			       &e);
		order_start(o);
		loop_run(world_loop);
		assert_issued();
		assert_int_equal(ca_count("POST /finalize"), i < 2 ? 1 : 0);
		assert_int_equal(ca.orders, 0);
		if (i + 1 < ARRAY_SIZE(statuses))
			world_end(NULL);
	}
}

static void saved_nonsense(void **state)
{
	static const struct {
		const char *state, *words;
	} rows[] = {
		{ "", "reading a saved order: JSON" },
		{ "[]", "there is no step \"\"" },
		{ "{\"step\":\"dance\"}", "there is no step \"dance\"" },
		{ "{\"step\":\"issue\"}", "the order's URL is missing" },
		{ "{\"step\":\"authz\",\"url\":\"u\"}", "the authorizations are missing" },
		{ "{\"step\":\"csr\",\"url\":\"u\"}", "the URL to finalize the order is missing" },
		{ "{\"step\":\"download\",\"url\":\"u\"}", "the certificate's URL is missing" },
		{ "{\"step\":\"authz\",\"url\":\"u\",\"finalize\":\"f\",\"authorizations\":[{\"state\":\"odd\"}]}",
		  "state is \"odd\"" },
		{ "{\"step\":\"authz\",\"url\":\"u\",\"finalize\":\"f\",\"authorizations\":[{\"state\":\"open\"}]}",
		  "has no URL" },
		{ "{\"step\":\"answer\",\"url\":\"u\",\"finalize\":\"f\",\"authorizations\":[{\"state\":\"open\","
		  "\"url\":\"u\"}]}",
		  "has no challenge" },
	};
	struct order_params q = params(two);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		assert_null(order_load(our.acme, &q, NULL, rows[i].state, &e));
		assert_true(err_is_set(&e));
		if (!strstr(e.message, rows[i].words))
			fail_msg("\"%s\" does not say \"%s\"", e.message, rows[i].words);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_ordinary_way),
		TEST(many_at_once_share),
		TEST(nothing_to_prove),
		TEST(one_of_two_is_valid_already),
		TEST(all_valid_but_order_pending),
		TEST(nonces),
		TEST(replies_without_nonces),
		TEST(endless_bad_nonces),
		TEST(network_trouble_passes),
		TEST(network_trouble_stays),
		TEST(a_page_instead_of_a_problem),
		TEST(a_gateway_in_trouble_for_good),
		TEST(nonsense),
		TEST(odd_orders),
		TEST(unknown_order_status_is_no_end),
		TEST(which_challenges_there_are),
		TEST(hostile_tokens),
		TEST(invalid_name),
		TEST(error_of_a_pending_one_is_not_final),
		TEST(never_decided),
		TEST(a_forgetful_ca),
		TEST(a_ca_that_never_listens),
		TEST(a_ca_that_only_seems_to_forget),
		TEST(a_ca_that_looks_when_told),
		TEST(never_issued),
		TEST(retry_after_while_polling),
		TEST(rate_limits),
		TEST(a_paused_account),
		TEST(what_may_be_ordered),
		TEST(replaced_already),
		TEST(the_key_is_news),
		TEST(preferred_chains),
		TEST(the_ca_moves),
		TEST(directory_lost_meanwhile),
		TEST(order_not_ready_yet),
		TEST(order_never_ready),
		TEST(answer_refused),
		TEST(certificates_that_are_not_ours),
		TEST(our_own_failures),
		TEST(what_people_see),
		TEST(crash_behind_every_request),
		TEST(crash_at_every_step),
		TEST(freed_at_every_moment),
		TEST(resumed_orders_that_are_gone),
		TEST(told_again_when_taken_up),
		TEST(finalize_resumed),
		TEST(saved_nonsense),
	};

	log_setup(LOG_LEVEL_WARN, false);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
