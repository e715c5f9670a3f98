/* Numbers that only grow while the program runs: the rows of metric.def.  Any thread. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/base.h"

enum metric {
#define METRIC(metric, family, labels, doc) METRIC_##metric,
#include "base/metric.def"
#undef METRIC
	METRICS
};

void metric_add(enum metric, uint64_t);
uint64_t metric_get(enum metric);

#endif
