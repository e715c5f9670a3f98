#include "webui/gate/gate.h"

#include <netinet/in.h>
#include <unistd.h>

#include "base/http/forwarded.h"

#define LOCAL_ADMIN "local admin"

static const struct sockaddr *sa(const struct address *a)
{
	return (const struct sockaddr *)&a->sa;
}

/* "local admin", "local admin alice (1000)" */
static void name_local_admin(struct visitor *v, const struct http_request *r)
{
	char text[LOCAL_ADMIN_TEXT];
	const char *who = r->vouched ? r->vouched_name : local_admin_text(r->socket, geteuid(), text);

	snprintf(v->name, sizeof(v->name), LOCAL_ADMIN "%s%s", who && *who ? " " : "", who ? who : "");
}

static void at_control_socket(struct visitor *v, const struct http_request *r, const struct webui_settings *settings)
{
	struct ucred who;

	v->address.sa.ss_family = AF_UNIX;
	v->admin = r->vouched || local_admin_is(r->socket, &settings->local_admins, geteuid(), &who);
	if (!v->admin)
		return;
	snprintf(v->proof, sizeof(v->proof), "%s", r->vouched ? r->vouched : "");
	v->role = ROLE_ADMIN;
	name_local_admin(v, r);
}

void gate_visitor(struct visitor *v, const struct http_request *r, const struct webui_settings *settings)
{
	*v = (struct visitor){ .face = r->face };
	if (r->face == FACE_CONTROL) {
		at_control_socket(v, r, settings);
		return;
	}
	v->address = r->peer;
	forwarded_client(&v->address, http_field(r, HTTP_forwarded_for), &settings->trusted_proxies);
}

char *gate_visitor_text(const struct visitor *v, char out[ADDRESS_TEXT])
{
	if (v->address.sa.ss_family != AF_UNSPEC)
		return address_host(out, &v->address);
	snprintf(out, ADDRESS_TEXT, "unknown");
	return out;
}

void visitor_release(struct visitor *v)
{
	strv_free(v->actions);
	scope_release(&v->scope);
	wipe(v, sizeof(*v));
}

static bool from_api(const struct visitor *v, const struct webui_settings *settings)
{
	return v->face == FACE_HTTPS && cidr_list_has(&settings->api, sa(&v->address));
}

static bool from_admin(const struct visitor *v, const struct webui_settings *settings)
{
	return v->face == FACE_HTTPS && cidr_list_has(&settings->admin, sa(&v->address));
}

bool gate_admits(const struct visitor *v, enum role role, const struct webui_settings *settings)
{
	switch (role) {
	case ROLE_ANYONE:
		return false;
	case ROLE_APIKEY:
		return v->admin || from_api(v, settings);
	case ROLE_GUEST:
	case ROLE_VIEWER:
	case ROLE_OPERATOR:
	case ROLE_ADMIN:
		return v->admin || from_admin(v, settings) || (v->bearer && from_api(v, settings));
	}
	return false;
}

bool gate_lets_in(const struct visitor *v, enum role role, const struct webui_settings *settings)
{
	return gate_admits(v, role, settings) && (role <= ROLE_GUEST || v->role >= role);
}

/* "read", "create", "change", "delete", or the last word of the path: "issue", "revoke", "apikeys". */
static char *action_of(const struct route *route)
{
	_cleanup_strv_ char **part = NULL;
	size_t n;

	if (route->method == METHOD_GET)
		return xstrdup("read");
	if (route->method == METHOD_DELETE)
		return xstrdup("delete");
	part = strv_split(route->path, "/");
	n = strv_len(part);
	if (n && *part[n - 1] != ':')
		return xstrdup(n > 3 ? part[n - 1] : "create");
	return xstrdup(n > 4 ? part[n - 2] : "change");
}

bool gate_is_action(const char *word)
{
	const struct route *route;

	for (size_t i = 0; (route = router_row(i)); i++) {
		_cleanup_free_ char *action = action_of(route);

		if (route->role > ROLE_GUEST && str_starts(route->path, "/api/v1/") && str_eq(action, word))
			return true;
	}
	return false;
}

bool gate_administers(const struct visitor *v)
{
	return v->role == ROLE_ADMIN && (!v->actions || strv_has(v->actions, "hooks"));
}

bool gate_allows(const struct visitor *v, const struct route *route)
{
	_cleanup_free_ char *action = v->actions ? action_of(route) : NULL;

	return !action || strv_has(v->actions, action);
}

static const struct {
	enum role role;
	const char *word;
} roles[] = { { ROLE_VIEWER, "viewer" }, { ROLE_OPERATOR, "operator" }, { ROLE_ADMIN, "admin" } };

const char *role_word(enum role role)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (roles[i].role == role)
			return roles[i].word;
	return "";
}

int role_by_word(enum role *role, const char *word, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		if (!str_eq(roles[i].word, word))
			continue;
		*role = roles[i].role;
		return 0;
	}
	return err_set(e, ERR_INVALID, "there is no role \"%.20s\"; there are viewer, operator and admin",
		       word ? word : "");
}

enum reach gate_reach(const struct visitor *v)
{
	if (v->scope.own)
		return REACH_PUBLIC;
	return v->role == ROLE_ADMIN ? REACH_ANY : REACH_LISTED;
}

bool gate_knows(const struct visitor *v, const struct webui_settings *settings)
{
	return v->admin || cidr_list_has(&settings->admin, sa(&v->address)) ||
	       (v->face == FACE_HTTP && cidr_list_has(&settings->api, sa(&v->address)));
}
