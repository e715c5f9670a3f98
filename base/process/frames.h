/*
 * Bytes in both directions over a stream socket between two of our threads or processes, on a loop: what is said while
 * the loop turns goes out together at its end, and nobody waits for the other side.
 */
#ifndef BASE_FRAMES_H
#define BASE_FRAMES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"

struct frames;
struct frames_user {
	/* All that is there; how much of it was used.  -1: it is against the rules, and `closed` follows. */
	ssize_t (*take)(void *arg, struct slice bytes);
	void (*closed)(void *arg);	/* the other side is gone; it may free the frames */
	void *arg;
};

int frames_pair(int fd[2], struct err *);	/* a socket for each side */
struct frames *frames_new(struct loop *, int fd, const struct frames_user *);	/* takes the socket */
void frames_free(struct frames *);		/* without a callback; NULL is fine */
/* What is added to it goes out when the loop has turned. */
struct buf *frames_out(struct frames *);
size_t frames_unsent(const struct frames *);	/* bytes */
/* Nothing more is taken until less than so many bytes are unsent: who does not listen is not listened to. */
void frames_hold(struct frames *, size_t until);

#endif
