/* systemd's protocols: notification (sd_notify(3)) and socket activation (sd_listen_fds(3)). */
#ifndef BASE_SD_H
#define BASE_SD_H

#include "base/err.h"

/* "READY=1", "STOPPING=1", "STATUS=..."; does nothing where nobody listens. */
void sd_notify(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* How often WATCHDOG=1 is expected, in milliseconds; 0: not at all. */
int64_t sd_watchdog_ms(void);

/* Sockets handed over, in order, with their FileDescriptorName ("http", "https"; "unknown" if it has none). */
struct sd_socket {
	int fd;
	char name[128];
};
#define SD_SOCKETS_MAX 128
int sd_sockets(struct sd_socket out[SD_SOCKETS_MAX]);		/* how many; unsets the environment */

/*
 * Gives systemd a socket to keep while we are away (FileDescriptorStoreMax=): the next start gets it among
 * sd_sockets(), under this name.  Does nothing where nobody listens.
 */
void sd_store(int fd, const char *name);
void sd_forget(const char *name);	/* all of this name */

#endif
