/*
 * Pre-flight for http-01: fetches a probe through every address of every name, as a CA does (RFC 8555 section 8.3; ten
 * redirects at most, http and https only, on ports 80 and 443, certificates not checked), and says what is wrong.
 *
 * What cannot be found out from here (our own resolver is silent) is no failure: the CA may know better.
 */
#ifndef DAEMON_PREFLIGHT_H
#define DAEMON_PREFLIGHT_H

#include "base/fetch.h"
#include "base/json.h"
#include "daemon/dns_query.h"

struct preflight;

struct preflight_options {
	struct fetcher *fetcher;
	struct dns *dns;
	const char *resolvers;	/* as in struct dns_question; empty: the system's */
	const char *hostname;	/* of this server, for the rules */
	int port;		/* 80, but in tests */
	int timeout_ms;
};

/*
 * The report: {"probes": [{name, address, ok, says, trail}], "rules": {file: text}}, borrowed.  why: the first thing
 * that is wrong, with a hint; NULL: nothing.  Called once, later.
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
