/* Why a request got no answer: curl's codes as sentences (fetch_failure.def).  For fetch.c. */
#ifndef BASE_FETCH_FAILURE_H
#define BASE_FETCH_FAILURE_H

#include <curl/curl.h>

#include "base/err.h"

struct fetch_failure {		/* all borrowed */
	CURL *easy;
	CURLcode code;
	const char *who;	/* the other side */
	const char *said;	/* curl's own words */
	const char *ca_file;	/* NULL: the system's roots */
	const char *refused;	/* an address it may not connect to; "": none */
	bool local;		/* over a Unix socket */
};
void fetch_failure_tell(const struct fetch_failure *, struct err *);

#endif
