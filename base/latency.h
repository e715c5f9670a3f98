/*
 * How long others take to answer, counted in buckets (a histogram of Prometheus) for each host, as far as there is
 * room.  One thread counts, any thread reads.
 */
#ifndef BASE_LATENCY_H
#define BASE_LATENCY_H

#include "base/base.h"

#define LATENCY_HOSTS 16	/* the last one stands for all others */
#define LATENCY_BUCKETS 9

/* Upper bounds, in milliseconds; what takes longer is in none of them. */
extern const int latency_bounds[LATENCY_BUCKETS];

struct latency {
	char host[128];
	uint64_t bucket[LATENCY_BUCKETS];	/* how many took no longer than that */
	uint64_t count, sum_ms, failed;		/* all answers; what never came */
};

/* A request to this URL is over. */
void latency_add(const char *url, int64_t ms, bool answered);
/* The nth host; false: there are fewer. */
bool latency_get(size_t n, struct latency *);

#endif
