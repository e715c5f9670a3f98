/* systemd's protocols: notification (sd_notify(3)) and socket activation (sd_listen_fds(3)). */
#ifndef DAEMON_SD_H
#define DAEMON_SD_H

#include "base/err.h"

/* "READY=1", "STOPPING=1", "STATUS=..."; does nothing where nobody listens. */
void sd_notify(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* How often WATCHDOG=1 is expected, in milliseconds; 0: not at all. */
int64_t sd_watchdog_ms(void);

/* Sockets handed over, in order, with their FileDescriptorName ("http", "https"; "unknown" if it has none). */
struct sd_socket {
	int fd;
	char name[64];
};
#define SD_SOCKETS_MAX 32
int sd_sockets(struct sd_socket out[SD_SOCKETS_MAX]);		/* how many; unsets the environment */

#endif
