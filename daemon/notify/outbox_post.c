/*
 * A message of the outbox as an HTTP request: its URL and its secret are opened and used by the keeper.
 *
 *	post_out()	the URL
 *	url_opened()	the body, and its signature
 *	send_it()	the request
 *	outbox_post_answered()	2xx, or why not
 */
#include "daemon/notify/outbox.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/fetch/fetch.h"
#include "base/words.h"
#include "daemon/notify/alert_json.h"

#define REDIRECTS 3
#define ANSWER_MOST (64 * 1024)
#define ANSWER_SHOWN 400
#define RETRY_MOST 86400
#define GONE 410		/* RFC 9110 section 15.5.11: for good */

/* The answer on one line, without what the URL keeps secret; owned. */
static char *shown_answer(const struct delivery *d, const struct fetch_reply *reply)
{
	const char *host = strstr(d->url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
	_cleanup_buf_ struct buf masked = BUF_INIT;

	for (const char *p = reply->body; *p; p++) {
		if (!path || !path[1] || !str_starts(p, path)) {
			buf_add_ch(&masked, *p);
			continue;
		}
		buf_add_str(&masked, "***");
		p += strlen(path) - 1;
	}
	return words_line(buf_str(&masked), ANSWER_SHOWN);
}

static void outbox_post_refused(const struct delivery *d, const struct fetch_reply *reply, const char *said,
				struct err *why)
{
	int64_t now = clock_now();

	err_set(why, ERR_PROTOCOL, "%s answered with status %d", d->channel.host, reply->status);
	if (*said)
		err_detail(why, "%s", said);
	if (reply->status == 429 || reply->status / 100 == 5)
		why->retry_at = clock_retry_after(fetch_header(reply, "Retry-After", 0), now, RETRY_MOST);
}

static void outbox_post_answered(void *arg, const struct fetch_reply *reply)
{
	struct delivery *d = arg;
	char **dialogue = NULL;
	struct err why = { 0 };
	bool final = false;

	d->fetch = NULL;
	if (reply->err) {
		why = *reply->err;
		if (why.kind == ERR_DENIED)
			err_hint(&why, "notify.private names the private networks in which webhooks may be.");
		else if (why.kind == ERR_INVALID && str_starts(d->url, "http:"))
			err_hint(&why, "Plain http is possible only where notify.private names the webhook's network.");
	} else {
		_cleanup_free_ char *said = shown_answer(d, reply);
		_cleanup_free_ char *status = xasprintf("< %d %s", reply->status, said);
		_cleanup_free_ char *sent = xasprintf("> POST to %s", d->channel.host);

		strv_add(&dialogue, sent);
		strv_add(&dialogue, status);
		final = reply->status == GONE;
		if (reply->status / 100 != 2)
			outbox_post_refused(d, reply, said, &why);
	}
	outbox_ended(d, err_is_set(&why) ? &why : NULL, final, dialogue);
}

static void send_it(struct delivery *d)
{
	const struct config *config = d->job.engine->config;
	_cleanup_free_ char *key = xasprintf("Idempotency-Key: %s", d->message.key);
	const char *headers[] = { "Content-Type: application/json", key, d->signature, NULL };
	struct fetch_request request = {
		.url = d->url, .body = d->body, .body_len = strlen(d->body), .headers = headers,
		.timeout_ms = (int)config->notify_timeout * 1000, .max_body = ANSWER_MOST,
		.public_only = true, .but = &config->notify_private, .allow_http = config->notify_private.count,
		.ca_file = *config->notify_ca_file ? config->notify_ca_file : NULL, .max_redirects = REDIRECTS,
	};

	d->fetch = fetch_start(d->job.engine->fetcher, &request, outbox_post_answered, d);
}

static void signed_by_keeper(void *arg, const struct keeper_answer *a)
{
	struct delivery *d = arg;
	_cleanup_free_ char *mac = NULL;

	d->question = NULL;
	if (a->err) {
		outbox_ended(d, a->err, false, NULL);
		return;
	}
	mac = hex_str(a->field[0].data, a->field[0].len);
	d->signature = xasprintf("X-Certera-Signature: sha256=%s", mac);
	send_it(d);
}

static void url_opened(void *arg, const struct keeper_answer *a)
{
	struct delivery *d = arg;
	_cleanup_free_ char *server = outbox_server(d->job.engine);
	_cleanup_json_ json_t *alert = alert_json(&d->message, server);
	int kind = channel_kind_by_word(d->channel.kind, NULL);

	d->question = NULL;
	if (a->err) {
		outbox_ended(d, a->err, false, NULL);
		return;
	}
	d->url = xstrndup(a->field[0].data, a->field[0].len);
	d->body = alert_body((enum channel_kind)kind, alert);
	if (!d->channel.secret.len) {
		send_it(d);
		return;
	}
	d->question = KEEPER_ASK(d->job.engine->keeper, hmac, -1, signed_by_keeper, d, slice_str(d->channel.id),
				 slice_buf(&d->channel.secret), slice_str("HS256"), slice_str(d->body));
}

void post_out(struct delivery *d)
{
	d->question = KEEPER_ASK(d->job.engine->keeper, open, -1, url_opened, d, slice_str(d->channel.id),
				 slice_buf(&d->channel.url));
}
