#include "webui/gate/first.h"

#include "keeper/keeper.h"
#include "webui/http/reply.h"
#include "webui/page/form.h"
#include "webui/page/form_view.h"

#define NOT_READY "mustChange"	/* code of the error: something about oneself comes first */

static bool is_about_self(const struct route *route)
{
	return str_starts(route->path, "/api/v1/me") || str_starts(route->path, "/me/") ||
	       str_eq(route->path, "/api/v1/sign-out");
}

int first_check(const struct request *r, const struct route *route, struct err *e)
{
	const struct visitor *v = &r->visitor;

	if (route->role <= ROLE_GUEST || !*v->session || is_about_self(route))
		return 0;
	if (v->must_change)
		err_set(e, ERR_DENIED, "someone else set your password: change it to continue");
	else if (r->webui->settings->app_required && !v->has_app)
		err_set(e, ERR_DENIED, "this server requires an authenticator app: set one up first");
	else
		return 0;
	return err_code(e, NOT_READY);
}

/* Where a browser must go first.  NULL: nowhere. */
static const char *first_to(const struct request *r, const struct err *e)
{
	if (e->kind == ERR_AUTH && r->visitor.role == ROLE_ANYONE && r->route->page != page_sign_in)
		return "/sign-in";
	return str_eq(e->code, KEEPER_UNCONFIRMED) && *r->visitor.session ? "/me/confirm" : NULL;
}

/* A form that can ask for the password itself is shown again, with what was typed: its proof was none, or is over. */
static bool asks_itself(struct request *r, struct err *e)
{
	if (!str_eq(e->code, KEEPER_UNCONFIRMED) || !form_view_asks(form_text(r, "_form")))
		return false;
	*r->visitor.proof = '\0';
	err_field(e, FORM_PASSWORD);
	return true;
}

bool first_send(struct request *r, struct err *e)
{
	const char *first = first_to(r, e), *page = form_text(r, "_page");
	_cleanup_free_ char *next = NULL, *path = NULL;

	if (asks_itself(r, e))
		return false;
	if (str_eq(e->code, NOT_READY))
		return reply_see_other(r, "/me"), true;
	if (!first)
		return false;
	next = r->route->method == METHOD_GET ? request_here(r) : xstrdup(page ? page : "/");
	path = params_link(first, "next", next);
	reply_see_other(r, path);
	return true;
}
