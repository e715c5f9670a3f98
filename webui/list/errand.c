#include "webui/list/errand.h"

#include "webui/webui.h"

struct errand {
	struct http_exchange exchange;	/* first: it is the errand */
	struct http_request request;
	struct buf text;
	char *vouched;		/* as of the request that it is an errand of; NULL: that came in here */
	errand_done_fn *done;
	void *arg;
};

static void end(struct http_exchange *x, int status, struct slice body)
{
	struct errand *errand = (struct errand *)x;

	errand->done(errand->arg, status, body);
	buf_wipe(&errand->text);
	if (errand->vouched)
		wipe_free(errand->vouched);
	free(errand);
}

static void answered(struct http_exchange *x, const struct http_answer *answer)
{
	end(x, answer->status, answer->body);
}

/* What comes in parts goes on by itself: such a request is nobody's errand. */
static void begun(struct http_exchange *x, const struct http_answer *answer)
{
}

static bool take_part(struct http_exchange *x, struct slice part)
{
	return false;
}

static void ended(struct http_exchange *x)
{
	end(x, 0, slice(NULL, 0));
}

static bool is_gone(struct http_exchange *x)
{
	return false;
}

static uint16_t add_text(struct buf *text, const char *value)
{
	size_t at = text->len;

	buf_add(text, value, strlen(value) + 1);
	return (uint16_t)at;
}

/* Who the visitor is, where from, and that the form was ours: as it came. */
static void copy_fields(struct errand *errand, const struct request *r)
{
	static const enum http_field fields[] = {
		HTTP_authorization, HTTP_cookie, HTTP_fetch_site, HTTP_forwarded_for,
		HTTP_host,          HTTP_origin, HTTP_user_agent,
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (request_header(r, fields[i]))
			errand->request.field[fields[i]] = add_text(&errand->text, request_header(r, fields[i]));
	errand->request.field[HTTP_csrf_token] = add_text(&errand->text, r->visitor.csrf);
}

void errand_run(const struct request *r, enum method method, const char *path, const char *query, const json_t *body,
		errand_done_fn *done, void *arg)
{
	static const struct http_way way = { answered, begun, take_part, ended, ended, is_gone, NULL };
	struct errand *errand = xcalloc(1, sizeof(*errand));
	_cleanup_wipe_ char *json = body ? json_write(body) : NULL;
	const struct http_request *as = r->exchange->request;

	errand->exchange = (struct http_exchange){ .way = &way, .request = &errand->request };
	errand->done = done;
	errand->arg = arg;
	errand->vouched = as->vouched ? xstrdup(as->vouched) : NULL;
	errand->request = (struct http_request){
		.face = as->face, .peer = as->peer, .socket = as->socket, .method = method, .vouched = errand->vouched,
	};
	buf_add(&errand->text, "", 1);	/* an offset of 0 is no text */
	errand->request.path = add_text(&errand->text, path);
	if (query)
		errand->request.query = add_text(&errand->text, query);
	copy_fields(errand, r);
	errand->request.body = errand->text.len;
	errand->request.body_len = json ? strlen(json) : 0;
	buf_add_str(&errand->text, json ? json : "");
	errand->request.text = errand->text.data;
	webui_attend(r->webui, &errand->exchange);
}
