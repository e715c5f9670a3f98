#include "acme/post.h"

#include "acme/ca.h"
#include "acme/jws.h"
#include "acme/link.h"
#include "acme/problem.h"
#include "acme/ticket.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/latency.h"
#include "base/log.h"
#include "base/words.h"

#define LOST_ORDERS 1	  /* newOrder requests without any answer; each may have made an order nobody knows of */
#define FAVOUR_TRIES 3	  /* requests that ask for a favour and get 500; then it is tried without */
#define NONCE_TRIES 20    /* refused nonces in a row that are put up with */
#define NONCE_PAUSE_MS 20 /* grows by as much with each */
#define LAST_TRY_MS 1000  /* with less time than that there is no other try */
#define KEY_IS_NEWS 20	  /* seconds */
#define BACKOFF_MS 1000   /* doubles with each try */
#define BACKOFF_MAX_MS 30000

struct post {
	struct post **handle;
	struct acme *acme;
	reply_cb *done;
	void *arg;

	const struct acme_account *account;
	char *resource, *url, *payload, *accept;
	int64_t deadline;
	bool at_once, favoured;

	char *nonce, *nonce_url, *input;
	unsigned refused_nonces, tries, lost;
	bool moved; /* the directory was read again because the URL is gone */

	struct ca_waiter waiter;
	struct ticket *ticket;
	struct fetch *fetch;
	struct timer pause;
	struct err err; /* the last trouble */
};

static void post_go(void *);
static void directory_settled(void *, const struct err *);

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void post_start(struct post **handle, struct acme *a, const struct post_request *q, reply_cb *done, void *arg)
{
	struct post *p = xmalloc(sizeof(*p));

	*p = (struct post){
		.handle = handle,
		.acme = a,
		.done = done,
		.arg = arg,
		.account = q->account,
		.resource = copy(q->resource),
		.url = copy(q->url),
		.payload = xstrdup(q->payload),
		.accept = copy(q->accept),
		.deadline = q->deadline,
		.at_once = q->at_once,
		.favoured = q->favoured,
		.waiter = { .fn = directory_settled, .arg = p },
	};
	*handle = p;
	timer_start(&p->pause, a->env.loop, 0, post_go, p);
}

/* Lets go of all that could still call back. */
static void post_detach(struct post *p)
{
	ca_unwait(p->acme, &p->waiter);
	ticket_tear(&p->ticket);
	timer_stop(&p->pause);
	if (p->fetch)
		fetch_cancel(TAKE(p->fetch));
}

static void post_free(struct post *p)
{
	free(p->resource);
	free(p->url);
	free(p->payload);
	free(p->accept);
	free(p->nonce);
	free(p->nonce_url);
	free(p->input);
	free(p);
}

void post_cancel(struct post **handle)
{
	struct post *p = TAKE(*handle);

	if (!p)
		return;
	post_detach(p);
	post_free(p);
}

const struct err *post_trouble(const struct post *p)
{
	return p && err_is_set(&p->err) ? &p->err : NULL;
}

/* The callback may free everything but the post itself. */
static void post_finish(struct post *p, const struct reply *r)
{
	post_detach(p);
	*p->handle = NULL;
	p->done(p->arg, r);
	post_free(p);
}

static void post_fail(struct post *p)
{
	post_finish(p, &(struct reply){ .err = &p->err, .url = p->url ? p->url : p->acme->url });
}

/* What is tried again, and when. */

/* Asks without changing anything: nonces, POST-as-GET. */
static bool harmless(const struct post *p)
{
	return !*p->payload || !p->input;
}

/* A part of the CA still knows the former key: Boulder keeps accounts for five seconds, and calls that malformed. */
static bool key_is_news(const struct post *p)
{
	if (!str_eq(p->err.code, "malformed") && !str_eq(p->err.code, "unauthorized"))
		return false;
	return p->account->key_changed && clock_now() <= p->account->key_changed + KEY_IS_NEWS;
}

static bool temporary(const struct post *p, const struct reply *r)
{
	if (p->err.kind == ERR_PROTOCOL && r->status / 100 <= 2)
		return harmless(p); /* garbled on the way, perhaps */
	if (!r->status)
		return p->err.kind == ERR_NETWORK || p->err.kind == ERR_TIMEOUT;
	if (key_is_news(p))
		return true;
	if (p->favoured && r->status == 500 && p->tries + 1 >= FAVOUR_TRIES)
		return false;
	/* A limit on orders is the caller's to keep: each order sent meanwhile would be one more refusal. */
	return r->status >= 500 || (r->status == 429 && r->retry_after && !str_eq(p->resource, "newOrder"));
}

static int64_t backoff_ms(unsigned tries)
{
	int64_t ms = MIN(BACKOFF_MS << MIN(tries, 10u), BACKOFF_MAX_MS);

	return ms / 2 + (int64_t)random_below((uint64_t)ms / 2 + 1);
}

/* Begins anew after a pause if that makes sense and fits: true. */
static bool post_again(struct post *p, const struct reply *r)
{
	int64_t pause;

	if (!temporary(p, r))
		return false;
	pause = backoff_ms(p->tries);
	if (r->retry_after)
		pause = MAX(pause, (r->retry_after - clock_now()) * 1000);
	if (clock_mono_ms() + pause + LAST_TRY_MS > p->deadline)
		return false;
	p->tries++;
	log_info("%s; trying again in %lld ms", p->err.message, (long long)pause);
	timer_start(&p->pause, p->acme->env.loop, pause, post_go, p);
	return true;
}

/* A URL of the directory that is gone: perhaps the CA has moved.  Once. */
static bool post_moved(struct post *p, const struct reply *r)
{
	if (!r->status || r->status == 404)
		ca_forget(p->acme);
	if (r->status != 404 || p->moved)
		return false;
	p->moved = true;
	timer_start(&p->pause, p->acme->env.loop, 0, post_go, p);
	return true;
}

/* The reply that refuses a nonce brings a better one. */
static bool post_renonced(struct post *p, const struct reply *r, const char *nonce)
{
	if (!str_eq(r->err->code, "badNonce") || p->refused_nonces == NONCE_TRIES)
		return false;
	p->nonce = ca_nonce_is(nonce) ? xstrdup(nonce) : NULL;
	timer_start(&p->pause, p->acme->env.loop, NONCE_PAUSE_MS * (int64_t)p->refused_nonces++, post_go, p);
	return true;
}

/* What a reply says. */

static int judge_page(const struct reply *r, const char *type, struct err *e)
{
	_cleanup_buf_ struct buf excerpt = BUF_INIT;
	_cleanup_free_ char *said = words_line(type, WORDS_SOME);

	words_add(&excerpt, r->body.data, r->body.len, WORDS_SOME);
	if (!said)
		said = xstrdup(r->body.len ? "no type given" : "nothing at all");
	err_set(e, r->status >= 500 ? ERR_NETWORK : ERR_PROTOCOL, "%s answered %d and no problem document (%s)", r->url,
		r->status, said);
	return err_detail(e, "%s", buf_str(&excerpt));
}

static int judge_json(const struct reply *r, struct err *e)
{
	if (r->json)
		return 0;
	if (!err_is_set(e))
		err_set(e, ERR_PROTOCOL, "it is JSON, but no object");
	e->kind = ERR_PROTOCOL;
	return err_prefix(e, "%s answered %d with something else than expected", r->url, r->status);
}

/*
 * A limit that does not end by itself: the CA has a page where a person lifts it (Let's Encrypt after many failures).
 */
static bool is_paused(const struct err *e)
{
	static const char *const words[] = { "visit", "unpause", "paused" };
	bool asks = false;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		asks |= strcasestr(e->detail, words[i]) != NULL;
	return str_eq(e->code, "rateLimited") && !e->retry_at && asks && strstr(e->detail, "https://");
}

static int64_t retry_after(const struct fetch_reply *f, int64_t max)
{
	return clock_retry_after(fetch_header(f, "Retry-After", 0), clock_now(), max);
}

static int judge_refusal(const struct reply *r, const char *type, struct err *e)
{
	if (problem_is(r->json))
		problem_read(r->json, r->status, e, "%s", r->url);
	else
		judge_page(r, type, e);
	e->retry_at = str_eq(e->code, "rateLimited") ? retry_after(r->http, LIMIT_MAX) : r->retry_after;
	if (is_paused(e))
		problem_code(e, PROBLEM_PAUSED);
	return -1;
}

/* It was broken off at our deadline: what went wrong before says more. */
static bool cut_short(const struct post *p, const struct fetch_reply *f)
{
	return p->tries && f->err->kind == ERR_TIMEOUT && clock_mono_ms() >= p->deadline;
}

/* Makes r of what arrived; *json owns what r->json borrows. */
static void judge(struct post *p, const struct fetch_reply *f, const char *url, bool want_json, struct reply *r,
		  json_t **json)
{
	struct err err = { 0 };
	int failed;

	*r = (struct reply){ .url = url };
	if (f->err && cut_short(p, f)) {
		err = p->err;
		failed = -1;
	} else if (f->err) {
		err = *f->err;
		failed = err_prefix(&err, "%s", url);
	} else {
		r->status = f->status;
		r->http = f;
		r->body = slice(f->body, f->body_len);
		r->location = fetch_header(f, "Location", 0);
		r->retry_after = retry_after(f, RETRY_AFTER_MAX);
		*json = json_read(f->body, f->body_len, &err);
		r->json = json_is_object(*json) ? *json : NULL;
		if (f->status / 100 != 2)
			failed = judge_refusal(r, fetch_header(f, "Content-Type", 0), &err);
		else
			failed = want_json ? judge_json(r, &err) : 0;
	}
	if (failed) {
		p->err = err;
		r->err = &p->err;
	}
}

/* From here on, top to bottom: the life of a request. */

static void nonce_fetched(void *, const struct fetch_reply *);
static void post_sign(struct post *);
static void post_signed(void *, const struct slice *, const struct err *);
static void post_replied(void *, const struct fetch_reply *);

static int post_timeout_ms(const struct post *p)
{
	int64_t left = p->deadline - clock_mono_ms();

	return (int)MAX(1, MIN(left, ca_timeout_ms(p->acme)));
}

/* Where the directory says that the resource is. */
static bool post_find(struct post *p)
{
	const char *url = ca_url(p->acme, p->resource);

	free(TAKE(p->url));
	if (link_usable(url))
		p->url = xstrdup(url);
	else
		err_set(&p->err, ERR_MISSING, "%s: this CA offers no %s", p->acme->url, p->resource);
	return p->url;
}

static void post_go(void *arg)
{
	struct post *p = arg;
	struct acme *a = p->acme;

	free(TAKE(p->input));
	if (!ca_ready(a, &p->waiter))
		return; /* directory_settled() goes on */
	if (p->resource && !post_find(p)) {
		post_fail(p);
		return;
	}
	if (!p->nonce)
		p->nonce = ca_nonce_take(a);
	if (p->nonce) {
		post_sign(p);
		return;
	}
	free(p->nonce_url);
	p->nonce_url = xstrdup(ca_url(a, "newNonce"));
	struct fetch_request q = {
		.method = "HEAD",
		.url = p->nonce_url,
		.ca_file = a->ca_file,
		.public_only = a->outside,
		.timeout_ms = post_timeout_ms(p),
		.at_once = true,
	};
	p->fetch = fetch_start(a->env.fetcher, &q, nonce_fetched, p);
}

static void directory_failed(void *arg)
{
	struct post *p = arg;

	/* what is no directory now will hardly become one while we wait */
	if (p->err.kind == ERR_PROTOCOL || !post_again(p, &(struct reply){ .status = 0 }))
		post_fail(p);
}

static void directory_settled(void *arg, const struct err *err)
{
	struct post *p = arg;

	if (err)
		p->err = *err;
	timer_start(&p->pause, p->acme->env.loop, 0, err ? directory_failed : post_go, p);
}

static void nonce_fetched(void *arg, const struct fetch_reply *f)
{
	struct post *p = arg;
	_cleanup_json_ json_t *json = NULL;
	const char *nonce = f->err ? NULL : fetch_header(f, "Replay-Nonce", 0);
	struct reply r;

	p->fetch = NULL;
	latency_add(p->acme->url, f->took_ms, !f->err);
	judge(p, f, p->nonce_url, false, &r, &json);
	if (!r.err && !ca_nonce_is(nonce)) {
		err_set(&p->err, ERR_PROTOCOL, "%s sent no nonce (RFC 8555 section 7.2)", p->nonce_url);
		r.err = &p->err;
	}
	if (!r.err) {
		p->nonce = xstrdup(nonce);
		post_sign(p);
	} else if (!post_moved(p, &r) && !post_again(p, &r)) {
		post_finish(p, &r);
	}
}

static void post_sign(struct post *p)
{
	struct acme_env *env = &p->acme->env;
	struct jws_header header = {
		.alg = p->account->alg,
		.kid = p->account->kid,
		.jwk = p->account->jwk,
		.nonce = p->nonce,
		.url = p->url,
	};

	p->input = jws_input(&header, p->payload, &p->err);
	free(TAKE(p->nonce));
	if (!p->input) {
		post_fail(p);
		return;
	}
	env->sign(env->arg, p->account->key, slice_str(p->input), ticket_answer,
		  ticket_new(&p->ticket, post_signed, p));
}

static void post_signed(void *arg, const struct slice *signature, const struct err *err)
{
	struct post *p = arg;
	_cleanup_free_ char *body = NULL;
	_cleanup_free_ char *accept = p->accept ? xasprintf("Accept: %s", p->accept) : NULL;
	const char *headers[] = { "Content-Type: application/jose+json", accept, NULL };

	if (err) {
		p->err = *err;
		err_prefix(&p->err, "signing the request to %s", p->url);
		post_fail(p);
		return;
	}
	body = jws_flat(p->input, *signature);
	struct fetch_request q = {
		.method = "POST",
		.url = p->url,
		.body = body,
		.body_len = strlen(body),
		.headers = headers,
		.ca_file = p->acme->ca_file,
		.public_only = p->acme->outside,
		.timeout_ms = post_timeout_ms(p),
		.at_once = p->at_once,
	};
	p->fetch = fetch_start(p->acme->env.fetcher, &q, post_replied, p);
}

static bool post_lost(struct post *p, const struct fetch_reply *f)
{
	return f->err && f->sent && str_eq(p->resource, "newOrder") && p->lost++ == LOST_ORDERS;
}

static void post_replied(void *arg, const struct fetch_reply *f)
{
	struct post *p = arg;
	_cleanup_json_ json_t *json = NULL;
	const char *nonce = f->err ? NULL : fetch_header(f, "Replay-Nonce", 0);
	struct reply r;

	p->fetch = NULL;
	latency_add(p->acme->url, f->took_ms, !f->err);
	judge(p, f, p->url, !p->accept, &r, &json);
	if (r.err && post_renonced(p, &r, nonce))
		return;
	ca_nonce_put(p->acme, nonce);
	if (r.err && !post_lost(p, f) && ((p->resource && post_moved(p, &r)) || post_again(p, &r)))
		return;
	post_finish(p, &r);
}
