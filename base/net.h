/* Addresses, networks and lists of them, as configured and as seen on sockets. */
#ifndef BASE_NET_H
#define BASE_NET_H

#include <sys/socket.h>

#include "base/err.h"

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* "192.0.2.1:80", "[2001:db8::1]:443", "*:80" (see address_any), ":80".  No look-ups. */
int address_parse(struct address *, const char *, struct err *);
/* "*:80" means IPv4 and IPv6: parsed as [::] with port; the listener opens it dual-stack. */
bool address_any(const struct address *);
int address_port(const struct address *);	/* 0 for a Unix socket */
#define ADDRESS_TEXT 64
char *address_text(char out[ADDRESS_TEXT], const struct address *);	/* with port */
/* Without the port; IPv4-mapped shown as IPv4; "local" for a Unix socket. */
char *address_host(char out[ADDRESS_TEXT], const struct address *);

/* A network: family, leading bits.  IPv4-mapped IPv6 is the IPv4 address, in lists and in questions. */
struct cidr {
	unsigned char bytes[16];
	int family;		/* AF_INET or AF_INET6 */
	int bits;
};
struct cidr_list {
	struct cidr *item;
	size_t count;
};
/* A bare address is a network of one; stray host bits are refused. */
int cidr_parse(struct cidr *, const char *, struct err *);
bool cidr_list_has(const struct cidr_list *, const struct sockaddr *);
void cidr_list_release(struct cidr_list *);
/*
 * May a stranger's URL lead there?  False for this machine, private networks, and all that is never somebody else's
 * server on the Internet (IANA's special-purpose registries), also when wrapped in an IPv6 address.
 */
bool address_is_public(const struct sockaddr *);
/* How far somebody's wish may lead; kept in records, so the numbers stay. */
enum reach {
	REACH_LISTED = 0,	/* public addresses, and the private networks that a setting lists */
	REACH_PUBLIC = 1,	/* public addresses only */
	REACH_ANY = 2,		/* every address */
};
bool address_in_reach(const struct sockaddr *, enum reach, const struct cidr_list *listed);
/* "192.0.2.1" or "2001:db8::1" into a sockaddr with port 0. */
int address_parse_host(struct address *, const char *);

#endif
