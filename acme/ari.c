/* Renewal information (RFC 9773): when the CA wants a certificate renewed. */
#include "acme/acme.h"

#include "acme/ca.h"
#include "acme/link.h"
#include "acme/problem.h"
#include "base/clock.h"
#include "base/encode.h"

#define CHECK_MIN 60		/* seconds until the next question, whatever the CA says */
#define CHECK_MAX (24 * 3600)
#define CHECK_DEFAULT (6 * 3600)	/* it says nothing, or nothing that makes sense */
#define ANSWER_MAX (64 * 1024)
#define REDIRECTS 3

struct acme_renewal_info {
	struct acme *acme;
	char *cert_id, *url;
	void (*done)(void *arg, const struct acme_window *, const struct err *);
	void *arg;

	struct ca_waiter waiter;
	struct timer turn;
	struct fetch *fetch;
	struct err err;
	bool over; /* the callback runs */
};

static int add_part(struct buf *id, const char *hex)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	if (hex_decode(&bytes, hex) < 0 || !bytes.len)
		return -1;
	base64url_add(id, bytes.data, bytes.len);
	return 0;
}

char *acme_cert_id(const char *aki, const char *serial)
{
	_cleanup_buf_ struct buf id = BUF_INIT;

	if (!aki || !serial || add_part(&id, aki) < 0)
		return NULL;
	buf_add_ch(&id, '.');
	if (add_part(&id, serial) < 0)
		return NULL;
	return buf_detach(&id);
}

static void info_begin(void *);
static void info_fetched(void *, const struct fetch_reply *);
static void directory_settled(void *, const struct err *);

struct acme_renewal_info *acme_renewal_info_start(struct acme *a, const char *cert_id,
						  void (*done)(void *, const struct acme_window *, const struct err *),
						  void *arg)
{
	struct acme_renewal_info *i = xmalloc(sizeof(*i));

	*i = (struct acme_renewal_info){
		.acme = a,
		.cert_id = xstrdup(cert_id),
		.done = done,
		.arg = arg,
		.waiter = { .fn = directory_settled, .arg = i },
	};
	timer_start(&i->turn, a->env.loop, 0, info_begin, i);
	return i;
}

static void info_free(struct acme_renewal_info *i)
{
	ca_unwait(i->acme, &i->waiter);
	timer_stop(&i->turn);
	if (i->fetch)
		fetch_cancel(i->fetch);
	free(i->cert_id);
	free(i->url);
	free(i);
}

void acme_renewal_info_cancel(struct acme_renewal_info *i)
{
	if (i && !i->over)
		info_free(i);
}

static void info_end(struct acme_renewal_info *i, const struct acme_window *window)
{
	i->over = true;
	if (!window)
		err_prefix(&i->err, "asking the CA when to renew");
	i->done(i->arg, window, window ? NULL : &i->err);
	info_free(i);
}

static void info_failed(void *arg)
{
	info_end(arg, NULL);
}

static void directory_settled(void *arg, const struct err *err)
{
	struct acme_renewal_info *i = arg;

	if (err)
		i->err = *err;
	timer_start(&i->turn, i->acme->env.loop, 0, err ? info_failed : info_begin, i);
}

static void info_begin(void *arg)
{
	struct acme_renewal_info *i = arg;
	struct acme *a = i->acme;
	const char *base;

	if (!ca_ready(a, &i->waiter))
		return; /* directory_settled() goes on */
	base = ca_url(a, "renewalInfo");
	if (!link_usable(base)) {
		err_set(&i->err, ERR_MISSING, "%s: this CA offers no renewal information", a->url);
		i->err.retry_at = clock_now() + CHECK_DEFAULT;
		info_failed(i);
		return;
	}
	i->url = xasprintf("%s%s%s", base, str_ends(base, "/") ? "" : "/", i->cert_id);
	struct fetch_request q = {
		.url = i->url,
		.ca_file = a->ca_file,
		.public_only = a->outside,
		.timeout_ms = ca_timeout_ms(a),
		.max_body = ANSWER_MAX,
		.max_redirects = REDIRECTS,
		.at_once = true,
	};
	i->fetch = fetch_start(a->env.fetcher, &q, info_fetched, i);
}

/* A link that is shown to people: only a plain https URL. */
static bool is_presentable(const char *url)
{
	return link_usable(url) && !strpbrk(url, "\"<>\\^`{|}");
}

static int read_window(const struct acme_renewal_info *i, const json_t *answer, struct acme_window *w, struct err *e)
{
	const json_t *window = json_object_get(answer, "suggestedWindow");
	const char *start = json_str(window, "start"), *end = json_str(window, "end");
	const char *explanation = json_str(answer, "explanationURL");

	if (!start || !end || clock_parse_rfc3339(start, &w->start) < 0 || clock_parse_rfc3339(end, &w->end) < 0)
		return err_set(e, ERR_PROTOCOL, "%s: there is no suggested window in the answer", i->url);
	if (w->end <= w->start)
		return err_set(e, ERR_PROTOCOL, "%s: the suggested window ends before it begins", i->url);
	w->start = MAX(w->start, 1);	/* 0 is no time, and that long ago it makes no difference */
	w->end = MAX(w->end, 2);
	w->explanation = is_presentable(explanation) ? explanation : NULL;
	return 0;
}

/* What went wrong, and when asking again makes sense (RFC 9773 section 4.3.3). */
static int refused(const struct acme_renewal_info *i, const struct fetch_reply *f, const json_t *answer,
		   int64_t retry_after, struct err *e)
{
	bool temporary = f->status >= 500 || f->status == 429;

	if (f->err) {
		*e = *f->err;
		return err_prefix(e, "%s", i->url);
	}
	if (problem_is(answer))
		problem_read(answer, f->status, e, "%s", i->url);
	else
		err_set(e, temporary ? ERR_NETWORK : ERR_PROTOCOL, "%s answered %d", i->url, f->status);
	e->retry_at = temporary ? retry_after : clock_now() + CHECK_DEFAULT;
	return -1;
}

static void info_fetched(void *arg, const struct fetch_reply *f)
{
	struct acme_renewal_info *i = arg;
	_cleanup_json_ json_t *answer = f->err ? NULL : json_read(f->body, f->body_len, NULL);
	int64_t now = clock_now();
	int64_t retry_after = f->err ? 0 : clock_retry_after(fetch_header(f, "Retry-After", 0), now, CHECK_MAX);
	int64_t asked_for = retry_after ? retry_after : now + CHECK_DEFAULT;
	struct acme_window window = { .check_at = MAX(asked_for, now + CHECK_MIN) };

	i->fetch = NULL;
	if (f->err || f->status != 200) {
		refused(i, f, answer, retry_after, &i->err);
		info_end(i, NULL);
	} else if (read_window(i, answer, &window, &i->err) < 0) {
		i->err.retry_at = now + CHECK_DEFAULT;
		info_end(i, NULL);
	} else {
		info_end(i, &window);
	}
}
