/*
 * One request of the check before ordering (preflight.h): a URL that a stranger's web server may have chosen.
 *
 * The host is looked up by our resolvers, every address is looked at, and those that may be asked are connected to
 * as they are: nothing is looked up a second time, so a name cannot mean something else by then.
 */
#ifndef DAEMON_ORDER_PREFLIGHT_HOP_H
#define DAEMON_ORDER_PREFLIGHT_HOP_H

#include "base/fetch/fetch.h"
#include "daemon/dns/query.h"

struct preflight_hop;

struct preflight_hop_request {
	struct fetcher *fetcher;
	struct dns *dns;
	const char *resolvers;			/* as in struct dns_question */
	const struct fetch_url *url;
	const char *address;			/* the one to ask; NULL: those of the URL's host */
	enum reach reach;
	const struct cidr_list *listed;		/* of reach; borrowed until the end */
	int timeout_ms;				/* for one address */
	size_t max_body;
};

enum preflight_hop_end {
	HOP_ANSWER,		/* an HTTP reply */
	HOP_SILENT,		/* no address gave one */
	HOP_INSIDE,		/* every address is out of reach */
	HOP_NO_NAME,		/* the host has no address */
	HOP_UNKNOWN,		/* the resolver did not say */
};
/* reply: of HOP_ANSWER, else NULL; why: of the others.  Valid during the call only. */
typedef void preflight_hop_cb(void *arg, enum preflight_hop_end, const struct fetch_reply *reply,
			      const struct err *why);
/* Copies what is not said to be borrowed.  Called once, later, and never after preflight_hop_cancel(). */
struct preflight_hop *preflight_hop_start(const struct preflight_hop_request *, struct loop *, preflight_hop_cb *,
					  void *arg);
void preflight_hop_cancel(struct preflight_hop *);		/* NULL is fine */

#endif
