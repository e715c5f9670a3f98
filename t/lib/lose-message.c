/* LD_PRELOAD: the first challenge answer that the core tells the front is not sent, for a reason that never was. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/front/front_tell.h"

/* Its kind, then its two fields, each behind its length. */
static int is_answer(const struct msghdr *msg)
{
	const unsigned char *data = msg->msg_iov[0].iov_base;
	size_t len = msg->msg_iov[0].iov_len;
	uint32_t token;

	if (len < 10 || data[0] != TELL_challenge)
		return 0;
	memcpy(&token, data + 1, sizeof(token));
	return token > 20 && token < len;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static ssize_t (*real)(int, const struct msghdr *, int);
	static int lost;

	if (!lost && is_answer(msg)) {
		lost = 1;
		errno = ETOOMANYREFS;
		return -1;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
	return real(fd, msg, flags);
}
