/*
 * A small and strict CA for the world of world.h, the env of struct acme, and ways to disturb both.
 *
 * It insists on what RFC 8555 asks of a client: each nonce once, the URL in the header, jwk only for newAccount,
 * the content type, empty payloads.  Signatures are HMACs, so that it can check them without keys.
 */
#ifndef T_LIB_FAKE_CA_H
#define T_LIB_FAKE_CA_H

#include "t/lib/world.h"

#include "acme/acme.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/log.h"

#define CA_HOST "https://ca.example"
#define CA_DIRECTORY CA_HOST "/directory"
#define CA_KID CA_HOST "/account/1"
#define CA_JWK "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"eHg\",\"y\":\"eXk\"}"
#define URN_ "urn:ietf:params:acme:error:"

/* Something goes wrong with a request whose "METHOD /path" starts with `on`. */
struct fault {
	const char *on;
	int skip, times; /* leave so many alone, then strike so many */
	int status;      /* answer this; 0: no answer at all (kind says why) */
	const char *header, *body;
	enum err_kind kind;
	int takes_ms;
	bool done_first; /* the CA does what it was asked, but its answer is replaced */
};

struct ca_authz {
	const char *name;
	bool wildcard;
	const char *status, *challenge; /* statuses */
	int polls;                      /* reads until an answered one is valid; -1: never */
	const char *error;              /* problem of its challenge, JSON */
	const char *verdict;            /* status when polls is used up; NULL: "valid" */
	bool asleep;                    /* told by an order before ours, and looks only when it is told again */
	bool coy;                       /* shows its challenge as pending all the time (Boulder) */
};

static struct {
	char **nonces; /* given out, not yet used */
	int nonce;
	bool no_replay_nonce;
	const char *meta;       /* JSON of the directory's meta; NULL: none */
	const char *resources;  /* more members of the directory: "\"renewalInfo\":\"...\"," */
	const char *page;       /* what is answered to all other requests about the account, and to GET */
	const char *page_header;
	const char *alternate, *links; /* another chain, at /certificate/1, and the Link header of the first */
	json_t *ordered, *posted;      /* payloads of the latest newOrder, and of the latest request that is no POST-as-GET */
	char *signer;                  /* of that: "kid" or "jwk" */
	const char *prefix;     /* of all paths but the directory's; it may change */
	const char *challenges; /* JSON of the offered challenges instead of http-01 */
	const char *retry_after;
	const char *token;
	const char *account_status;
	int account_http;
	struct ca_authz authz[8];
	size_t authzs;
	const char *order; /* status */
	int issue_polls;   /* reads of the order until it is issued */
	char *chain;       /* PEM */
	struct fault fault[8];
	size_t faults;
	struct buf log; /* "METHOD /path\n" */
	int exchanges, orders, stop_after;
	json_t *account; /* payload of the latest newAccount */
} ca;

static int ca_count(const char *what)
{
	int n = 0;

	for (const char *p = buf_str(&ca.log); *p; p = strchr(p, '\n') + 1)
		n += str_starts(p, what);
	return n;
}

static void ca_reset(void)
{
	free(ca.chain);
	strv_free(ca.nonces);
	buf_release(&ca.log);
	json_decref(ca.account);
	json_decref(ca.ordered);
	json_decref(ca.posted);
	free(ca.signer);
	memset(&ca, 0, sizeof(ca));
	ca.prefix = "";
	ca.token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
	ca.account_http = 201;
}

UNUSED static void ca_authorize(const char *name, const char *status, int polls)
{
	ca.authz[ca.authzs++] =
		(struct ca_authz){ .name = name, .status = status, .challenge = "pending", .polls = polls };
}

static void ca_fault(struct fault f)
{
	if (!f.times)
		f.times = 1;
	ca.fault[ca.faults++] = f;
}

/* Answering. */

static void ca_header(struct exchange *x, const char *name, const char *value)
{
	_cleanup_free_ char *line = xasprintf("%s: %s", name, value);

	strv_add(&x->answer_headers, line);
}

static void ca_answer(struct exchange *x, int status, const char *type, const char *body)
{
	x->status = status;
	ca_header(x, "Content-Type", type);
	buf_add_str(&x->answer, body);
}

static void ca_problem(struct exchange *x, int status, const char *type)
{
	_cleanup_free_ char *body =
		xasprintf("{\"type\":\"" URN_ "%s\",\"detail\":\"no %s\",\"status\":%d}", type, type, status);

	ca_answer(x, status, "application/problem+json", body);
}

static void ca_nonce(struct exchange *x)
{
	_cleanup_free_ char *nonce = xasprintf("nonce-%d", ++ca.nonce);

	strv_add(&ca.nonces, nonce);
	ca_header(x, "Replay-Nonce", nonce);
}

static bool ca_use_nonce(const char *nonce)
{
	size_t n = strv_len(ca.nonces);

	for (size_t i = 0; i < n; i++) {
		if (!str_eq(ca.nonces[i], nonce))
			continue;
		free(ca.nonces[i]);
		memmove(ca.nonces + i, ca.nonces + i + 1, (n - i) * sizeof(*ca.nonces));
		return true;
	}
	return false;
}

static void ca_serve_directory(struct exchange *x)
{
	_cleanup_free_ char *body =
		xasprintf("{\"newNonce\":\"" CA_HOST "%s/nonce\",\"newAccount\":\"" CA_HOST "%s/account\","
			  "\"newOrder\":\"" CA_HOST "%s/orders\",%s\"odd\":[1]%s%s}",
			  ca.prefix, ca.prefix, ca.prefix, ca.resources ? ca.resources : "", ca.meta ? ",\"meta\":" : "", ca.meta ? ca.meta : "");

	ca_answer(x, 200, "application/json", body);
}

static void ca_send_order(struct exchange *x, int status)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_addf(&b, "{\"status\":\"%s\",\"expires\":\"2099-01-01T00:00:00Z\",\"novelty\":{},\"authorizations\":[",
		 ca.order);
	for (size_t i = 0; i < ca.authzs; i++)
		buf_addf(&b, "%s\"" CA_HOST "/authz/%zu\"", i ? "," : "", i);
	buf_addf(&b, "],\"finalize\":\"" CA_HOST "/finalize\"%s}",
		 str_eq(ca.order, "valid") ? ",\"certificate\":\"" CA_HOST "/certificate\"" : "");
	if (ca.retry_after)
		ca_header(x, "Retry-After", ca.retry_after);
	ca_answer(x, status, "application/json", buf_str(&b));
}

static void ca_serve_neworder(struct exchange *x, const json_t *payload)
{
	assert_int_equal(json_array_size(json_object_get(payload, "identifiers")), ca.authzs);
	ca.orders++;
	json_decref(ca.ordered);
	ca.ordered = json_deep_copy(payload);
	if (!ca.order)
		ca.order = "pending";
	ca_header(x, "Location", CA_HOST "/order/1");
	ca_send_order(x, 201);
}

static void ca_serve_order(struct exchange *x)
{
	if (str_eq(ca.order, "processing") && ca.issue_polls-- <= 0)
		ca.order = "valid";
	ca_send_order(x, 200);
}

static void ca_refresh_order(void)
{
	for (size_t i = 0; i < ca.authzs; i++)
		if (!str_eq(ca.authz[i].status, "valid"))
			return;
	if (str_eq(ca.order, "pending"))
		ca.order = "ready";
}

static void ca_serve_authz(struct exchange *x, size_t i)
{
	struct ca_authz *z = &ca.authz[i];
	_cleanup_free_ char *body = NULL, *http = NULL;

	if (str_eq(z->challenge, "processing") && !z->asleep && z->polls-- == 0)
		z->status = z->challenge = z->verdict ? z->verdict : "valid";
	ca_refresh_order();
	http = xasprintf("[{\"type\":\"dns-01\",\"url\":\"" CA_HOST "/other\",\"token\":\"x\"},"
			 "{\"type\":\"http-01\",\"status\":\"%s\",\"url\":\"" CA_HOST
			 "/challenge/%zu\",\"token\":\"%s\"%s%s}]",
			 z->coy && str_eq(z->challenge, "processing") ? "pending" : z->challenge, i, ca.token, z->error ? ",\"error\":" : "", z->error ? z->error : "");
	body = xasprintf("{\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},\"status\":\"%s\",\"challenges\":%s%s}",
			 z->name, z->status, ca.challenges ? ca.challenges : http,
			 z->wildcard ? ",\"wildcard\":true" : "");
	if (ca.retry_after)
		ca_header(x, "Retry-After", ca.retry_after);
	ca_answer(x, 200, "application/json", body);
}

static void ca_serve_challenge(struct exchange *x, size_t i)
{
	if (!str_eq(ca.authz[i].challenge, "pending") && !ca.authz[i].asleep) {
		ca_problem(x, 400, "malformed");
		return;
	}
	ca.authz[i].challenge = "processing";
	ca.authz[i].asleep = false;
	ca_answer(x, 200, "application/json", "{\"type\":\"http-01\",\"status\":\"processing\"}");
}

static void ca_serve_finalize(struct exchange *x, const json_t *payload)
{
	if (!str_eq(ca.order, "ready")) {
		ca_problem(x, 403, "orderNotReady");
		return;
	}
	assert_string_equal(json_str(payload, "csr"), "Q1NS");
	ca.order = "processing";
	ca_send_order(x, 200);
}

static void ca_serve_account(struct exchange *x, const json_t *payload)
{
	_cleanup_free_ char *body = xasprintf("{\"status\":\"%s\"}", ca.account_status ? ca.account_status : "valid");

	json_decref(ca.account);
	ca.account = json_deep_copy(payload);
	ca_header(x, "Location", CA_KID);
	ca_answer(x, ca.account_http, "application/json", body);
}

/* Checking. */

static json_t *ca_part(const char *text, size_t len)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	assert_int_equal(base64url_decode(&json, text, len), 0);
	return len ? json_read(json.data, json.len, NULL) : NULL;
}

/* ES384 is the sign of the certificate's own key. */
static void ca_check_signature(const json_t *jws, const json_t *head)
{
	_cleanup_free_ char *input = xasprintf("%s.%s", json_str(jws, "protected"), json_str(jws, "payload"));
	_cleanup_free_ char *expected = NULL;
	unsigned char mac[SHA256_SIZE];

	hmac_sha256(slice_str(str_eq(json_str(head, "alg"), "ES384") ? "cert-key" : "account-key"), slice_str(input), mac);
	expected = base64url_str(mac, sizeof(mac));
	assert_string_equal(json_str(jws, "signature"), expected);
}

/* The payload (NULL: empty), if the nonce is good; else answers. */
static bool ca_check(struct exchange *x, json_t **payload)
{
	_cleanup_json_ json_t *jws = json_read(x->body, strlen(x->body), NULL), *head = NULL;
	const char *p;

	assert_non_null(jws);
	p = json_str(jws, "protected");
	head = ca_part(p, strlen(p));
	ca_check_signature(jws, head);
	p = json_str(jws, "payload");
	*payload = ca_part(p, strlen(p));
	assert_int_equal(json_object_size(head), 4);
	assert_string_equal(json_str(head, "url"), x->url);
	free(ca.signer);
	ca.signer = xstrdup(json_str(head, "kid") ? "kid" : "jwk");
	if (*payload) {
		json_decref(ca.posted);
		ca.posted = json_incref(*payload);
	}
	assert_string_equal(x->headers[0], "Content-Type: application/jose+json");
	if (str_ends(x->url, "/account") || str_eq(json_str(head, "alg"), "ES384"))
		assert_non_null(json_object_get(head, "jwk"));
	else
		assert_string_equal(json_str(head, "kid"), CA_KID);
	if (ca_use_nonce(json_str(head, "nonce")))
		return true;
	ca_problem(x, 400, "badNonce");
	return false;
}

static size_t ca_index(const char *path)
{
	size_t i = (size_t)strtol(strrchr(path, '/') + 1, NULL, 10);

	assert_true(i < ca.authzs);
	return i;
}

static void ca_serve_post_as_get(struct exchange *x, const char *path)
{
	if (str_starts(path, "/authz/")) {
		ca_serve_authz(x, ca_index(path));
	} else if (str_eq(path, "/order/1") && ca.order) {
		ca_serve_order(x);
	} else if (str_eq(path, "/certificate")) {
		assert_string_equal(x->headers[1], "Accept: application/pem-certificate-chain");
		if (ca.links)
			ca_header(x, "Link", ca.links);
		ca_answer(x, 200, "application/pem-certificate-chain", ca.chain ? ca.chain : "");
	} else if (str_eq(path, "/certificate/1") && ca.alternate) {
		ca_answer(x, 200, "application/pem-certificate-chain", ca.alternate);
	} else {
		ca_problem(x, 404, "malformed");
	}
}

static void ca_serve_page(struct exchange *x, const char *path)
{
	if (str_eq(path, "/list"))
		ca_header(x, "Link", "</list/2>;rel=\"next\"");
	if (ca.page_header)
		strv_add(&x->answer_headers, ca.page_header);
	ca_answer(x, 200, "application/json",
		  str_starts(path, "/list") ? "{\"orders\":[\"https://ca.example/order/1\"]}" : ca.page ? ca.page : "");
}

static void ca_serve_post(struct exchange *x, const char *path, const json_t *payload)
{
	if (str_starts(path, "/revoke"))
		x->status = 200; /* and not a byte more */
	else if (str_starts(path, "/account/") || str_starts(path, "/list") || str_eq(path, "/key"))
		ca_serve_page(x, path);
	else if (str_eq(path, "/account"))
		ca_serve_account(x, payload);
	else if (str_eq(path, "/orders"))
		ca_serve_neworder(x, payload);
	else if (str_eq(path, "/finalize"))
		ca_serve_finalize(x, payload);
	else if (str_starts(path, "/challenge/") && json_is_object(payload) && !json_object_size(payload))
		ca_serve_challenge(x, ca_index(path));
	else if (!payload)
		ca_serve_post_as_get(x, path);
	else
		ca_problem(x, 404, "malformed");
}

static struct fault *ca_fault_of(const char *line)
{
	for (size_t i = 0; i < ca.faults; i++) {
		struct fault *f = &ca.fault[i];

		if (!str_starts(line, f->on) || f->skip-- > 0 || f->times <= 0)
			continue;
		f->times--;
		return f;
	}
	return NULL;
}

static void ca_apply_fault(struct exchange *x, const struct fault *f)
{
	buf_clear(&x->answer);
	if (!f->status) {
		if (f->kind == ERR_TIMEOUT)
			x->takes_ms = 1 << 30;
		else
			err_set(&x->lost, f->kind ? f->kind : ERR_NETWORK, "the connection broke");
		return;
	}
	x->takes_ms += f->takes_ms;
	x->status = f->status;
	strv_free(TAKE(x->answer_headers));
	ca_header(x, "Content-Type", f->body && *f->body == '{' ? "application/problem+json" : "text/html");
	if (f->header)
		strv_add(&x->answer_headers, f->header);
	if (f->body)
		buf_add_str(&x->answer, f->body);
	if (!ca.no_replay_nonce)
		ca_nonce(x);
}

/* A resource of the directory where it was before the prefix changed. */
static bool ca_moved_away(const char *path)
{
	return *ca.prefix && (str_eq(path, "/nonce") || str_eq(path, "/orders") || str_eq(path, "/account"));
}

void world_serve(struct exchange *x)
{
	const char *path = x->url + strlen(CA_HOST);
	_cleanup_free_ char *line = xasprintf("%s %s", x->method, path);
	_cleanup_json_ json_t *payload = NULL;
	struct fault *f;

	assert_true(str_starts(x->url, CA_HOST));
	buf_addf(&ca.log, "%s\n", line);
	x->takes_ms = 10;
	if (++ca.exchanges == ca.stop_after)
		loop_stop(world_loop);
	f = ca_fault_of(line);
	if (f && !f->done_first) {
		ca_apply_fault(x, f);
		return;
	}
	if (str_eq(path, "/directory")) {
		ca_serve_directory(x);
	} else if (ca_moved_away(path)) {
		ca_problem(x, 404, "malformed");
	} else if (str_eq(x->method, "GET")) {
		ca_serve_page(x, path);
	} else if (str_eq(x->method, "HEAD")) {
		x->status = 200;
		ca_nonce(x);
	} else {
		if (ca_check(x, &payload))
			ca_serve_post(x, path + (str_starts(path, ca.prefix) ? strlen(ca.prefix) : 0), payload);
		if (!ca.no_replay_nonce)
			ca_nonce(x);
	}
	if (f)
		ca_apply_fault(x, f);
}

/* The env. */

struct answer_later {
	struct timer timer;
	acme_bytes_cb *cb;
	void *arg;
	unsigned char bytes[SHA256_SIZE];
	size_t len;
	struct err err;
};

static struct {
	struct acme_env env;
	struct acme *acme;
	bool sign_fails, save_fails, publish_fails;
	int sign_ms;
	int saves;
	char *saved;          /* the latest */
	struct buf steps;     /* of each save, " step" */
	struct buf published; /* "token=key authorization\n" */
	int done;
	char *chain;
	struct err err;
	bool ran_out, goes_on; /* what the order says of its failure */
} our;

static void later_now(void *arg)
{
	struct answer_later *l = arg;
	struct slice bytes = slice(l->bytes, l->len);

	l->cb(l->arg, err_is_set(&l->err) ? NULL : &bytes, err_is_set(&l->err) ? &l->err : NULL);
	free(l);
}

static struct answer_later *later(int ms, acme_bytes_cb *cb, void *arg)
{
	struct answer_later *l = xcalloc(1, sizeof(*l));

	l->cb = cb;
	l->arg = arg;
	timer_start(&l->timer, world_loop, ms, later_now, l);
	return l;
}

static void our_sign(void *arg, const char *key, struct slice data, acme_bytes_cb *cb, void *cb_arg)
{
	struct answer_later *l = later(our.sign_ms, cb, cb_arg);

	assert_ptr_equal(arg, &our);
	if (our.sign_fails)
		err_set(&l->err, ERR_INTERNAL, "the keeper is gone");
	l->len = SHA256_SIZE;
	hmac_sha256(slice_str(key), data, l->bytes);
}

static void our_hmac(void *arg, const char *key, const char *alg, struct slice data, acme_bytes_cb *cb, void *cb_arg)
{
	our_sign(arg, key, data, cb, cb_arg);
}

static int our_save(void *arg, struct order *o, struct err *e)
{
	if (our.save_fails)
		return err_set(e, ERR_STORAGE, "the disk is full");
	our.saves++;
	free(our.saved);
	our.saved = order_save(o);
	buf_addf(&our.steps, " %s", order_step_name(o));
	return 0;
}

static void our_publish(void *arg, struct order *o, const struct acme_answer *answers, size_t count, acme_bytes_cb *cb,
			void *cb_arg)
{
	struct answer_later *l = later(1, cb, cb_arg);

	if (our.publish_fails)
		err_set(&l->err, ERR_STORAGE, "the disk is full");
	for (size_t i = 0; !our.publish_fails && i < count; i++) {
		assert_string_equal(answers[i].type, "http-01");
		buf_addf(&our.published, "%s=%s\n", answers[i].token, answers[i].key_auth);
	}
	assert_int_equal(ca_count("POST /challenge/"), 0);
}

static void our_csr(void *arg, struct order *o, acme_bytes_cb *cb, void *cb_arg)
{
	struct answer_later *l = later(1, cb, cb_arg);

	l->len = 3;
	memcpy(l->bytes, "CSR", 3);
}

static void our_done(void *arg, struct order *o, const char *chain, const struct err *err)
{
	assert_true(!chain != !err);
	our.done++;
	free(our.chain);
	our.chain = chain ? xstrdup(chain) : NULL;
	if (err)
		our.err = *err;
	our.ran_out = order_ran_out(o);
	our.goes_on = err && order_goes_on(o, err);
	order_free(o);
}

static struct acme_account our_account(void)
{
	return (struct acme_account){ .key = "account-key", .jwk = CA_JWK, .alg = "ES256", .kid = CA_KID };
}

/* cmocka's setup and teardown: each test has a world of its own. */
static int world_begin(void **state)
{
	ca_reset();
	world_create();
	world_loop = loop_new();
	our.env = (struct acme_env){
		.loop = world_loop,
		.arg = &our,
		.sign = our_sign,
		.hmac = our_hmac,
		.save = our_save,
		.publish = our_publish,
		.csr = our_csr,
		.done = our_done,
	};
	our.acme = acme_new(&our.env, CA_DIRECTORY, NULL);
	return 0;
}

static int world_end(void **state)
{
	acme_free(our.acme);
	loop_free(TAKE(world_loop));
	free(our.saved);
	free(our.chain);
	buf_release(&our.steps);
	buf_release(&our.published);
	memset(&our, 0, sizeof(our));
	ca_reset();
	return 0;
}

#endif
