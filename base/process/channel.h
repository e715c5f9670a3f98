/*
 * The wire between two of our processes: packets on a SOCK_SEQPACKET pair, each with at most one
 * file descriptor, and a queue of those the other side had no room for yet.  Used by both ends.
 */
#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include <sys/queue.h>

#include "base/buf.h"
#include "base/err.h"

#define CHANNEL_PACKET_MAX (128 * 1024)	/* bytes */

/* A connected pair, close-on-exec, with room for the longest message. */
int channel_pair(int *ours, int *theirs, struct err *);

/* fd is passed along unless it is -1; flags as for send(2).  0, or -1 and errno. */
int channel_send(int channel, struct slice packet, int fd, int flags);
/* With this errno it may be tried again: there is no room, or the kernel is short of memory for it. */
bool channel_is_full(int error);
/*
 * One packet, of at most CHANNEL_PACKET_MAX bytes: the rest of a longer one is dropped.
 * Its length; 0: the other side is gone; -1 and errno.  A file descriptor that came along goes
 * into *fd (the caller closes it; -1: none), or is closed if fd is NULL.
 */
ssize_t channel_recv(int channel, void *packet, int *fd, int flags);

struct outbox {
	TAILQ_HEAD(, parcel) parcels;
};
void outbox_init(struct outbox *);
void outbox_release(struct outbox *);
bool outbox_empty(const struct outbox *);
/* Sends at once, or keeps a copy (and a duplicate of fd) until outbox_flush().  -1 and errno: it cannot be sent. */
int outbox_send(struct outbox *, int channel, struct slice packet, int fd);
/* When the channel is writable. -1 and errno if the other side is gone. */
int outbox_flush(struct outbox *, int channel);

#endif
