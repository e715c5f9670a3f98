/*
 * Addresses of nodes, HOST:PORT.  HOST may be a name: it is looked up as all programs of this machine do it
 * (/etc/hosts, DNS), which may take seconds, and may have several addresses.
 */
#ifndef DAEMON_CLUSTER_RESOLVE_H
#define DAEMON_CLUSTER_RESOLVE_H

#include "base/loop.h"
#include "base/net.h"

struct addresses {
	struct address *list;	/* in the order in which they should be tried; owned */
	size_t count;
};

void addresses_release(struct addresses *);
/* True: it is no name, and this is its address. */
bool addresses_numeric(struct addresses *, const char *address);

/* Waits for it: at the start only. */
int resolve_now(struct addresses *, const char *address, struct err *);

/* In a thread; fn is called once, on the loop, and the addresses are its own.  None: err says why. */
struct resolving;
typedef void resolve_fn(void *arg, struct addresses to, const struct err *);
struct resolving *resolve_start(struct loop *, const char *address, resolve_fn *, void *arg);
/* When the loop runs no more, before it is freed, and if fn was not called; NULL is fine. */
void resolve_cancel(struct resolving *);

#endif
