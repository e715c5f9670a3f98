#include "base/process/sd.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define FIRST_SOCKET 3		/* SD_LISTEN_FDS_START */

/* Where systemd listens; false: nowhere. */
static bool notify_address(struct sockaddr_un *sa, socklen_t *len)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(sa->sun_path))
		return false;
	memcpy(sa->sun_path, path, strlen(path));
	if (sa->sun_path[0] == '@')	/* an abstract socket */
		sa->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	return true;
}

/* With a descriptor, unless it is negative. */
static void notify(const char *state, int descriptor)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct sockaddr_un sa;
	struct iovec part = { (char *)state, strlen(state) };
	struct msghdr message = { .msg_name = &sa, .msg_iov = &part, .msg_iovlen = 1 };
	_cleanup_close_ int fd = -1;

	if (!notify_address(&sa, &message.msg_namelen))
		return;
	if (descriptor >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(descriptor));
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_warn("telling systemd %s: %s", state, strerror(errno));
}

void sd_notify(const char *fmt, ...)
{
	char state[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(state, sizeof(state), fmt, ap);
	va_end(ap);
	notify(state, -1);
}

void sd_store(int fd, const char *name)
{
	_cleanup_free_ char *state = xasprintf("FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);

	notify(state, fd);
}

void sd_forget(const char *name)
{
	sd_notify("FDSTOREREMOVE=1\nFDNAME=%s", name);
}

/* A number in the environment, -1 if there is none; 0 or more otherwise. */
static int64_t env_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long long n;

	if (!text || !*text)
		return -1;
	n = strtoll(text, &end, 10);
	return *end || n < 0 ? -1 : n;
}

int64_t sd_watchdog_ms(void)
{
	int64_t pid = env_number("WATCHDOG_PID");
	int64_t usec = env_number("WATCHDOG_USEC");

	if (usec <= 0 || (pid >= 0 && pid != getpid()))
		return 0;
	return MAX(usec / 1000, 1);
}

int sd_sockets(struct sd_socket out[SD_SOCKETS_MAX])
{
	_cleanup_strv_ char **names = NULL;
	int64_t count = env_number("LISTEN_FDS");

	if (count <= 0 || env_number("LISTEN_PID") != getpid())
		return 0;
	count = MIN(count, SD_SOCKETS_MAX);
	names = strv_split(getenv("LISTEN_FDNAMES") ? getenv("LISTEN_FDNAMES") : "", ":");
	for (int i = 0; i < count; i++) {
		out[i].fd = FIRST_SOCKET + i;
		snprintf(out[i].name, sizeof(out[i].name), "%s", (size_t)i < strv_len(names) ? names[i] : "unknown");
	}
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return (int)count;
}
