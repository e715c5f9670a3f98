/*
 * Numbers that only grow while the program runs: the rows of metric.def.  Any thread.
 *
 * What a second process counts is in memory that both have: it writes, and the first adds what it reads there to its
 * own.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/err.h"

enum metric {
#define METRIC(metric, family, labels, doc) METRIC_##metric,
#include "base/metric.def"
#undef METRIC
	METRICS
};

void metric_add(enum metric, uint64_t);
uint64_t metric_get(enum metric);

/* Memory for the second process, whose size nobody changes: a descriptor, the caller's; -1. */
int metric_share(struct err *);
/* In the second process: counts in there from now on.  -1: that cannot be. */
int metric_join(int fd);

#endif
