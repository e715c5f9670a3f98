/*
 * Addresses of nodes, HOST:PORT.  HOST may be a name: it is looked up as all programs of this machine do it
 * (/etc/hosts, DNS), which may take seconds.
 */
#ifndef DAEMON_CLUSTER_RESOLVE_H
#define DAEMON_CLUSTER_RESOLVE_H

#include "base/loop.h"
#include "base/net.h"

/* Waits for it: at the start only. */
int resolve_now(struct address *, const char *address, struct err *);

/* In a thread; fn is called once, on the loop.  to NULL: err says why.  After resolve_cancel() it is not called. */
struct resolving;
typedef void resolve_fn(void *arg, const struct address *to, const struct err *);
struct resolving *resolve_start(struct loop *, const char *address, resolve_fn *, void *arg);
void resolve_cancel(struct resolving *); /* before the loop ends; NULL is fine */

#endif
