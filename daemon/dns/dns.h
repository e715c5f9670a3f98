/*
 * Where a TXT record has to be, and whether it is there: at every server the zone has, over UDP and TCP.
 */
#ifndef DAEMON_DNS_DNS_H
#define DAEMON_DNS_DNS_H

#include "daemon/dns/query.h"

struct dns_settings {
	char *resolvers;	/* as in dns_question */
	int port;		/* of authoritative servers */
};

struct dns_server {
	char *name;
	char *address;		/* with port */
};

/* Where a name leads: through CNAMEs to a record in a zone with its servers. */
struct dns_place {
	char *record;		/* at the end of the CNAMEs that are not a wildcard's; without any, the name itself */
	char *zone;		/* that it is in */
	struct dns_server *servers;
	size_t count;
};
void dns_place_release(struct dns_place *);

/*
 * Finds the place of a name by the resolvers.  The callback comes later, and never after dns_locate_cancel();
 * the place may be TAKEn out of it (*place zeroed).  With an error, place->record is as far as the CNAMEs were
 * followed.
 */
struct dns_locate;
typedef void dns_place_cb(void *arg, struct dns_place *, const struct err *);
struct dns_locate *dns_locate(struct dns *, const struct dns_settings *, const char *name, dns_place_cb *, void *arg);
void dns_locate_cancel(struct dns_locate *);

/*
 * Waits until every server shows every value, `seconds` long (0: looks once).  A server that never answers holds
 * nothing up as long as another one has all.  Copies what it needs.  note (may be NULL) gets sentences about what it
 * waits for.  The error names who lacks what; its detail has one line a server.
 */
struct dns_wait;
struct dns_waiting {
	const struct dns_place *place;
	char *const *values;
	int64_t seconds;
	void (*note)(void *arg, const char *sentence);
	void (*done)(void *arg, const struct err *);
	void *arg;
};
struct dns_wait *dns_wait(struct dns *, const struct dns_waiting *);
void dns_wait_cancel(struct dns_wait *);

#endif
