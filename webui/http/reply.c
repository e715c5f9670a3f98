#include "webui/http/reply.h"

#include "webui/http/settle.h"

void reply_header(struct request *r, const char *name, const char *value)
{
	http_add_field(&r->fields, name, value);
}

static void set_cookie(struct request *r, const char *name, const char *value, const char *age)
{
	_cleanup_wipe_ char *cookie = xasprintf("%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s", name, value, age);

	reply_header(r, "Set-Cookie", cookie);
}

void reply_cookie(struct request *r, const char *name, const char *value, int seconds)
{
	_cleanup_free_ char *age = seconds ? xasprintf("; Max-Age=%d", seconds) : xstrdup("");

	set_cookie(r, name, value, age);
}

void reply_forget_cookie(struct request *r, const char *name)
{
	set_cookie(r, name, "", "; Max-Age=0");
}

/* A page loads nothing from elsewhere, runs no script but ours, is in nobody's frame and tells nobody where it was. */
static void protect(struct request *r)
{
	reply_header(r, "Content-Security-Policy",
		     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
		     "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
	reply_header(r, "Referrer-Policy", "same-origin");
	reply_header(r, "X-Frame-Options", "DENY");
	reply_header(r, "Cross-Origin-Opener-Policy", "same-origin");
	reply_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	reply_header(r, "Permissions-Policy", "camera=(), geolocation=(), microphone=()");
}

/*
 * What is told is durable: what the request has written, and what it found that was not yet durable.
 */

int reply_now(struct request *r, int status, const char *type, struct slice body)
{
	struct http_answer answer = { .status = status, .type = type, .body = body, .fields = slice_buf(&r->fields) };

	r->exchange->way->answer(r->exchange, &answer);
	settle(r);
	request_free(r);
	return 0;
}

void reply_hold(struct request *r)
{
	struct webui *w = r->webui;

	r->next_held = w->held;
	w->held = r;
	bell_await(w->bell, r->seen);
}

static int send_when_durable(struct request *r, int status, const char *type, struct slice body)
{
	r->seen = store_seen(r->webui->env->store);
	if (!r->seen)
		return reply_now(r, status, type, body);
	r->status = status;
	r->type = type ? xstrdup(type) : NULL;
	buf_add(&r->body, body.data, body.len);
	reply_hold(r);
	return 0;
}

int reply(struct request *r, int status, const char *type, struct slice body)
{
	if (type)
		reply_header(r, "X-Content-Type-Options", "nosniff");
	if (r->html || (r->route && str_starts(r->route->path, "/static/")))
		protect(r);
	if (!strstr(buf_str(&r->fields), "Cache-Control: "))
		reply_header(r, "Cache-Control", "no-store");
	return send_when_durable(r, status, type, body);
}

int reply_text(struct request *r, int status, const char *text)
{
	return reply(r, status, "text/plain; charset=utf-8", slice_str(text));
}

int reply_see_other(struct request *r, const char *path)
{
	reply_header(r, "Location", path);
	return reply_empty(r, 303);
}

int reply_empty(struct request *r, int status)
{
	return reply(r, status, NULL, slice(NULL, 0));
}
