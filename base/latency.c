#include "base/latency.h"

#include <stdatomic.h>

const int latency_bounds[LATENCY_BUCKETS] = { 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000 };

static struct latency_host {
	char host[128];
	_Atomic uint64_t bucket[LATENCY_BUCKETS], count, sum_ms, failed;
} hosts[LATENCY_HOSTS];
static _Atomic size_t host_count;

/* "ca.example:14000" of "https://ca.example:14000/dir". */
static void host_of(const char *url, char host[128])
{
	const char *begin = strstr(url, "://");

	begin = begin ? begin + strlen("://") : url;
	snprintf(host, 128, "%.*s", (int)strcspn(begin, "/?#"), begin);
}

static struct latency_host *find(const char *url)
{
	size_t n = atomic_load_explicit(&host_count, memory_order_relaxed);
	char host[128];

	host_of(url, host);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(hosts[i].host, host))
			return &hosts[i];
	if (n == LATENCY_HOSTS)
		return &hosts[n - 1];
	snprintf(hosts[n].host, sizeof(hosts[n].host), "%s", n + 1 < LATENCY_HOSTS ? host : "other");
	atomic_store_explicit(&host_count, n + 1, memory_order_release);
	return &hosts[n];
}

void latency_add(const char *url, int64_t ms, bool answered)
{
	struct latency_host *h = find(url);

	if (!answered) {
		atomic_fetch_add_explicit(&h->failed, 1, memory_order_relaxed);
		return;
	}
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		if (ms <= latency_bounds[i])
			atomic_fetch_add_explicit(&h->bucket[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_ms, (uint64_t)MAX(ms, 0), memory_order_relaxed);
	atomic_fetch_add_explicit(&h->count, 1, memory_order_relaxed);
}

bool latency_get(size_t n, struct latency *out)
{
	if (n >= atomic_load_explicit(&host_count, memory_order_acquire))
		return false;
	*out = (struct latency){ .count = atomic_load_explicit(&hosts[n].count, memory_order_relaxed) };
	snprintf(out->host, sizeof(out->host), "%s", hosts[n].host);
	out->sum_ms = atomic_load_explicit(&hosts[n].sum_ms, memory_order_relaxed);
	out->failed = atomic_load_explicit(&hosts[n].failed, memory_order_relaxed);
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) /* counted before the count was: never more than it */
		out->bucket[i] = MIN(atomic_load_explicit(&hosts[n].bucket[i], memory_order_relaxed), out->count);
	return true;
}
