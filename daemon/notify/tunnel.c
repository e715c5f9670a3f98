#include "daemon/notify/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/net.h"
#include "daemon/dns/lookup.h"
#include "daemon/notify/tunnel_tls.h"

#define CONNECT_MOST_MS 30000
#define ACCEPT_MS 30000
#define CHUNK 16384
#define REPLY_MOST 16384
#define GREETING_WORD 4		/* "220 " */

struct tunnel {
	struct tunnel_options o;
	char *who;			/* "mail.example.org port 587" */
	int remote, listener, port;
	struct tls_link *link;
	struct buf early;		/* the greeting, which came before TLS */
	pthread_t thread;
	struct err err;			/* the pump's */
};

/*
 * Waiting.
 */

/* 1 ready, 0 in time not, -1 stopped. */
static int wait_for(const struct tunnel *t, int fd, short what, int ms)
{
	struct pollfd fds[] = { { .fd = fd, .events = what }, { .fd = t->o.stop_fd, .events = POLLIN } };
	int ready;

	do
		ready = poll(fds, ARRAY_SIZE(fds), ms);
	while (ready < 0 && errno == EINTR);
	if (fds[1].revents)
		return -1;
	return ready > 0;
}

/* As wait_for(), but what did not come is an error. */
static int await(struct tunnel *t, int fd, short what, const char *doing, struct err *e)
{
	int ready = wait_for(t, fd, what, t->o.timeout_ms);

	if (ready > 0)
		return 0;
	if (ready < 0)
		return err_set(e, ERR_INTERNAL, "%s %s: stopped", doing, t->who);
	return err_set(e, ERR_TIMEOUT, "%s %s: timed out after %d seconds", doing, t->who, t->o.timeout_ms / 1000);
}

/*
 * The far end, with or without TLS.
 */

static int await_link(struct tunnel *t, ssize_t wants, const char *doing, struct err *e)
{
	if (wants == LINK_FAILED)
		return -1;
	return await(t, t->remote, wants == LINK_WANTS_WRITE ? POLLOUT : POLLIN, doing, e);
}

/* Bytes; 0: it has closed; LINK_WANTS_READ: nothing now; LINK_FAILED with e. */
static ssize_t read_now(struct tunnel *t, char *data, size_t len, struct err *e)
{
	ssize_t got = t->link ? tls_link_read(t->link, data, len, e) : recv(t->remote, data, len, 0);

	if (got >= 0 || t->link)
		return got == LINK_WANTS_WRITE ? LINK_WANTS_READ : got;
	return errno == EAGAIN ? LINK_WANTS_READ : err_errno(e, ERR_NETWORK, "reading from %s", t->who);
}

/* The same, waited for. */
static ssize_t read_some(struct tunnel *t, char *data, size_t len, struct err *e)
{
	ssize_t got;

	do
		got = read_now(t, data, len, e);
	while (got == LINK_WANTS_READ && await(t, t->remote, POLLIN, "reading from", e) == 0);
	return got == LINK_WANTS_READ ? LINK_FAILED : got;
}

static int write_all(struct tunnel *t, const char *data, size_t len, struct err *e)
{
	while (len) {
		ssize_t put = t->link ? tls_link_write(t->link, data, len, e) :
					send(t->remote, data, len, MSG_NOSIGNAL);

		if (put > 0) {
			data += put;
			len -= (size_t)put;
		} else if (t->link ? await_link(t, put, "writing to", e) < 0 :
				     (errno != EAGAIN || await(t, t->remote, POLLOUT, "writing to", e) < 0)) {
			return err_is_set(e) ? -1 : err_errno(e, ERR_NETWORK, "writing to %s", t->who);
		}
	}
	return 0;
}

static int start_tls(struct tunnel *t, struct err *e)
{
	struct tls_link *link = tls_link_new(t->remote, t->o.host, t->o.ca_file, e);
	int rc;

	if (!link)
		return -1;
	do
		rc = tls_link_handshake(link, e);
	while (rc && await_link(t, rc, "agreeing on TLS with", e) == 0);
	if (rc) {
		tls_link_free(link);
		return -1;
	}
	t->link = link;
	return 0;
}

/*
 * Before the tunnel: STARTTLS (RFC 3207).
 */

static void tunnel_note(struct tunnel *t, const char *direction, const char *text)
{
	_cleanup_strv_ char **lines = strv_split(text, "\r\n");

	for (size_t i = 0; i < strv_len(lines); i++) {
		_cleanup_free_ char *line = xasprintf("%s %s", direction, lines[i]);

		t->o.note(t->o.arg, line);
	}
}

/* Where the last line of a reply begins ("250 " and not "250-"); NULL: it is not whole yet. */
static const char *last_line(const char *text)
{
	const char *line = text, *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		if (end - line < 3 || line[3] != '-')
			return line;
	return NULL;
}

/* One whole reply with this code; more than that is what somebody slipped in. */
static int read_reply(struct tunnel *t, const char *code, struct buf *reply, struct err *e)
{
	const char *last;

	buf_clear(reply);
	while (!(last = last_line(buf_str(reply)))) {
		ssize_t got = read_some(t, buf_reserve(reply, CHUNK), CHUNK - 1, e);

		if (got < 0)
			return -1;
		if (got == 0 || reply->len > REPLY_MOST)
			return err_set(e, ERR_PROTOCOL, "%s %s in the middle of what it said", t->who,
				       got ? "did not end" : "closed the connection");
		reply->len += (size_t)got;
		reply->data[reply->len] = '\0';
	}
	tunnel_note(t, "<", buf_str(reply));
	if (!str_starts(last, code)) {
		err_set(e, ERR_PROTOCOL, "%s refused: %.*s", t->who, (int)strcspn(last, "\r\n"), last);
		return err_code(e, "refused");
	}
	if (strchr(last, '\n')[1])
		return err_set(e, ERR_PROTOCOL, "%s said more than it should before TLS", t->who);
	return 0;
}

static int say(struct tunnel *t, const char *line, struct err *e)
{
	tunnel_note(t, ">", line);
	return write_all(t, line, strlen(line), e);
}

static int ask_for_tls(struct tunnel *t, struct err *e)
{
	_cleanup_free_ char *hello = xasprintf("EHLO %s\r\n", t->o.hello);
	_cleanup_buf_ struct buf reply = BUF_INIT;

	if (read_reply(t, "220", &t->early, e) < 0 || say(t, hello, e) < 0 || read_reply(t, "250", &reply, e) < 0)
		return -1;
	if (!strcasestr(buf_str(&reply), "STARTTLS")) {
		err_set(e, ERR_PROTOCOL, "%s does not offer STARTTLS", t->who);
		return err_hint(e, "If it speaks TLS from the first byte (mostly port 465), set mail.tls to tls; "
				   "with none everything goes in clear.");
	}
	if (say(t, "STARTTLS\r\n", e) < 0 || read_reply(t, "220", &reply, e) < 0)
		return -1;
	return 0;
}

/*
 * Connecting.
 */

static int connect_one(struct tunnel *t, const struct address *to, struct err *e)
{
	int fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), ready;
	socklen_t len = sizeof(errno);

	if (fd < 0)
		return err_errno(e, ERR_NETWORK, "connecting to %s", t->who);
	if (connect(fd, (const struct sockaddr *)&to->sa, to->len) == 0)
		return fd;
	ready = errno == EINPROGRESS ? wait_for(t, fd, POLLOUT, MIN(t->o.timeout_ms, CONNECT_MOST_MS)) : 1;
	if (ready == 0)
		errno = ETIMEDOUT;
	else if (ready < 0)
		errno = ECANCELED;
	else if (errno == EINPROGRESS && getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &len) == 0 && errno == 0)
		return fd;
	err_errno(e, errno == ETIMEDOUT ? ERR_TIMEOUT : ERR_NETWORK, "connecting to %s", t->who);
	close(fd);
	return -1;
}

static int connect_to(struct tunnel *t, struct err *e)
{
	const struct lookup look = { .host = t->o.host, .port = t->o.port, .stop_fd = t->o.stop_fd,
				     .timeout_ms = MIN(t->o.timeout_ms, CONNECT_MOST_MS) };
	size_t count = 0;
	_cleanup_free_ struct address *found = lookup(&look, &count, e);

	for (size_t i = 0; found && i < count && t->remote < 0; i++)
		t->remote = connect_one(t, &found[i], e);
	if (t->remote < 0)
		return -1;
	err_clear(e);
	setsockopt(t->remote, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return 0;
}

static int listen_here(struct tunnel *t, struct err *e)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(in);

	t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->listener < 0 || bind(t->listener, (struct sockaddr *)&in, len) < 0 || listen(t->listener, 4) < 0 ||
	    getsockname(t->listener, (struct sockaddr *)&in, &len) < 0)
		return err_errno(e, ERR_INTERNAL, "opening a port of loopback");
	t->port = ntohs(in.sin_port);
	return 0;
}

/*
 * The pump, in a thread of its own.
 */

/* Does the kernel say that the process behind this connection is our user's? */
static bool is_ours(int fd)
{
	_cleanup_fclose_ FILE *table = fopen("/proc/self/net/tcp", "re");
	struct sockaddr_in peer = { 0 }, here = { 0 };
	socklen_t peer_len = sizeof(peer), here_len = sizeof(here);
	char line[512], want[64];

	if (!table || getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&here, &here_len) < 0)
		return false;
	snprintf(want, sizeof(want), "%08X:%04X %08X:%04X", peer.sin_addr.s_addr, ntohs(peer.sin_port),
		 here.sin_addr.s_addr, ntohs(here.sin_port));
	while (fgets(line, sizeof(line), table)) {
		const char *found = strstr(line, want);
		unsigned int uid;

		/* state, queues, timer, retransmissions, then the user: proc(5) */
		if (found && sscanf(found + strlen(want), " %*x %*x:%*x %*x:%*x %*x %u", &uid) == 1)
			return uid == geteuid();
	}
	return false;
}

static int accept_ours(struct tunnel *t)
{
	while (wait_for(t, t->listener, POLLIN, ACCEPT_MS) > 0) {
		int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED)
			break;		/* shut down: nobody will come */
		if (fd >= 0 && is_ours(fd))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static int give(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t put = send(fd, data, len, MSG_NOSIGNAL);

		if (put < 0)
			return -1;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

/*
 * What the server has for us goes to the near end; 0: go on.  It may have been a ticket or half a record: nothing is
 * waited for here, as the near end may have something to say first.
 */
static int carry_back(struct tunnel *t, int near)
{
	char data[CHUNK];

	do {
		ssize_t got = read_now(t, data, sizeof(data), &t->err);

		if (got == LINK_WANTS_READ)
			return 0;
		if (got <= 0 || give(near, data, (size_t)got) < 0)
			return -1;
	} while (t->link && tls_link_pending(t->link));
	return 0;
}

static int carry_forth(struct tunnel *t, int near)
{
	char data[CHUNK];
	ssize_t got = recv(near, data, sizeof(data), 0);
	int rc = got > 0 ? write_all(t, data, (size_t)got, &t->err) : -1;

	wipe(data, sizeof(data));	/* passwords pass through */
	return rc;
}

/* Both sides, until one closes or we are stopped.  How long an answer may take is for the near end to say. */
static void pump(struct tunnel *t, int near)
{
	struct pollfd fds[] = { { near, POLLIN, 0 }, { t->remote, POLLIN, 0 }, { t->o.stop_fd, POLLIN, 0 } };

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno != EINTR)
				return;
			continue;
		}
		if (fds[2].revents || (fds[0].revents && carry_forth(t, near) < 0) ||
		    (fds[1].revents && carry_back(t, near) < 0))
			return;
	}
}

static void carry(struct tunnel *t)
{
	_cleanup_close_ int near = accept_ours(t);

	if (near >= 0 && give(near, buf_str(&t->early), t->early.len) == 0)
		pump(t, near);
}

/* Until tunnel_close().  Who comes when we are stopped would wait for a greeting that nobody gives. */
static void turn_away(struct tunnel *t)
{
	struct pollfd coming = { .fd = t->listener, .events = POLLIN };

	for (;;) {
		int fd;

		poll(&coming, 1, -1);
		fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		else if (errno != EAGAIN && errno != ECONNABORTED)
			return;		/* shut down */
	}
}

static void *tunnel_run(void *arg)
{
	struct tunnel *t = arg;

	carry(t);
	turn_away(t);
	return NULL;
}

/*
 * The whole.
 */

static void tunnel_free(struct tunnel *t)
{
	tls_link_free(t->link);
	if (t->remote >= 0)
		close(t->remote);
	if (t->listener >= 0)
		close(t->listener);
	buf_release(&t->early);
	free(t->who);
	free(t);
}

struct tunnel *tunnel_open(const struct tunnel_options *o, struct err *e)
{
	struct tunnel *t = xcalloc(1, sizeof(*t));

	t->o = *o;
	t->remote = t->listener = -1;
	t->who = xasprintf("%s port %d", o->host, o->port);
	if (connect_to(t, e) == 0 && (o->tls != TUNNEL_STARTTLS || ask_for_tls(t, e) == 0) &&
	    (o->tls == TUNNEL_NONE || start_tls(t, e) == 0) && listen_here(t, e) == 0) {
		if (pthread_create(&t->thread, NULL, tunnel_run, t))
			die("no thread can be started");
		return t;
	}
	tunnel_free(t);
	return NULL;
}

int tunnel_port(const struct tunnel *t)
{
	return t->port;
}

void tunnel_close(struct tunnel *t, struct err *e)
{
	shutdown(t->listener, SHUT_RDWR);
	pthread_join(t->thread, NULL);
	if (err_is_set(&t->err))
		*e = t->err;
	tunnel_free(t);
}
