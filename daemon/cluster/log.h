/*
 * Entries as they are in etcd: the entry's key has its head and, unless it has parts, its bytes; parts have keys of
 *their own behind it, with the term of who wrote them, and are written first.
 *
 *	log/POSITION		head, bytes
 *	log/POSITION/TERM/N	part N of the bytes
 * POSITION, TERM and N have 16, 16 and 4 hex digits, so that keys are in the order of positions.
 */
#ifndef DAEMON_CLUSTER_LOG_H
#define DAEMON_CLUSTER_LOG_H

#include "base/buf.h"

#define LOG_PART ((size_t)1024 * 1024) /* bytes of a value: etcd takes requests up to 1.5 MiB */

struct log_head {
	uint64_t term;  /* of the leader that wrote it */
	uint64_t total; /* bytes of all entries up to this one */
	uint32_t parts; /* 0: the bytes follow */
};

void log_head_add(struct buf *, const struct log_head *);
/* -1: it is none of this version.  *rest: what is behind it. */
int log_head_read(struct slice value, struct log_head *, struct slice *rest) MUST_CHECK;

#endif
