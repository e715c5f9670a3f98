#include "base/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#define MAPPED_BITS 96 /* ::ffff:0:0/96, the IPv4 addresses in IPv6 clothes (RFC 4291 section 2.5.5.2) */

static struct sockaddr_in *as_in(const struct address *a)
{
	return (struct sockaddr_in *)&a->sa;
}

static struct sockaddr_in6 *as_in6(const struct address *a)
{
	return (struct sockaddr_in6 *)&a->sa;
}

int address_parse_host(struct address *a, const char *host)
{
	*a = (struct address){ .len = 0 };
	if (inet_pton(AF_INET, host, &as_in(a)->sin_addr) == 1) {
		a->sa.ss_family = AF_INET;
		a->len = sizeof(struct sockaddr_in);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &as_in6(a)->sin6_addr) == 1) {
		a->sa.ss_family = AF_INET6;
		a->len = sizeof(struct sockaddr_in6);
		return 0;
	}
	return -1;
}

/* A decimal number of at most five digits, nothing around it.  -1: it is not one, or above `most`. */
static int small_number(const char *s, int most)
{
	size_t digits = strspn(s, "0123456789");
	long n;

	if (!digits || digits > 5 || s[digits])
		return -1;
	n = strtol(s, NULL, 10);
	return n <= most ? (int)n : -1;
}

static void set_port(struct address *a, int port)
{
	if (a->sa.ss_family == AF_INET)
		as_in(a)->sin_port = htons((uint16_t)port);
	else
		as_in6(a)->sin6_port = htons((uint16_t)port);
}

int address_parse(struct address *a, const char *s, struct err *e)
{
	const char *colon = strrchr(s, ':');
	_cleanup_free_ char *host = colon ? xstrndup(s, (size_t)(colon - s)) : NULL;
	size_t len = host ? strlen(host) : 0;
	bool bracketed = len > 1 && host[0] == '[' && host[len - 1] == ']';
	int port;

	if (!colon)
		return err_set(e, ERR_INVALID, "\"%s\" has no port: write ADDRESS:PORT, for instance *:443", s);
	port = small_number(colon + 1, 65535);
	if (port < 1)
		return err_set(e, ERR_INVALID, "\"%s\": the port is not a number from 1 to 65535", s);
	if (bracketed)
		host[len - 1] = '\0';
	else if (strchr(host, ':'))
		return err_set(e, ERR_INVALID, "\"%s\": an IPv6 address needs brackets, as in [2001:db8::1]:443", s);
	if (!len || !strcmp(host, "*"))
		address_parse_host(a, "::");
	else if (address_parse_host(a, host + bracketed) < 0 || bracketed != (a->sa.ss_family == AF_INET6))
		return err_set(e, ERR_INVALID, "\"%s\" is not an IP address and a port (names are not looked up here)",
			       s);
	set_port(a, port);
	return 0;
}

bool address_any(const struct address *a)
{
	return a->sa.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&as_in6(a)->sin6_addr);
}

int address_port(const struct address *a)
{
	switch (a->sa.ss_family) {
	case AF_INET:
		return ntohs(as_in(a)->sin_port);
	case AF_INET6:
		return ntohs(as_in6(a)->sin6_port);
	default:
		return 0;
	}
}

char *address_host(char out[ADDRESS_TEXT], const struct address *a)
{
	const struct in6_addr *six = &as_in6(a)->sin6_addr;

	if (a->sa.ss_family == AF_INET)
		inet_ntop(AF_INET, &as_in(a)->sin_addr, out, ADDRESS_TEXT);
	else if (a->sa.ss_family != AF_INET6)
		snprintf(out, ADDRESS_TEXT, "local");
	else if (IN6_IS_ADDR_V4MAPPED(six))
		inet_ntop(AF_INET, &six->s6_addr[MAPPED_BITS / 8], out, ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, six, out, ADDRESS_TEXT);
	return out;
}

char *address_text(char out[ADDRESS_TEXT], const struct address *a)
{
	char host[ADDRESS_TEXT];
	int port = address_port(a);

	address_host(host, a);
	if (address_any(a))
		snprintf(out, ADDRESS_TEXT, "*:%d", port);
	else if (strchr(host, ':'))
		snprintf(out, ADDRESS_TEXT, "[%.46s]:%d", host, port);
	else if (a->sa.ss_family == AF_INET || a->sa.ss_family == AF_INET6)
		snprintf(out, ADDRESS_TEXT, "%.46s:%d", host, port);
	else
		snprintf(out, ADDRESS_TEXT, "%.46s", host);
	return out;
}

/* The network of this one address, mapped ones as IPv4.  -1: not an IP address. */
static int cidr_of(struct cidr *c, const struct sockaddr *sa)
{
	*c = (struct cidr){ .family = sa->sa_family };
	if (sa->sa_family == AF_INET) {
		c->bits = 32;
		memcpy(c->bytes, &((const struct sockaddr_in *)sa)->sin_addr, 4);
		return 0;
	}
	if (sa->sa_family != AF_INET6)
		return -1;
	memcpy(c->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	c->bits = 128;
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)c->bytes)) {
		c->family = AF_INET;
		c->bits = 32;
		memmove(c->bytes, c->bytes + MAPPED_BITS / 8, 4);
		memset(c->bytes + 4, 0, 12);
	}
	return 0;
}

/* Do the first `bits` bits agree? */
static bool same_bits(const unsigned char *a, const unsigned char *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	return !memcmp(a, b, (size_t)whole) && (!rest || !((a[whole] ^ b[whole]) >> (8 - rest)));
}

static bool host_bits_are_zero(const struct cidr *c)
{
	int width = c->family == AF_INET ? 32 : 128;

	for (int i = c->bits; i < width; i++)
		if (c->bytes[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

int cidr_parse(struct cidr *c, const char *s, struct err *e)
{
	size_t len = strcspn(s, "/");
	_cleanup_free_ char *host = xstrndup(s, len);
	struct address a;
	int written, width;

	if (address_parse_host(&a, host) < 0)
		return err_set(e, ERR_INVALID, "\"%s\" is not a network: write 192.0.2.0/24 or 2001:db8::/32", s);
	cidr_of(c, (const struct sockaddr *)&a.sa);
	if (!s[len])
		return 0;
	width = a.sa.ss_family == AF_INET ? 32 : 128;
	written = small_number(s + len + 1, width);
	if (written < 0)
		return err_set(e, ERR_INVALID, "\"%s\": behind the slash belongs a number from 0 to %d", s, width);
	/* Of a mapped network at least the prefix ::ffff: is fixed: less would leave its bits as host bits. */
	c->bits = written - (width - c->bits);
	if (c->bits < 0 || !host_bits_are_zero(c))
		return err_set(e, ERR_INVALID, "\"%s\": the address has bits set behind the first %d", s, written);
	return 0;
}

bool cidr_list_has(const struct cidr_list *list, const struct sockaddr *sa)
{
	struct cidr asked;

	if (cidr_of(&asked, sa) < 0)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		const struct cidr *c = &list->item[i];

		if (c->family == asked.family && same_bits(c->bytes, asked.bytes, c->bits))
			return true;
	}
	return false;
}

void cidr_list_release(struct cidr_list *list)
{
	free(list->item);
	*list = (struct cidr_list){ NULL, 0 };
}

/* IANA's special-purpose address registries, as far as they are not reachable from everywhere; multicast. */
static const char *const special[] = {
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/3", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
};

/* IPv6 addresses that stand for an IPv4 one: NAT64 (RFC 6052) and 6to4 (RFC 3056), and where it is in them. */
static const struct {
	const char *network;
	int at;
} wrappers[] = { { "64:ff9b::/96", 12 }, { "2002::/16", 2 } };

static bool is_in(const char *network, const struct sockaddr *sa)
{
	struct cidr c;
	struct cidr_list list = { &c, 1 };

	return cidr_parse(&c, network, NULL) == 0 && cidr_list_has(&list, sa);
}

bool address_is_public(const struct sockaddr *sa)
{
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (is_in(special[i], sa))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++) {
		struct sockaddr_in inside = { .sin_family = AF_INET };

		if (!is_in(wrappers[i].network, sa))
			continue;
		memcpy(&inside.sin_addr,
		       (const char *)&((const struct sockaddr_in6 *)sa)->sin6_addr + wrappers[i].at, 4);
		return address_is_public((const struct sockaddr *)&inside);
	}
	return sa->sa_family == AF_INET || sa->sa_family == AF_INET6;
}

bool address_in_reach(const struct sockaddr *sa, enum reach reach, const struct cidr_list *listed)
{
	return reach == REACH_ANY || address_is_public(sa) || (reach == REACH_LISTED && cidr_list_has(listed, sa));
}
