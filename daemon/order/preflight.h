/*
 * Pre-flight for http-01: fetches a probe through every address of every name, as a CA does (RFC 8555 section 8.3; ten
 * redirects at most, http and https only, on ports 80 and 443, certificates not checked), and says what is wrong.
 *
 * What cannot be found out from here (our own resolver is silent, an address is not to be asked) is no failure: the CA
 * may know better.
 *
 * Names, and where their web servers redirect to, are chosen by people who may have no business in our networks: only
 * public addresses are asked, those in `reach`, and this server itself by its own name.  `reach` is that of whoever
 * chose the names; redirects, which somebody else writes, go no further than REACH_LISTED.  What was answered is shown
 * only if it is ours.
 */
#ifndef DAEMON_ORDER_PREFLIGHT_H
#define DAEMON_ORDER_PREFLIGHT_H

#include "base/json.h"
#include "daemon/order/preflight_hop.h"

struct preflight;

struct preflight_options {
	struct fetcher *fetcher;
	struct dns *dns;
	const char *resolvers;	/* as in struct dns_question; empty: the system's */
	const char *hostname;	/* of this server: for the rules, and it is asked wherever it is */
	enum reach reach;
	const struct cidr_list *listed;		/* of reach; borrowed until the end */
	int port;		/* 80, but in tests */
	int timeout_ms;
	bool by_hand;		/* a person publishes it elsewhere: no redirect to us is missed */
};

/*
 * The report: {"probes": [{name, address, result, ok, cause, says, trail}], "rules": {file: text}, "warning": what is
 * not right, but stops no order}, borrowed.  result: "reached", "wrong", "unreachable", "unchecked".  cause of the
 * middle two, for who says what to do about it: "redirect", "target" (of a redirect), "name", "port", "ipv6".  why: the
 * first thing that stops an order, with a hint; NULL: nothing.  Only a wrong answer does, or none at all.  Called once,
 * later.
 */
typedef void preflight_cb(void *arg, json_t *report, const struct err *why);
/*
 * names: no wildcards.  /.well-known/acme-challenge/TOKEN on this server answers `expected` by now.
 * Copies everything.
 */
struct preflight *preflight_start(const struct preflight_options *, struct loop *, char *const *names,
				  const char *token, const char *expected, preflight_cb *, void *arg);
void preflight_cancel(struct preflight *);

#endif
