#include "webui/http/request.h"

#include "keeper/keeper.h"

void request_forget(struct request *r)
{
	if (r->state_release)
		r->state_release(r->state);
	free(TAKE(r->state));
	r->state_release = NULL;
}

void request_free(struct request *r)
{
	struct request **link = &r->webui->requests;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	timer_stop(&r->next_event);
	timer_stop(&r->look);
	for (size_t i = 0; i < CHANGED_MOST; i++)
		free(r->changed[i]);
	request_forget(r);
	buf_wipe(&r->fields);
	buf_wipe(&r->body);
	free(r->type);
	params_release(&r->path);
	cleanup_body(&r->form);
	json_decref(r->fault);
	json_decref(r->plan);
	free(r->list_query);
	free(r->page);
	free(r->page_query);
	visitor_release(&r->visitor);
	free(r);
}

const char *request_header(const struct request *r, enum http_field field)
{
	return http_field(r->exchange->request, field);
}

char *request_cookie(const struct request *r, const char *name)
{
	const char *header = request_header(r, HTTP_cookie);
	_cleanup_strv_ char **part = strv_split(header ? header : "", "; ");
	size_t len = strlen(name);

	for (char **p = part; p && *p; p++)
		if (str_starts(*p, name) && (*p)[len] == '=')
			return xstrdup(*p + len + 1);
	return NULL;
}

struct slice request_body(const struct request *r)
{
	return http_body(r->exchange->request);
}

static const char *query_of(const struct request *r)
{
	if (r->list_query)
		return r->list_query;
	return r->page ? r->page_query : http_query(r->exchange->request);
}

char *request_server(const struct request *r)
{
	const struct webui_settings *s = r->webui->settings;

	return s->https_port == 443 ? xasprintf("https://%s", s->hostname)
				    : xasprintf("https://%s:%d", s->hostname, s->https_port);
}

const char *request_path(const struct request *r)
{
	return r->page ? r->page : http_path(r->exchange->request);
}

char *request_here(const struct request *r)
{
	const char *query = query_of(r);

	return xasprintf("%s%s%s", request_path(r), query ? "?" : "", query ? query : "");
}

int request_query(const struct request *r, struct params *params, struct err *e)
{
	const char *query = query_of(r);

	return query ? params_parse(params, query, strlen(query), e) : 0;
}

int request_form(const struct request *r, struct params *params, struct err *e)
{
	struct slice body = request_body(r);

	return params_parse(params, body.data, body.len, e);
}

int request_socket(const struct request *r)
{
	return r->exchange->request->socket;
}

const char *request_proof(const struct request *r)
{
	return r->visitor.admin && !*r->visitor.proof ? KEEPER_PROOF_PEER : r->visitor.proof;
}

int request_proof_socket(const struct request *r)
{
	return r->visitor.admin && !*r->visitor.proof ? request_socket(r) : -1;
}

void *request_state(struct request *r, size_t size, void (*release)(void *))
{
	request_forget(r);
	r->state = xcalloc(1, size);
	r->state_release = release;
	return r->state;
}

void requests_drop(struct webui *w)
{
	w->held = NULL;
	while (w->requests) {
		struct request *r = w->requests;

		if (r->question)
			keeper_cancel(r->question);
		r->exchange->way->drop(r->exchange);
		request_free(r);
	}
}

void cleanup_body(json_t **body)
{
	const char *name;
	json_t *value;

	json_object_foreach (*body, name, value)
		if (json_is_string(value))
			wipe((char *)json_string_value(value), json_string_length(value));
	json_decref(*body);
}
