#include "daemon/dns/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>

#define CARES_NO_DEPRECATED
#include <ares.h>

#include "base/clock.h"

#define TRY_MS 2000
#define TRIES 2

struct answer {
	bool done;
	int status;
	struct address *address;
	size_t count;
};

static void lookup_answered(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct answer *a = arg;
	size_t count = 0;

	a->done = true;
	a->status = status;
	for (const struct ares_addrinfo_node *n = found ? found->nodes : NULL; n; n = n->ai_next)
		count++;
	a->address = xcalloc(count + 1, sizeof(*a->address));
	for (const struct ares_addrinfo_node *n = found ? found->nodes : NULL; n; n = n->ai_next) {
		memcpy(&a->address[a->count].sa, n->ai_addr, n->ai_addrlen);
		a->address[a->count++].len = n->ai_addrlen;
	}
	ares_freeaddrinfo(found);
}

/* Waits for the sockets of the channel and lets it work.  -1: stopped. */
static int lookup_turn(ares_channel channel, int stop_fd, int64_t left_ms)
{
	struct pollfd fds[ARES_GETSOCK_MAXNUM + 1] = { { .fd = stop_fd, .events = POLLIN } };
	struct timeval longest = { left_ms / 1000, (left_ms % 1000) * 1000 }, left;
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned wanted = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	const struct timeval *wait = ares_timeout(channel, &longest, &left);
	nfds_t count = 1;

	/* As ARES_GETSOCK_READABLE() and _WRITABLE(), which shift a bit out of an int. */
	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		unsigned readable = wanted >> i & 1, writable = wanted >> (i + ARES_GETSOCK_MAXNUM) & 1;

		if (readable || writable)
			fds[count++] = (struct pollfd){
				.fd = sockets[i],
				.events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)),
			};
	}
	if (poll(fds, count, (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1)) < 0 && errno != EINTR)
		return 0;
	if (fds[0].revents)
		return -1;
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);	/* what came too late */
	for (nfds_t i = 1; i < count; i++)
		ares_process_fd(channel, fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? fds[i].fd : ARES_SOCKET_BAD,
				fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	return 0;
}

static void lookup_run(ares_channel channel, const struct lookup *l, struct answer *a, struct err *e)
{
	int64_t until = clock_mono_ms() + l->timeout_ms;

	while (!a->done) {
		int64_t left = until - clock_mono_ms();

		if (left <= 0) {
			err_set(e, ERR_TIMEOUT, "looking up %s: timed out after %d seconds", l->host,
				l->timeout_ms / 1000);
			return;
		}
		if (lookup_turn(channel, l->stop_fd, left) < 0) {
			err_set(e, ERR_INTERNAL, "looking up %s: stopped", l->host);
			return;
		}
	}
	if (a->status != ARES_SUCCESS || !a->count)
		err_set(e, ERR_NETWORK, "looking up %s: %s", l->host,
			a->status == ARES_SUCCESS ? "it has no address" : ares_strerror(a->status));
}

/* A host that is an address already: c-ares would ask for it.  NULL: it is a name. */
static struct address *as_address(const struct lookup *l)
{
	_cleanup_free_ char *text = xasprintf(strchr(l->host, ':') ? "[%s]:%d" : "%s:%d", l->host, l->port);
	struct address *a = xcalloc(1, sizeof(*a));

	if (address_parse_host(a, l->host) == 0 && address_parse(a, text, NULL) == 0)
		return a;
	free(a);
	return NULL;
}

struct address *lookup(const struct lookup *l, size_t *count, struct err *e)
{
	struct address *literal = as_address(l);
	struct ares_options options = { .timeout = TRY_MS, .tries = TRIES };
	struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct answer a = { 0 };
	ares_channel channel;
	char port[8];
	int status;

	*count = literal != NULL;
	if (literal)
		return literal;
	status = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (status == ARES_SUCCESS && l->servers && *l->servers)
		status = ares_set_servers_ports_csv(channel, l->servers);
	if (status != ARES_SUCCESS) {
		err_set(e, ERR_NETWORK, "looking up %s: the resolver cannot be set up: %s", l->host,
			ares_strerror(status));
		return NULL;
	}
	snprintf(port, sizeof(port), "%d", l->port);
	ares_getaddrinfo(channel, l->host, port, &hints, lookup_answered, &a);
	lookup_run(channel, l, &a, e);
	ares_destroy(channel);		/* which calls lookup_answered() if nothing did before */
	*count = a.count;
	if (err_is_set(e))
		free(TAKE(a.address));
	return a.address;
}
