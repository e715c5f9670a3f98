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

bool gate_lets_in(const struct visitor *v, enum role role, const struct webui_settings *settings)
{
	switch (role) {
	case ROLE_ANYONE:
		return true;
	case ROLE_APIKEY:
		return v->admin || (v->face == FACE_HTTPS && cidr_list_has(&settings->api, sa(&v->address)));
	case ROLE_VIEWER:
	case ROLE_OPERATOR:
	case ROLE_ADMIN:
		return v->admin;
	}
	return false;
}

bool gate_knows(const struct visitor *v, const struct webui_settings *settings)
{
	return v->admin || cidr_list_has(&settings->admin, sa(&v->address)) ||
	       (v->face == FACE_HTTP && cidr_list_has(&settings->api, sa(&v->address)));
}
