/* From a method and a path to the row of routes.def. */
#ifndef WEBUI_HTTP_ROUTER_H
#define WEBUI_HTTP_ROUTER_H

#include "base/http/request.h"
#include "base/http/params.h"

struct request;
/* Answers, or asks the keeper and goes on in its answer_fn (request.h).  -1: answered by the error. */
typedef int page_fn(struct request *, struct err *);

/* From GUEST on in order: who has one has those before it. */
enum role { ROLE_ANYONE, ROLE_APIKEY, ROLE_GUEST, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };

enum route_effect { EFFECT_READ, EFFECT_CHANGE };	/* of several machines, who answers: any, the leader */

struct route {
	enum method method;
	const char *path;
	page_fn *page;
	enum role role;
	enum route_effect effect;
	const char *template;
};

#define ROUTE(method, path, page, role, effect, template) page_fn page;
#include "webui/routes.def"
#undef ROUTE

/*
 * A path may have several routes: one a method.  A row of /api/v1 is found without that, too, if it has a template, or
 * takes forms (it is no GET).
 */
struct match {
	const struct route *path;	/* that one, else the one that most may use; NULL: we have no such path */
	const struct route *route;	/* the one of the method; NULL: there is none */
	bool html;			/* asked for as a browser does: without /api/v1 */
	struct params params;
};
void router_find(struct match *, enum method, const char *path);
void match_release(struct match *);
/* The rows of routes.def, one after another; NULL behind the last. */
const struct route *router_row(size_t index);
/* "GET, HEAD, POST": what the path offers; owned. */
char *router_methods(const struct route *path);

#endif
