#include "daemon/ca/crl.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"

#define TIMEOUT_MS 60000
#define REDIRECTS 3

struct crl_question {
	struct crl_question *next;
	struct crl *crl;
	crl_cb *cb;
	void *arg;
};

/* One URL that somebody asked for. */
struct crl {
	struct crl *next;
	struct engine *engine;
	char *url;
	struct rec_crl kept;            /* der empty: none is */
	struct crl_question *questions; /* in the order they were asked */
	struct fetch *fetch;            /* NULL: what is kept is young enough */
	struct timer turn;
	bool answering;
};

static void crl_free(struct crl *crl)
{
	struct crl **link = &crl->engine->crls;

	while (*link && *link != crl)
		link = &(*link)->next;
	if (*link)
		*link = crl->next;
	if (crl->fetch)
		fetch_cancel(crl->fetch);
	timer_stop(&crl->turn);
	rec_crl_release(&crl->kept);
	free(crl->url);
	free(crl);
}

/*
 * Keeping.
 */

struct crl_room {
	struct txn *txn;
	const char *but; /* id of the one that is to be put */
	int64_t now, used, oldest_time;
	char *oldest;
};

static int count_one(void *arg, void *rec, struct err *e)
{
	struct rec_crl *one = rec;
	struct crl_room *room = arg;

	if (str_eq(one->id, room->but))
		return 0;
	if (one->until <= room->now)	/* what is too much for now goes the next time */
		return txn_is_large(room->txn) ? 0 : rec_crl_delete(room->txn, one->id, e);
	room->used += (int64_t)one->der.len;
	if (!room->oldest || one->fetched < room->oldest_time) {
		free(room->oldest);
		room->oldest = TAKE(one->id);
		room->oldest_time = one->fetched;
	}
	return 0;
}

/* Those that have ended go, then the oldest ones, until there is room for so many bytes. */
static int make_room(struct txn *t, const char *but, int64_t bytes, struct err *e)
{
	for (;;) {
		struct crl_room room = { .txn = t, .but = but, .now = clock_now() };
		int failed = record_each(t, &rec_crl_type, "", false, count_one, &room, e);
		_cleanup_free_ char *oldest = room.oldest;

		if (failed < 0 || !oldest || room.used <= bytes)
			return failed;
		if (rec_crl_delete(t, oldest, e) < 0)
			return -1;
	}
}

static int keep(struct engine *g, struct rec_crl *fresh, struct err *e)
{
	int64_t most = g->config->revocation_kept_most;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if ((int64_t)fresh->der.len > most || fresh->until <= clock_now())
		return rec_crl_delete(t, fresh->id, e) < 0 ? -1 : txn_commit(TAKE(t), e);
	if (make_room(t, fresh->id, most - (int64_t)fresh->der.len, e) < 0 || rec_crl_put(t, fresh, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/*
 * Answering.
 */

/* Tells everybody.  crl->kept is what there is; changed: it is not what the store has. */
static void answer(struct crl *crl, bool changed, const struct err *why)
{
	struct crl **link = &crl->engine->crls;
	int64_t until = 0;
	struct err e = { 0 };

	while (*link != crl)
		link = &(*link)->next;
	*link = crl->next; /* who asks from now on asks anew */
	crl->answering = true;
	while (crl->questions) {
		struct crl_question *q = crl->questions;
		int64_t says;

		crl->questions = q->next;
		says = q->cb(q->arg, slice_buf(&crl->kept.der), why);
		until = MAX(until, says);
		free(q);
	}
	if (!why && (changed || until != crl->kept.until)) {
		crl->kept.until = until;
		if (keep(crl->engine, &crl->kept, &e) < 0) /* it is fetched again, then */
			log_err(LOG_LEVEL_WARN, &e);
	}
	crl_free(crl);
}

static void give_kept(void *arg)
{
	answer(arg, false, NULL);
}

static void take_fetched(struct crl *crl, const struct fetch_reply *reply)
{
	record_set_blob(&crl->kept.der, slice(reply->body, reply->body_len));
	record_set(&crl->kept.etag, fetch_header(reply, "ETag", 0));
	record_set(&crl->kept.modified, fetch_header(reply, "Last-Modified", 0));
}

static void fetched(void *arg, const struct fetch_reply *reply)
{
	struct crl *crl = arg;
	bool counts = crl->kept.until > clock_now();
	struct err why = { 0 };

	crl->fetch = NULL;
	if (reply->err)
		why = *reply->err;
	else if (reply->status == 200)
		take_fetched(crl, reply);
	else if (reply->status != 304 || !counts)
		err_set(&why, ERR_PROTOCOL, "its server answered with HTTP status %d", reply->status);
	if (!err_is_set(&why))
		crl->kept.fetched = clock_now();
	else if (counts)
		log_info("CRL %s: %s; the one of before still counts", crl->url, why.message);
	answer(crl, !err_is_set(&why), err_is_set(&why) && !counts ? &why : NULL);
}

/*
 * Asking.
 */

static void start_fetch(struct crl *crl)
{
	const struct config *config = crl->engine->config;
	_cleanup_free_ char *etag = NULL, *modified = NULL;
	const char *headers[3] = { NULL };
	struct fetch_request rq = {
		.url = crl->url,
		.allow_http = true,
		.max_redirects = REDIRECTS,
		.headers = headers,
		.timeout_ms = TIMEOUT_MS,
		.max_body = (size_t)config->revocation_crl_most,
		.public_only = true,
		.but = &config->revocation_private,
	};
	size_t n = 0;

	if (crl->kept.until > clock_now() && crl->kept.etag)
		headers[n++] = etag = xasprintf("If-None-Match: %s", crl->kept.etag);
	if (crl->kept.until > clock_now() && crl->kept.modified)
		headers[n++] = modified = xasprintf("If-Modified-Since: %s", crl->kept.modified);
	crl->fetch = fetch_start(crl->engine->fetcher, &rq, fetched, crl);
}

static void read_kept(struct crl *crl)
{
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *id = NULL;
	unsigned char hash[SHA256_SIZE];

	sha256(crl->url, strlen(crl->url), hash);
	id = hex_str(hash, sizeof(hash));
	if (store_read(crl->engine->store, &t, NULL) < 0 || rec_crl_get(t, &crl->kept, id, NULL) < 0) {
		record_set(&crl->kept.id, id);
		record_set(&crl->kept.url, crl->url);
	}
}

static struct crl *find(struct engine *g, const char *url, bool now)
{
	for (struct crl *crl = g->crls; crl; crl = crl->next)
		if (str_eq(crl->url, url) && (crl->fetch || !now))
			return crl;
	return NULL;
}

static struct crl *crl_start(struct engine *g, const char *url, bool now)
{
	struct crl *crl = xcalloc(1, sizeof(*crl));

	*crl = (struct crl){ .next = g->crls, .engine = g, .url = xstrdup(url) };
	g->crls = crl;
	read_kept(crl);
	if (!now && crl->kept.until > clock_now() && crl->kept.fetched + g->config->revocation_every > clock_now())
		timer_start(&crl->turn, g->loop, 0, give_kept, crl);
	else
		start_fetch(crl);
	return crl;
}

struct crl_question *crl_ask(struct engine *g, const char *url, bool now, crl_cb *cb, void *arg)
{
	struct crl *crl = find(g, url, now);
	struct crl_question *q = xcalloc(1, sizeof(*q)), **link;

	if (!crl)
		crl = crl_start(g, url, now);
	*q = (struct crl_question){ .crl = crl, .cb = cb, .arg = arg };
	for (link = &crl->questions; *link; link = &(*link)->next)
		;
	*link = q;
	return q;
}

void crl_cancel(struct crl_question *q)
{
	struct crl *crl = q->crl;
	struct crl_question **link = &crl->questions;

	while (*link != q)
		link = &(*link)->next;
	*link = q->next;
	free(q);
	if (!crl->questions && !crl->answering)
		crl_free(crl);
}
