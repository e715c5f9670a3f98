#include "daemon/cluster/peer_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "daemon/cluster/resolve.h"

#define SILENT_MS 10000		/* a node that does not acknowledge what was sent is gone */
#define IDLE_S 5		/* then the kernel asks whether the other node is still there */
#define BACKLOG 64

void peer_socket_notice_silence(int fd)
{
	int on = 1, idle = IDLE_S, every = 1, times = SILENT_MS / 1000 - IDLE_S, silent = SILENT_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent, sizeof(silent));
}

static int listen_at(const struct address *at)
{
	int on = 1, off = 0, failed, fd = socket(at->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, address_any(at) ? &off : &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&at->sa, at->len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	failed = errno;
	close(fd);
	errno = failed;
	return -1;
}

/* At the first of its addresses that is one of this machine. */
int peer_socket_listen(const char *address, struct err *e)
{
	_cleanup_(addresses_release) struct addresses at;
	int fd = -1;

	if (resolve_now(&at, address, e) < 0)
		return -1;
	for (size_t i = 0; i < at.count && fd < 0; i++)
		fd = listen_at(&at.list[i]);
	return fd < 0 ? err_errno(e, ERR_CONFIG, "listening on %s for the other servers", address) : fd;
}
