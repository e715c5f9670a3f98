#include "base/metric.h"

#include <stdatomic.h>

static _Atomic uint64_t numbers[METRICS];

void metric_add(enum metric metric, uint64_t more)
{
	atomic_fetch_add_explicit(&numbers[metric], more, memory_order_relaxed);
}

uint64_t metric_get(enum metric metric)
{
	return atomic_load_explicit(&numbers[metric], memory_order_relaxed);
}
