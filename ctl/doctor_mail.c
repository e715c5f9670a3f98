/* Is the mail server there?  What it says to a message, `channel test` shows. */
#include "ctl/doctor.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 5000

/* Connected, or -1 with errno. */
static int connect_to(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = ETIMEDOUT;
	struct pollfd until = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(error);

	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	if (errno != EINPROGRESS)
		error = errno;
	else if (poll(&until, 1, WAIT_MS) > 0)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

/* The first address that answers; -1 with what is wrong, NULL: the name has no address. */
static int reach(const char *host, const char *port, const char **why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int failed = getaddrinfo(host, port, &hints, &found), fd = -1;

	*why = failed ? NULL : "";
	for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
		fd = connect_to(a);
		*why = strerror(errno);
	}
	if (found)
		freeaddrinfo(found);
	return fd;
}

/* Before TLS, a mail server is the first to speak (RFC 5321 section 3.1). */
static bool greets(int fd)
{
	struct pollfd until = { .fd = fd, .events = POLLIN };
	char code[3];

	return poll(&until, 1, WAIT_MS) > 0 && read(fd, code, sizeof(code)) == sizeof(code) && !memcmp(code, "220", 3);
}

void doctor_mail(struct doctor *d)
{
	const char *host = doctor_setting(d, "mail", "host"), *port = doctor_setting(d, "mail", "port"), *why;
	bool quiet = str_eq(doctor_setting(d, "mail", "tls"), "tls");
	_cleanup_close_ int fd = -1;

	if (!*host) {
		doctor_fine(d, "No mail server is configured.");
		return;
	}
	fd = reach(host, port, &why);
	if (fd < 0 && !why)
		doctor_fault(d, "Correct mail.host, or the DNS of this machine (/etc/resolv.conf).",
			     "The mail server %s has no address.", host);
	else if (fd < 0)
		doctor_fault(d, "Check mail.host, mail.port, and the firewall for outgoing connections.",
			     "The mail server %s does not answer on port %s: %s.", host, port, why);
	else if (!quiet && !greets(fd))
		doctor_fault(d, "Check mail.port and mail.tls: usually 587 with starttls, 465 with tls.",
			     "What answers at %s, port %s, does not greet as a mail server.", host, port);
	else
		doctor_fine(d, "The mail server %s answers. To send a message: certeractl channel test NAME.", host);
}
