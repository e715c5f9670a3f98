/* A real CA, Pebble: accounts of every kind of key, several orders at once, refused nonces, refused names. */
#include "acme/acme.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "pki/key.h"

#define ORDERS 6
#define MAC_KEY "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

extern char **environ;
static char dir[] = "/tmp/certera-pebble-XXXXXX";
static struct loop *loop;
static struct timer watchdog;
static struct pebble {
	pid_t pid;
	struct sockaddr_in at;
	char *directory;
} pebble;

static void run(const char *script)
{
	char *const argv[] = { "sh", "-ec", (char *)script, "sh", dir, NULL };
	int status;
	pid_t pid;

	assert_int_equal(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Pebble. */

static int free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

static bool answers(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)&pebble.at, sizeof(pebble.at)) == 0;
}

static void write_config(const char *file, bool eab)
{
	_cleanup_fclose_ FILE *f = fopen(file, "w");

	assert_non_null(f);
	fprintf(f,
		"{\"pebble\":{\"listenAddress\":\"127.0.0.1:%d\",\"managementListenAddress\":\"127.0.0.1:%d\","
		"\"certificate\":\"%s/cert.pem\",\"privateKey\":\"%s/key.pem\",\"httpPort\":%d,\"tlsPort\":%d,"
		"\"externalAccountBindingRequired\":%s,\"externalAccountMACKeys\":{\"kid-1\":\"" MAC_KEY "\"}}}\n",
		ntohs(pebble.at.sin_port), free_port(), dir, dir, free_port(), free_port(), eab ? "true" : "false");
}

/* validates: with a name server that is not there, every name is refused; else every name is fine. */
static void pebble_start(bool validates, bool eab)
{
	int port = free_port();
	_cleanup_free_ char *config = xasprintf("%s/%d.json", dir, port);
	_cleanup_free_ char *nowhere = xasprintf("127.0.0.1:%d", free_port());
	char *const argv[] = { "pebble", "-strict", "-config", config, "-dnsserver", nowhere, NULL };
	char *const env[] = { "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=15", "PEBBLE_AUTHZREUSE=50",
			      validates ? NULL : "PEBBLE_VA_ALWAYS_VALID=1", NULL };
	posix_spawn_file_actions_t quiet;
	int rc;

	pebble.at = (struct sockaddr_in){ .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					  .sin_port = htons((uint16_t)port) };
	write_config(config, eab);
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(&pebble.pid, "pebble", &quiet, NULL, argv, env);
	posix_spawn_file_actions_destroy(&quiet);
	if (rc != 0) {
		pebble.pid = 0;
		print_message("# pebble is not installed; contrib/install-deps test installs it\n");
		skip();
	}
	for (int i = 0; !answers(); i++) {
		assert_true(i < 500);
		usleep(20000);
	}
	pebble.directory = xasprintf("https://127.0.0.1:%d/dir", port);
}

/* The teardown of each test, so that it happens also when one fails. */
static int pebble_stop(void **state)
{
	if (pebble.pid) {
		kill(pebble.pid, SIGTERM);
		waitpid(pebble.pid, NULL, 0);
	}
	free(pebble.directory);
	memset(&pebble, 0, sizeof(pebble));
	return 0;
}

/* Us. */

struct person { /* an account */
	struct key *key;
	char *jwk, *kid;
	const char *alg;
};

struct job { /* an order */
	struct order *order;
	struct key *key;
	struct buf spki;
	char **names;
	char *chain;
	int published;
	struct err err;
};

static struct {
	struct person *person;
	struct acme_env env;
	struct acme *acme;
	int pending;
	struct err err;
} us;

static struct key *new_key(enum key_type type, struct buf *spki)
{
	struct err e;
	struct key *key = key_generate(type, &e);

	assert_non_null(key);
	assert_int_equal(key_spki(key, spki, &e), 0);
	return key;
}

struct later {
	struct timer timer;
	acme_bytes_cb *cb;
	void *arg;
	struct buf bytes;
	struct err err;
};

static void answer(void *arg)
{
	struct later *l = arg;
	struct slice bytes = slice_buf(&l->bytes);

	l->cb(l->arg, &bytes, err_is_set(&l->err) ? &l->err : NULL);
	buf_release(&l->bytes);
	free(l);
}

static struct later *later(acme_bytes_cb *cb, void *arg)
{
	struct later *l = xcalloc(1, sizeof(*l));

	l->cb = cb;
	l->arg = arg;
	timer_start(&l->timer, loop, 0, answer, l);
	return l;
}

static void sign(void *arg, const char *key, struct slice data, acme_bytes_cb *cb, void *cb_arg)
{
	struct later *l = later(cb, cb_arg);

	key_sign(us.person->key, data, &l->bytes, &l->err);
}

static void hmac(void *arg, const char *key, const char *alg, struct slice data, acme_bytes_cb *cb, void *cb_arg)
{
	struct later *l = later(cb, cb_arg);
	_cleanup_buf_ struct buf mac_key = BUF_INIT;
	unsigned char mac[SHA256_SIZE];

	assert_int_equal(base64url_decode(&mac_key, key, strlen(key)), 0);
	hmac_sha256(slice_buf(&mac_key), data, mac);
	buf_add(&l->bytes, mac, sizeof(mac));
}

static int save(void *arg, struct order *o, struct err *e)
{
	return 0;
}

static void publish(void *arg, struct order *o, const struct acme_answer *answers, size_t count, acme_bytes_cb *cb,
		    void *cb_arg)
{
	struct job *job = order_owner(o);

	for (size_t i = 0; i < count; i++)
		assert_true(str_starts(answers[i].key_auth, answers[i].token));
	job->published += (int)count;
	later(cb, cb_arg);
}

static void csr(void *arg, struct order *o, acme_bytes_cb *cb, void *cb_arg)
{
	struct job *job = order_owner(o);
	struct later *l = later(cb, cb_arg);

	csr_make(job->key, job->names, &(struct csr_details){ 0 }, &l->bytes, &l->err);
}

static void one_less(void)
{
	if (--us.pending == 0)
		loop_stop(loop);
}

static void done(void *arg, struct order *o, const char *chain, const struct err *err)
{
	struct job *job = order_owner(o);

	job->chain = chain ? xstrdup(chain) : NULL;
	if (err)
		job->err = *err;
	order_free(o);
	one_less();
}

static void too_long(void *arg)
{
	fail_msg("it took too long");
}

static void wait_for(int pending)
{
	us.pending = pending;
	timer_start(&watchdog, loop, 60000, too_long, NULL);
	loop_run(loop);
	timer_stop(&watchdog);
}

static void us_begin(const char *directory)
{
	_cleanup_free_ char *ca_file = xasprintf("%s/cert.pem", dir);

	loop = loop_new();
	us.env = (struct acme_env){ .loop = loop,
				    .fetcher = fetcher_new(loop, "certera-test"),
				    .sign = sign,
				    .hmac = hmac,
				    .save = save,
				    .publish = publish,
				    .csr = csr,
				    .done = done };
	us.acme = acme_new(&us.env, directory, ca_file);
}

static void us_end(void)
{
	acme_free(us.acme);
	fetcher_free(us.env.fetcher);
	loop_free(loop);
}

static struct person person(enum key_type type)
{
	_cleanup_buf_ struct buf spki = BUF_INIT;
	struct person p = { .key = new_key(type, &spki) };

	p.jwk = spki_jwk(slice_buf(&spki), NULL);
	p.alg = spki_jws_alg(slice_buf(&spki));
	assert_non_null(p.jwk);
	return p;
}

static void person_release(struct person *p)
{
	key_free(p->key);
	free(p->jwk);
	free(p->kid);
}

static struct acme_account account_of(const struct person *p)
{
	return (struct acme_account){ .key = "the only one", .jwk = p->jwk, .alg = p->alg, .kid = p->kid };
}

static bool was_known;

static void registered(void *arg, const struct acme_registered *r, const struct err *err)
{
	struct person *p = arg;

	err_clear(&us.err);
	if (err) {
		us.err = *err;
	} else {
		free(p->kid);
		p->kid = xstrdup(r->kid);
		was_known = r->existing;
	}
	one_less();
}

static void enroll(struct person *p, struct acme_registration q)
{
	us.person = p;
	q.account = account_of(p);
	acme_register_start(us.acme, &q, registered, p);
	wait_for(1);
}

static void order_begin(struct job *job, const char *names)
{
	job->names = strv_split(names, " ");
	job->key = new_key(KEY_P256, &job->spki);
	struct order_params q = { .account = account_of(us.person),
				  .names = job->names,
				  .spki = slice_buf(&job->spki) };

	job->order = order_new(us.acme, &q, job);
	order_start(job->order);
}

static void job_release(struct job *job)
{
	key_free(job->key);
	buf_release(&job->spki);
	strv_free(job->names);
	free(job->chain);
}

static void assert_issued(const struct job *job)
{
	struct chain chain = { 0 };
	struct err e = { 0 };

	if (err_is_set(&job->err))
		fail_msg("%s (%s)", job->err.message, job->err.detail);
	assert_int_equal(chain_parse(&chain, slice_str(job->chain), &e), 0);
	assert_true(chain.count >= 2);
	assert_string_not_equal(chain.cert[chain.count - 1].subject, chain.cert[chain.count - 1].issuer);
	assert_int_equal(strv_len(chain.cert[0].names), strv_len(job->names));
	chain_release(&chain);
}

/* Tests. */

static void accounts_and_orders(void **state)
{
	static const enum key_type types[] = { KEY_P256, KEY_P384, KEY_RSA_2048 };

	pebble_start(false, false);
	us_begin(pebble.directory);
	for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
		struct person p = person(types[t]);
		struct job jobs[ORDERS] = { 0 };
		char *contact[] = { "mailto:someone@example.org", NULL };
		_cleanup_free_ char *kid = NULL;

		enroll(&p, (struct acme_registration){ 0 });
		assert_string_equal(us.err.code, "userActionRequired"); /* Pebble has terms */
		assert_true(str_starts(us.err.detail, "data:"));
		enroll(&p, (struct acme_registration){ .contact = contact, .terms_agreed = true });
		if (err_is_set(&us.err))
			fail_msg("%s (%s)", us.err.message, us.err.detail);
		assert_false(was_known);
		kid = xstrdup(p.kid);
		enroll(&p, (struct acme_registration){ .terms_agreed = true });
		assert_true(was_known);
		assert_string_equal(p.kid, kid);

		for (int i = 0; i < ORDERS; i++)
			order_begin(&jobs[i], i % 2 ? "a.example b.example c.example" : "b.example");
		wait_for(ORDERS);
		for (int i = 0; i < ORDERS; i++) {
			assert_issued(&jobs[i]);
			job_release(&jobs[i]);
		}
		person_release(&p);
	}
	us_end();
}

static void refused_names(void **state)
{
	struct person p = person(KEY_P256);
	struct job job = { 0 };

	pebble_start(true, false);
	us_begin(pebble.directory);
	enroll(&p, (struct acme_registration){ .terms_agreed = true });
	order_begin(&job, "nowhere.example");
	wait_for(1);
	assert_null(job.chain);
	assert_int_equal(job.published, 1);
	assert_true(str_starts(job.err.message, "waiting for the CA to validate: nowhere.example: "));
	assert_true(*job.err.code && *job.err.detail && *job.err.hint);
	job_release(&job);

	p.kid[strlen(p.kid) - 1] ^= 1; /* an account that Pebble does not have */
	job = (struct job){ 0 };
	order_begin(&job, "nowhere.example");
	wait_for(1);
	assert_true(str_starts(job.err.message, "asking the CA for an order: https://127.0.0.1:"));
	assert_int_equal(job.err.kind, ERR_CA);
	job_release(&job);
	us_end();
	person_release(&p);
}

static void external_account_binding(void **state)
{
	struct person p = person(KEY_P256);

	pebble_start(false, true);
	us_begin(pebble.directory);
	enroll(&p, (struct acme_registration){ .terms_agreed = true });
	assert_string_equal(us.err.code, "externalAccountRequired");
	enroll(&p, (struct acme_registration){ .terms_agreed = true, .eab_kid = "kid-1", .eab_key = "AAAA" });
	assert_int_equal(us.err.kind, ERR_CA);
	enroll(&p, (struct acme_registration){ .terms_agreed = true, .eab_kid = "kid-1", .eab_key = MAC_KEY });
	if (err_is_set(&us.err))
		fail_msg("%s (%s)", us.err.message, us.err.detail);
	assert_non_null(p.kid);
	us_end();
	person_release(&p);
}

static void not_a_ca(void **state)
{
	_cleanup_free_ char *wrong = NULL;
	struct person p = person(KEY_P256);

	pebble_start(false, false);
	wrong = xasprintf("https://127.0.0.1:%d/nonce-plz", ntohs(pebble.at.sin_port));
	us_begin(wrong);
	enroll(&p, (struct acme_registration){ .terms_agreed = true });
	assert_int_equal(us.err.kind, ERR_PROTOCOL);
	assert_true(strstr(us.err.message, wrong) != NULL);
	us_end();
	person_release(&p);
}

static int make_certificate(void **state)
{
	assert_non_null(mkdtemp(dir));
	run("cd $1; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=pebble"
	    " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2>/dev/null");
	return 0;
}

static int clean_up(void **state)
{
	run("rm -r $1");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(accounts_and_orders, pebble_stop),
		cmocka_unit_test_teardown(refused_names, pebble_stop),
		cmocka_unit_test_teardown(external_account_binding, pebble_stop),
		cmocka_unit_test_teardown(not_a_ca, pebble_stop),
	};

	log_setup(LOG_LEVEL_WARN, false);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_certificate, clean_up);
}
