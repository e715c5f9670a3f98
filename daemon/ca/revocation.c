/*
 * Is the version in force revoked?  Its CA is asked as the certificate itself says: OCSP first, then CRLs.
 *
 *	revocation_due()	which URLs does it name?
 *	ask_next()		one after the other, until one answers for sure
 *	revocation_finish()		the answer, what follows from it, and when to ask again, in one transaction
 *
 * The URLs may be anybody's, as certificates are imported too: http, and public addresses only (fetch.h), each
 * answer bounded, and nothing believed that the issuer did not sign.
 */
#include "daemon/ca/revocation.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "pki/extension.h"
#include "pki/file/collect.h"
#include "pki/revocation/ocsp.h"
#include "pki/revocation/reason.h"
#include "store/cert_plan.h"
#include "store/event/history.h"
#include "store/key/compromise.h"
#include "store/notify/alert.h"

#include "daemon/ca/crl.h"
#include "daemon/engine/retry.h"

#define HOUR 3600
#define TIMEOUT_MS 15000
#define ANSWER_MOST (64 * 1024)
#define REDIRECTS 3
#define URLS_MOST 4 /* of a kind */

struct source {
	enum extension_url kind;
	char *url;
};

struct inquiry {
	struct job job;
	struct rec_cert cert; /* as of the begin; reread before it is changed */
	struct rec_version version;
	struct chain chain; /* of the version, with its issuer behind if that had to be fetched */
	struct source source[3 * URLS_MOST];
	size_t sources, next; /* the one asked is next - 1 */
	bool nobody;          /* none of them knows of revocation */
	struct fetch *fetch;
	struct crl_question *crl;
	struct revocation answer;         /* of answered_by */
	const struct source *answered_by; /* NULL: nobody, so far */
	struct err why;                   /* the first failure */
};

static void inquiry_free(struct inquiry *q)
{
	if (q->fetch)
		fetch_cancel(q->fetch);
	if (q->crl)
		crl_cancel(q->crl);
	for (size_t i = 0; i < q->sources; i++)
		free(q->source[i].url);
	chain_release(&q->chain);
	rec_cert_release(&q->cert);
	rec_version_release(&q->version);
	free(q);
}

static void inquiry_cancel(struct job *job)
{
	inquiry_free((struct inquiry *)job);
}

static const struct cert *leaf(const struct inquiry *q)
{
	return &q->chain.cert[0];
}

/*
 * The end: what was heard goes into the store.
 */

/* With so much jitter that what was asked together is not asked together again. */
static int64_t next_time(const struct engine *g, const struct rec_version *version, int64_t now)
{
	int64_t wait = g->config->revocation_every;

	if (version->state_until > now)
		wait = MIN(wait, MAX(version->state_until - now, HOUR));
	return now + wait - (int64_t)random_below((uint64_t)wait / 4 + 1);
}

static int add_event(struct txn *t, const struct rec_cert *cert, const struct rec_version *version, const char *action,
		     struct err *e, const char *sentence)
{
	log_warn("certificate %s: serial %s %s", cert->name, version->serial, sentence);
	if (version->revoked && alert_raise_cert(t, ALERT_revoked, cert, e, "Version %lld, serial %s, %s.",
						 (long long)cert->current, version->serial, sentence) < 0)
		return -1;
	return history_add(
		t, &(struct event_of){ .actor = "engine", .action = action, .object = cert->id, .name = cert->name }, e,
		"version %lld, serial %s, %s", (long long)cert->current, version->serial, sentence);
}

/* Another one is wanted at once, where we can have one. */
static int order_another(struct engine *g, struct txn *t, struct rec_cert *cert, const struct rec_version *version,
			 struct err *e)
{
	if (!g->config->revocation_replace || cert->imported || cert->disabled || cert->open_order ||
	    (cert->own_csr && str_eq(version->reason, REVOCATION_KEY_COMPROMISE)))
		return 0;
	return MIN(cert_wish(t, cert, e), 0);
}

/* What else has a key that others know is replaced, too. */
static int spread(struct inquiry *q, struct txn *t, const struct rec_version *version, struct err *e)
{
	_cleanup_free_ char *digest = spki_digest(slice_buf(&leaf(q)->spki));

	return str_eq(version->reason, REVOCATION_KEY_COMPROMISE) ? compromise_add(t, digest, version, e) : 0;
}

static int found_revoked(struct inquiry *q, struct txn *t, struct rec_cert *cert, struct rec_version *version,
			 struct err *e)
{
	_cleanup_free_ char *sentence = NULL;
	char when[CLOCK_RFC3339_SIZE];

	version->revoked = q->answer.revoked_at ? q->answer.revoked_at : clock_now();
	version->found_revoked = true;
	record_set(&version->reason, q->answer.reason ? q->answer.reason : "unspecified");
	cert->revoked = version->revoked;
	sentence = xasprintf("was revoked by its CA at %s (%s), says %s", clock_rfc3339(when, version->revoked),
			     version->reason, version->state_from);
	if (order_another(q->job.engine, t, cert, version, e) < 0 || spread(q, t, version, e) < 0)
		return -1;
	return add_event(t, cert, version, "certificate.found-revoked", e, sentence);
}

/* It was on hold (RFC 5280 section 5.3.1), and is no more. */
static int found_good_again(struct txn *t, struct rec_cert *cert, struct rec_version *version, struct err *e)
{
	version->revoked = cert->revoked = 0;
	version->found_revoked = false;
	record_set(&version->reason, NULL);
	return add_event(t, cert, version, "certificate.found-good", e, "is no longer revoked, says its CA");
}

static int put_answer(struct inquiry *q, struct txn *t, struct rec_cert *cert, struct rec_version *version,
		      struct err *e)
{
	version->state_time = clock_now();
	version->state_until = q->answer.next_update;
	version->state_failures = 0;
	record_set(&version->state, revocation_word(q->answer.state));
	record_set(&version->state_from, q->answered_by->url);
	record_set(&version->trouble, NULL);
	if (q->answer.state == REVOCATION_REVOKED && !version->revoked)
		return found_revoked(q, t, cert, version, e);
	if (q->answer.state == REVOCATION_GOOD && version->found_revoked)
		return found_good_again(t, cert, version, e);
	return 0;
}

/* Nobody answered: what was heard before stays, for as long as it counts. */
static void put_trouble(struct inquiry *q, struct rec_version *version)
{
	_cleanup_free_ char *problem = error_text(&q->why);

	log_info("certificate %s: is it revoked? %s", q->cert.name, q->why.message);
	record_set(&version->trouble, problem);
	version->state_failures++;
}

static int revocation_plan_next(struct inquiry *q, struct txn *t, const struct rec_cert *cert,
				const struct rec_version *version,
		     struct err *e)
{
	struct engine *g = q->job.engine;
	int64_t now = clock_now(), next, again;

	if (cert->revocation_asked) /* while it was asked of our own accord, with what was kept */
		return agenda_set(t, AGENDA_revocation, cert->id, now, e);
	if (q->nobody || version->not_after <= now)
		return agenda_delete(t, AGENDA_revocation, q->cert.id, e);
	next = next_time(g, version, now);
	again = retry_at(version->state_failures, &q->why, now) + (int64_t)random_below(60);
	if (version->state_failures)
		next = MIN(next, again);
	return agenda_set(t, AGENDA_revocation, q->cert.id, next, e);
}

static int revocation_put_result(struct inquiry *q, struct txn *t, struct rec_cert *cert, struct rec_version *version,
		      struct err *e)
{
	record_set(&version->issuer_cert, q->version.issuer_cert);
	if (q->nobody)
		record_set(&version->state, "none");
	else if (!q->answered_by)
		put_trouble(q, version);
	else if (put_answer(q, t, cert, version, e) < 0)
		return -1;
	if (q->cert.revocation_asked)
		cert->revocation_asked = false;
	if (rec_version_put(t, version, e) < 0 || rec_cert_put(t, cert, e) < 0)
		return -1;
	return revocation_plan_next(q, t, cert, version, e);
}

static int revocation_finish(struct inquiry *q, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(q->job.engine->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, q->job.id, e) < 0 || rec_version_get(t, &version, q->version.id, e) < 0) {
		if (e->kind != ERR_MISSING || agenda_delete(t, AGENDA_revocation, q->job.id, e) < 0)
			return -1;
		return txn_commit(TAKE(t), e); /* removed meanwhile */
	}
	if (cert.current != q->cert.current) /* as is this: another one is in force, with a row of its own */
		return 0;
	return revocation_put_result(q, t, &cert, &version, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

static void revocation_end(struct inquiry *q)
{
	struct engine *g = q->job.engine;
	struct err e = { 0 };

	if (revocation_finish(q, &e) < 0)
		engine_hold(g, &e);
	engine_end(&q->job);
	inquiry_free(q);
}

/*
 * Asking.
 */

static void revocation_failed(struct inquiry *q, const struct err *why)
{
	static const char *const asked[] = {
		[EXTENSION_URL_OCSP] = "the OCSP responder",
		[EXTENSION_URL_ISSUER] = "the issuer's certificate",
		[EXTENSION_URL_CRL] = "the CRL",
	};
	const struct source *s = &q->source[q->next - 1];
	struct err e = *why;

	err_prefix(&e, "%s %.200s", asked[s->kind], s->url);
	log_debug("certificate %s: %s", q->cert.name, e.message);
	if (!err_is_set(&q->why))
		q->why = e;
}

/* An answer that is believed.  "unknown" is the last word only if nobody knows better. */
static bool heard(struct inquiry *q, const struct revocation *answer)
{
	q->answer = *answer;
	q->answered_by = &q->source[q->next - 1];
	return answer->state != REVOCATION_UNKNOWN;
}

static const struct cert *issuer(const struct inquiry *q)
{
	return &q->chain.cert[1];
}

static bool ask_next(struct inquiry *q);

static void go_on(struct inquiry *q, bool sure)
{
	if (sure || !ask_next(q))
		revocation_end(q);
}

static int check_reply(const struct fetch_reply *reply, struct err *e)
{
	if (reply->err) {
		*e = *reply->err;
		return -1;
	}
	return reply->status == 200
		       ? 0
		       : err_set(e, ERR_PROTOCOL, "its server answered with HTTP status %d", reply->status);
}

static void ocsp_answered(void *arg, const struct fetch_reply *reply)
{
	struct inquiry *q = arg;
	struct revocation answer;
	struct err why = { 0 };
	bool sure = false;

	q->fetch = NULL;
	if (check_reply(reply, &why) < 0 ||
	    ocsp_read(slice(reply->body, reply->body_len), leaf(q), issuer(q), clock_now(), &answer, &why) < 0)
		revocation_failed(q, &why);
	else
		sure = heard(q, &answer);
	go_on(q, sure);
}

static int64_t crl_answered(void *arg, struct slice der, const struct err *none)
{
	struct inquiry *q = arg;
	struct revocation answer = { .state = REVOCATION_UNKNOWN };
	struct err why = none ? *none : (struct err){ 0 };
	int64_t until = 0;
	bool sure = false;

	q->crl = NULL;
	if (none || crl_read(der, leaf(q), issuer(q), q->source[q->next - 1].url, clock_now(), &answer, &why) < 0) {
		revocation_failed(q, &why);
	} else {
		sure = heard(q, &answer);
		until = answer.next_update;
	}
	go_on(q, sure);
	return until;
}

/* Whoever's certificate it is: if the leaf's signature is by its key, that key is the issuer's. */
static int take_issuer(struct inquiry *q, struct slice file, struct err *e)
{
	_cleanup_chain_ struct chain found = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;

	if (collect_certs(&found, file, e) < 0)
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		if (cert_signed_by(leaf(q), &found.cert[i], NULL) < 0)
			continue;
		chain_pem(&found, i, i + 1, &pem);
		record_set(&q->version.issuer_cert, buf_str(&pem));
		q->chain.cert = xreallocarray(q->chain.cert, 2, sizeof(*q->chain.cert));
		if (cert_parse(&q->chain.cert[1], slice_buf(&found.cert[i].der), e) < 0)
			return -1;
		q->chain.count = 2;
		return 0;
	}
	return err_set(e, ERR_INVALID, "what is there did not issue the certificate");
}

static void issuer_answered(void *arg, const struct fetch_reply *reply)
{
	struct inquiry *q = arg;
	struct err why = { 0 };

	q->fetch = NULL;
	if (check_reply(reply, &why) < 0 || take_issuer(q, slice(reply->body, reply->body_len), &why) < 0)
		revocation_failed(q, &why);
	go_on(q, false);
}

static void fetch(struct inquiry *q, const struct source *s, const struct buf *body, fetch_cb *cb)
{
	static const char *const headers[] = { "Content-Type: application/ocsp-request",
					       "Accept: application/ocsp-response", NULL };
	struct engine *g = q->job.engine;
	struct fetch_request rq = {
		.url = s->url,
		.allow_http = true,
		.max_redirects = REDIRECTS,
		.timeout_ms = TIMEOUT_MS,
		.max_body = ANSWER_MOST,
		.public_only = true,
		.but = &g->config->revocation_private,
		.headers = body ? headers : NULL,
		.body = body ? body->data : NULL,
		.body_len = body ? body->len : 0,
	};

	q->fetch = fetch_start(g->fetcher, &rq, cb, q);
}

static int ask_ocsp(struct inquiry *q, const struct source *s, struct err *e)
{
	_cleanup_buf_ struct buf request = BUF_INIT;

	if (ocsp_request(leaf(q), issuer(q), &request, e) < 0)
		return -1;
	fetch(q, s, &request, ocsp_answered);
	return 0;
}

/* The next one that makes sense.  False: there is none left. */
static bool ask_next(struct inquiry *q)
{
	while (!q->nobody && q->next < q->sources) {
		const struct source *s = &q->source[q->next++];
		bool has_issuer = q->chain.count > 1;
		struct err why = { 0 };

		if (s->kind == EXTENSION_URL_ISSUER && has_issuer)
			continue;
		if (s->kind == EXTENSION_URL_ISSUER)
			return fetch(q, s, NULL, issuer_answered), true;
		if (!has_issuer)
			err_set(&why, ERR_INVALID,
				"its answers cannot be checked: the issuer's certificate is not in the chain");
		else if (s->kind == EXTENSION_URL_CRL)
			return q->crl = crl_ask(q->job.engine, s->url, q->cert.revocation_asked, crl_answered, q), true;
		else if (ask_ocsp(q, s, &why) == 0)
			return true;
		revocation_failed(q, &why);
	}
	return false;
}

/*
 * Beginning.
 */

static void add_sources(struct inquiry *q, enum extension_url kind)
{
	_cleanup_strv_ char **urls = extension_urls(leaf(q), kind);
	size_t added = 0;

	for (char **url = urls; url && *url && added < URLS_MOST; url++)
		if (!strncasecmp(*url, "http://", 7)) {
			q->source[q->sources++] = (struct source){ kind, xstrdup(*url) };
			added++;
		}
}

static int read_chain(struct inquiry *q, struct err *e)
{
	_cleanup_free_ char *pem =
		xasprintf("%s%s", q->version.chain, q->version.issuer_cert ? q->version.issuer_cert : "");
	size_t issuers;

	if (chain_parse(&q->chain, slice_str(pem), e) < 0)
		return -1;
	if (q->chain.count == 1)
		add_sources(q, EXTENSION_URL_ISSUER);
	issuers = q->sources;
	add_sources(q, EXTENSION_URL_OCSP);
	add_sources(q, EXTENSION_URL_CRL);
	q->nobody = q->sources == issuers;
	return 0;
}

static int revocation_look_up(struct inquiry *q, const char *cert_id, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *id = NULL;

	if (store_read(q->job.engine->store, &t, e) < 0 || rec_cert_get(t, &q->cert, cert_id, e) < 0)
		return -1;
	id = record_child_id(cert_id, q->cert.current);
	return rec_version_get(t, &q->version, id, e) < 0 ? -1 : read_chain(q, e);
}

/* due 0: it is not asked again. */
static int move_row(struct engine *g, const char *id, int64_t due, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 ||
	    (due ? agenda_set(t, AGENDA_revocation, id, due, e) : agenda_delete(t, AGENDA_revocation, id, e)) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

int revocation_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct inquiry *q = xcalloc(1, sizeof(*q));
	int result;

	engine_begin(g, &q->job, row, inquiry_cancel);
	result = revocation_look_up(q, row->id, e);
	if (result < 0 ? e->kind != ERR_STORAGE : q->version.not_after <= clock_now())
		result = move_row(g, row->id, 0, e);
	else if (result >= 0 && !g->config->revocation_check && !q->cert.revocation_asked)
		result = move_row(g, row->id, clock_now() + g->config->revocation_every, e);
	else if (result >= 0)
		return go_on(q, false), 0;
	engine_end(&q->job);
	inquiry_free(q);
	return result;
}

static int plan_one(void *arg, struct txn *t, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	const int64_t *every = arg;
	int64_t due, now = clock_now();
	int planned;

	if (!cert->current || cert->not_after <= now)
		return 0;
	planned = agenda_due(t, AGENDA_revocation, cert->id, &due, e);
	if (planned)
		return MIN(planned, 0);
	return agenda_set(t, AGENDA_revocation, cert->id, now + (int64_t)random_below((uint64_t)*every), e);
}

static int revocation_plan_begin(struct engine *g, struct txn *t, void **arg, struct buf *mark, struct err *e)
{
	*arg = xmemdup(&g->config->revocation_every, sizeof(int64_t));
	buf_add_str(mark, "1");
	return 0;
}

const struct planner revocation_planner = { "revocation", &rec_cert_type, revocation_plan_begin, plan_one };
