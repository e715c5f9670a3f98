/*
 * One DNS question, one answer: c-ares on a loop.  What is asked for at the same time is bounded; the rest waits.
 */
#ifndef DAEMON_DNS_QUERY_H
#define DAEMON_DNS_QUERY_H

#include "base/err.h"
#include "base/loop.h"

enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_TXT = 16, DNS_AAAA = 28 };

struct dns;
struct dns *dns_new(struct loop *);
void dns_free(struct dns *);		/* after its questions were cancelled; NULL is fine */
struct loop *dns_loop(const struct dns *);

struct dns_question {
	const char *name;
	enum dns_type type;
	const char *servers;		/* "192.0.2.1:53,[2001:db8::1]:53"; empty: the system's resolvers */
	bool tcp;			/* only over TCP; else UDP, and TCP where the answer is too long for it */
	bool authoritative;		/* what this server itself knows: it shall ask nobody */
};

struct dns_record {
	enum dns_type type;
	bool answer;			/* of the answer section; else of the authority section */
	char *owner;			/* lower case, no trailing dot, like all names here */
	char *text;			/* address, name (of a CNAME, an NS, a zone's first server), or text */
};

struct dns_answer {
	const struct err *err;		/* NULL: an answer with code 0 (no error) or 3 (no such name) */
	bool missing;			/* no such name */
	const struct dns_record *records;
	size_t count;
};

/* Copies the question.  The callback comes later, never from inside, and never after dns_cancel(). */
struct dns_query;
struct dns_query *dns_ask(struct dns *, const struct dns_question *, void (*)(void *arg, const struct dns_answer *),
			  void *arg);
void dns_cancel(struct dns_query *);

/* The first record of that type in the answer section; NULL: there is none. */
const struct dns_record *dns_first(const struct dns_answer *, enum dns_type);

#endif
