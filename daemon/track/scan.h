/*
 * Scanning a TLS service: every address of its name is connected to and asked for its certificates, which are judged.
 *
 * What runs at the same time is the caller's to bound; to one address go two connections at a time, whatever is asked
 * for.  An address that takes nothing for the whole time limit is not asked again for those who wait for it already.
 */
#ifndef DAEMON_TRACK_SCAN_H
#define DAEMON_TRACK_SCAN_H

#include "base/loop.h"
#include "pki/service.h"

#include "daemon/track/observation.h"

struct scanner;
struct scan_options {
	int64_t timeout_ms;		/* for one address, from connecting on */
	const char *resolvers;		/* as dns/query.h has them; empty: the system's */
	const char *own;		/* our own name, for who wants to be greeted */
	const struct cidr_list *listed;	/* the private networks of REACH_LISTED; borrowed, and read at each scan */
};
struct scanner *scanner_new(struct loop *);
void scanner_free(struct scanner *);	/* after its scans have ended or were cancelled; NULL is fine */
/* From the next scan on.  Copies; the trust is borrowed until it is given another. */
void scanner_configure(struct scanner *, const struct scan_options *);
void scanner_trust(struct scanner *, struct trust *);

/*
 * Only addresses in this reach are connected to: the very ones that were looked at.
 * views: one for each address, IPv4 first, always in the same order.  None: err says why there is no address.
 * All of it is borrowed until the callback returns.
 */
struct scan;
typedef void scan_cb(void *arg, const struct observation *views, size_t count, const struct err *err);
/* Copies the service. */
struct scan *scan_start(struct scanner *, const struct service *, enum reach, scan_cb *, void *arg);
void scan_cancel(struct scan *);	/* the callback is not called any more; NULL is fine */

#endif
