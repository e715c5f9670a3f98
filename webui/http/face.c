#include "webui/http/face.h"

#include "base/clock.h"
#include "base/log.h"
#include "webui/gate/first.h"
#include "webui/page/page.h"

int reply_json(struct request *r, int status, json_t *value)
{
	_cleanup_json_ json_t *owned = value;
	_cleanup_wipe_ char *text = NULL;
	struct err e = { 0 };

	if (r->html)
		return page_reply(r, status, owned, &e) < 0 ? reply_error(r, &e) : 0;
	text = json_write(owned);
	return reply(r, status, "application/json", slice_str(text));
}

/*
 * What went wrong.
 */

static bool wants_problem(const struct request *r)
{
	const char *accept = request_header(r, HTTP_accept);

	return r->api || r->visitor.role != ROLE_ANYONE || (r->route && r->route->role >= ROLE_GUEST) ||
	       (accept && (strstr(accept, "application/problem+json") || strstr(accept, "application/json")));
}

/* What went wrong inside is for the log and for admins. */
static struct err public_error(const struct request *r, const struct err *e)
{
	struct err shown = *e;

	if (err_http_status(e->kind) < 500 || e->kind == ERR_LATER)
		return shown;
	log_err(LOG_LEVEL_ERROR, e);
	if (r->visitor.role != ROLE_ADMIN)
		err_set(&shown, e->kind, "%s; see the server log",
			e->kind == ERR_STORAGE ? "the server cannot use its store now" : "internal error");
	return shown;
}

/* "Too Many Requests", "Service Unavailable": until when. */
static void say_when(struct request *r, const struct err *e)
{
	char seconds[24];

	if (!e->retry_at || (err_http_status(e->kind) != 429 && err_http_status(e->kind) != 503))
		return;
	snprintf(seconds, sizeof(seconds), "%lld", (long long)MAX(e->retry_at - clock_now(), 1));
	reply_header(r, "Retry-After", seconds);
}

int reply_error(struct request *r, const struct err *e)
{
	struct err shown = public_error(r, e), other = { 0 };
	int status = err_http_status(e->kind);
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *problem = NULL;

	if (r->html && first_send(r, &shown))
		return 0;
	say_when(r, e);
	if (r->html && page_reply_error(r, &shown, &other) == 0)
		return 0;
	if (status == 401)
		reply_header(r, "WWW-Authenticate", r->route && r->route->role == ROLE_APIKEY ? "apiKey" : "Bearer");
	if (wants_problem(r)) {
		problem = json_problem(&shown);
		text = json_write(problem);
		return reply(r, status, "application/problem+json", slice_str(text));
	}
	text = xasprintf("%s.%s%s\n", shown.message, *shown.hint ? " " : "", shown.hint);
	return reply_text(r, status, text);
}

/*
 * Answers that waited for the disk.
 */

/* What the answer says was lost. */
static void take_back(struct request *r)
{
	struct err e = { 0 };

	buf_wipe(&r->fields);
	buf_wipe(&r->body);
	free(TAKE(r->type));
	store_task(r->webui->env->store, 0);
	store_lost(r->webui->env->store, &e);
	reply_error(r, &e);
}

void face_look(void *arg)
{
	struct webui *w = arg;

	for (struct request *r = TAKE(w->held), *next; r; r = next) {
		next = r->next_held;
		switch (store_fate(w->env->store, r->seen)) {
		case FATE_KEPT:
			reply_now(r, r->status, r->type, slice_buf(&r->body));
			break;
		case FATE_OPEN:
			reply_hold(r);
			break;
		case FATE_LOST:
			take_back(r);
			break;
		}
	}
}
