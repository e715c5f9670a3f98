#include "webui/gate.h"

#include <netinet/in.h>
#include <unistd.h>

static const struct sockaddr *sa(const struct address *a)
{
	return (const struct sockaddr *)&a->sa;
}

/* One item of X-Forwarded-For: an address, in brackets or with a port behind it as some proxies write it. */
static int parse_forwarded(struct address *a, const char *item)
{
	if (address_parse_host(a, item) == 0 || address_parse(a, item, NULL) == 0)
		return 0;
	if (*item == '[') {
		_cleanup_free_ char *inner = xstrndup(item + 1, strcspn(item + 1, "]"));

		if (item[strlen(inner) + 1] == ']' && !item[strlen(inner) + 2])
			return address_parse_host(a, inner);
	}
	return -1;
}

static void see_through_proxies(struct address *client, const char *forwarded, const struct cidr_list *trusted)
{
	_cleanup_strv_ char **item = strv_split(forwarded ? forwarded : "", ", \t");

	for (size_t i = strv_len(item); i-- > 0 && cidr_list_has(trusted, sa(client));) {
		if (parse_forwarded(client, item[i]) == 0)
			continue;
		*client = (struct address){ .len = 0 };
		client->sa.ss_family = AF_UNSPEC;
	}
}

static bool peer_is_admin(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

void gate_visitor(struct visitor *v, enum webui_face face, const struct sockaddr *peer, int fd, const char *forwarded,
		  const struct webui_settings *settings)
{
	*v = (struct visitor){ .face = face };
	if (face == FACE_CONTROL) {
		v->address.sa.ss_family = AF_UNIX;
		v->admin = peer_is_admin(fd);
		v->role = v->admin ? ROLE_ADMIN : ROLE_ANYONE;
		snprintf(v->name, sizeof(v->name), "%s", v->admin ? "local admin" : "");
		return;
	}
	v->address.len = peer->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	memcpy(&v->address.sa, peer, v->address.len);
	see_through_proxies(&v->address, forwarded, &settings->trusted_proxies);
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
		return true;
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
	_cleanup_strv_ char **part = strv_split(route->path, "/");
	size_t n = strv_len(part);

	if (route->method == METHOD_GET)
		return xstrdup("read");
	if (route->method == METHOD_DELETE)
		return xstrdup("delete");
	if (n && *part[n - 1] != ':')
		return xstrdup(n > 3 ? part[n - 1] : "create");
	return xstrdup(n > 4 ? part[n - 2] : "change");
}

bool gate_allows(const struct visitor *v, const struct route *route)
{
	_cleanup_free_ char *action = action_of(route);

	return !v->actions || strv_has(v->actions, action);
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

bool gate_knows(const struct visitor *v, const struct webui_settings *settings)
{
	return v->admin || cidr_list_has(&settings->admin, sa(&v->address)) ||
	       (v->face == FACE_HTTP && cidr_list_has(&settings->api, sa(&v->address)));
}
