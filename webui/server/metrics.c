/*
 * /metrics for Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * Whoever monitors needs no sign-in and learns numbers; names of certificates and accounts are for those who show a
 * token that may see them.  certerad(8) lists the families.
 */
#include "base/clock.h"
#include "base/latency.h"
#include "base/metric.h"
#include "store/ledger.h"
#include "webui/cert/counts.h"
#include "webui/list/list.h"
#include "webui/server/health.h"

#define NAMED_MOST 1000 /* certificates that are named: those that end first */

static void add_family(struct buf *out, const char *name, const char *type, const char *text)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, text, name, type);
}

static void add_gauge(struct buf *out, const char *name, int64_t value, const char *text)
{
	add_family(out, name, "gauge", text);
	buf_addf(out, "%s %lld\n", name, (long long)value);
}

/* A label's value, as the format wants it. */
static void add_label(struct buf *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_ch(out, '\\');
		buf_add_ch(out, *text == '\n' ? ' ' : *text);
	}
}

static void add_counters(struct buf *out)
{
	static const struct {
		const char *family, *labels, *text;
	} rows[METRICS] = {
#define METRIC(metric, family, labels, doc) { family, labels, doc },
#include "base/metric.def"
#undef METRIC
	};

	for (enum metric m = 0; m < METRICS; m++) {
		if (*rows[m].text)
			add_family(out, rows[m].family, "counter", rows[m].text);
		buf_addf(out, *rows[m].labels ? "%s{%s} " : "%s%s ", rows[m].family, rows[m].labels);
		buf_addf(out, "%llu\n", (unsigned long long)metric_get(m));
	}
}

/*
 * Numbers for everybody who monitors.
 */

struct site_counts {
	uint64_t changes; /* of the table, when they were counted */
	bool valid;
	int64_t valid_sites, invalid, unreachable, others;
};

static int count_site(void *arg, void *rec, struct err *e)
{
	const struct rec_site *site = rec;
	struct site_counts *n = arg;

	if (str_eq(site->state, "valid"))
		n->valid_sites++;
	else if (str_eq(site->state, "invalid"))
		n->invalid++;
	else if (str_eq(site->state, "unreachable"))
		n->unreachable++;
	else
		n->others++;
	return 0;
}

/* Counting goes through all of them: a thread keeps what it found until one changes. */
static int add_sites(struct request *r, struct txn *t, struct buf *out, struct err *e)
{
	static _Thread_local struct site_counts n;
	uint64_t changes = store_changes(r->webui->env->store, TABLE_site);

	if (!n.valid || n.changes != changes) {
		n = (struct site_counts){ .changes = changes };
		if (record_each(t, &rec_site_type, "", false, count_site, &n, e) < 0)
			return -1;
		n.valid = true;
	}
	add_family(out, "certera_sites", "gauge", "Tracked sites by their state.");
	buf_addf(out, "certera_sites{state=\"valid\"} %lld\n", (long long)n.valid_sites);
	buf_addf(out, "certera_sites{state=\"invalid\"} %lld\n", (long long)n.invalid);
	buf_addf(out, "certera_sites{state=\"unreachable\"} %lld\n", (long long)n.unreachable);
	buf_addf(out, "certera_sites{state=\"unchecked\"} %lld\n", (long long)n.others);
	return 0;
}

static void add_backup(struct txn *t, struct buf *out)
{
	_cleanup_(rec_upkeep_release) struct rec_upkeep backup = { 0 };

	if (rec_upkeep_get(t, &backup, "backup", NULL) < 0)
		return;
	add_gauge(out, "certera_backup_success", str_eq(backup.state, "passed"),
		  "Whether the last backup is complete and verified.");
	if (backup.ended)
		add_gauge(out, "certera_backup_timestamp_seconds", backup.ended, "When the last backup ended.");
}

/* Alone: no family. */
static void add_cluster(const struct webui_env *env, struct buf *out)
{
	_cleanup_json_ json_t *cluster = env->cluster_status(env->arg);
	const json_t *member;
	size_t i;

	if (!json_is_object(cluster))
		return;
	add_gauge(out, "certera_cluster_leader", str_eq(json_str(cluster, "role"), "leader"),
		  "Whether this server leads the cluster.");
	add_gauge(out, "certera_cluster_has_leader", json_str(cluster, "leader") != NULL,
		  "Whether this server knows of a leader.");
	add_gauge(out, "certera_cluster_servers", (int64_t)json_array_size(json_object_get(cluster, "nodes")),
		  "Servers with a heartbeat.");
	add_gauge(out, "certera_cluster_head", json_int(cluster, "head", 0),
		  "Position of the last change in the cluster's log.");
	add_gauge(out, "certera_cluster_applied", json_int(cluster, "applied", 0),
		  "Position of the last change that this server has.");
	add_family(out, "certera_etcd_up", "gauge", "Whether a member of etcd is well.");
	json_array_foreach (json_object_get(cluster, "etcd"), i, member) {
		buf_add_str(out, "certera_etcd_up{endpoint=\"");
		add_label(out, json_str(member, "endpoint"));
		buf_addf(out, "\"} %d\n", json_bool(member, "well", false));
	}
	add_family(out, "certera_etcd_bytes", "gauge", "Size of a member's file.");
	json_array_foreach (json_object_get(cluster, "etcd"), i, member) {
		buf_add_str(out, "certera_etcd_bytes{endpoint=\"");
		add_label(out, json_str(member, "endpoint"));
		buf_addf(out, "\"} %lld\n", (long long)json_int(member, "size", 0));
	}
}

static int add_gauges(struct request *r, struct buf *out, struct err *e)
{
	struct store *store = r->webui->env->store;
	const struct scope everything = { .own = false };
	const struct tally_numbers *n = tally_get(r->webui->tally, store, &everything, e);
	_cleanup_txn_ struct txn *t = NULL;
	struct store_size size;
	int64_t lag;

	if (!n || store_read(store, &t, e) < 0 || health_lag(t, clock_now(), &lag, e) < 0)
		return -1;
	store_size(store, &size);
	add_family(out, "certera_info", "gauge", "The program.");
	buf_addf(out, "certera_info{version=\"%s\"} 1\n", r->webui->env->version);
	add_gauge(out, "certera_start_time_seconds", r->webui->env->started, "When it was started.");
	add_family(out, "certera_certificates", "gauge", "Certificates by their status.");
	for (int status = 0; status < STATUSES; status++)
		buf_addf(out, "certera_certificates{status=\"%s\"} %lld\n", cert_status_word((enum cert_status)status),
			 (long long)n->count[status]);
	if (n->next_expiry)
		add_gauge(out, "certera_next_expiry_timestamp_seconds", n->next_expiry,
			  "When the next certificate in force ends.");
	add_gauge(out, "certera_agenda_rows", (int64_t)txn_count(t, TABLE_agenda), "Scheduled tasks.");
	add_gauge(out, "certera_agenda_lag_seconds", lag, "How long the first of them has been due.");
	add_gauge(out, "certera_events", (int64_t)txn_count(t, TABLE_event), "Lines of the audit log.");
	add_gauge(out, "certera_store_bytes", size.used, "Size of the store.");
	add_gauge(out, "certera_store_free_bytes", size.left, "Free space on its disk.");
	add_backup(t, out);
	add_cluster(r->webui->env, out);
	return add_sites(r, t, out, e);
}

/* Which CA answers how fast: a histogram for each. */
static void add_latency(struct buf *out)
{
	struct latency l;

	add_family(out, "certera_ca_request_duration_seconds", "histogram", "How long a CA took to answer a request.");
	for (size_t n = 0; latency_get(n, &l); n++) {
		_cleanup_buf_ struct buf host = BUF_INIT;

		add_label(&host, l.host);
		for (size_t i = 0; i < LATENCY_BUCKETS; i++)
			buf_addf(out, "certera_ca_request_duration_seconds_bucket{ca=\"%s\",le=\"%g\"} %llu\n",
				 buf_str(&host), latency_bounds[i] / 1000.0, (unsigned long long)l.bucket[i]);
		buf_addf(out, "certera_ca_request_duration_seconds_bucket{ca=\"%s\",le=\"+Inf\"} %llu\n",
			 buf_str(&host), (unsigned long long)l.count);
		buf_addf(out, "certera_ca_request_duration_seconds_sum{ca=\"%s\"} %.3f\n", buf_str(&host),
			 (double)l.sum_ms / 1000);
		buf_addf(out, "certera_ca_request_duration_seconds_count{ca=\"%s\"} %llu\n", buf_str(&host),
			 (unsigned long long)l.count);
	}
	add_family(out, "certera_ca_request_failures_total", "counter", "Requests to a CA that had no answer.");
	for (size_t n = 0; latency_get(n, &l); n++) {
		buf_add_str(out, "certera_ca_request_failures_total{ca=\"");
		add_label(out, l.host);
		buf_addf(out, "\"} %llu\n", (unsigned long long)l.failed);
	}
}

/*
 * Names, for those who may see them.
 */

struct named {
	char *name;
	bool staging;
	enum cert_status status;
	int64_t ends, renewal;
};

struct naming {
	const struct scope *scope;
	int64_t now, all;
	struct named *first; /* those that end first, in order */
	size_t count;
};

static int name_cert(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct naming *n = arg;
	int64_t ends = cert->current ? cert->not_after : INT64_MAX;
	size_t at = n->count;

	if (!scope_has_row(n->scope, &rec_cert_type, value))
		return 0;
	n->all++;
	while (at > 0 && n->first[at - 1].ends > ends)
		at--;
	if (at == NAMED_MOST)
		return 0;
	if (n->count == NAMED_MOST)
		free(n->first[--n->count].name);
	memmove(n->first + at + 1, n->first + at, (n->count - at) * sizeof(*n->first));
	n->count++;
	n->first[at] = (struct named){ .name = xstrndup(value[REC_cert_name].data, value[REC_cert_name].len),
				       .staging = cert->staging,
				       .status = cert_status(cert, n->now),
				       .ends = ends,
				       .renewal = cert->renew_at };
	return 0;
}

static void add_named(struct buf *out, const char *family, const struct named *c, const char *more, int64_t value)
{
	buf_addf(out, "%s{name=\"%s\",staging=\"%s\"%s} %lld\n", family, c->name, c->staging ? "true" : "false", more,
		 (long long)value);
}

static void add_names(struct buf *out, const struct naming *n)
{
	add_family(out, "certera_certificate_expiry_timestamp_seconds", "gauge", "When the version in force ends.");
	for (size_t i = 0; i < n->count; i++)
		if (n->first[i].ends != INT64_MAX)
			add_named(out, "certera_certificate_expiry_timestamp_seconds", &n->first[i], "",
				  n->first[i].ends);
	add_family(out, "certera_certificate_renewal_timestamp_seconds", "gauge", "When its renewal is planned.");
	for (size_t i = 0; i < n->count; i++)
		if (n->first[i].renewal)
			add_named(out, "certera_certificate_renewal_timestamp_seconds", &n->first[i], "",
				  n->first[i].renewal);
	add_family(out, "certera_certificate_status", "gauge", "1 for the status it has.");
	for (size_t i = 0; i < n->count; i++) {
		_cleanup_free_ char *status = xasprintf(",status=\"%s\"", cert_status_word(n->first[i].status));

		add_named(out, "certera_certificate_status", &n->first[i], status, 1);
	}
	add_gauge(out, "certera_certificates_unnamed", n->all - (int64_t)n->count,
		  "Certificates that end later and are not named here.");
}

static int add_certs(struct request *r, struct txn *t, struct buf *out, struct err *e)
{
	struct naming n = { .scope = &r->visitor.scope,
			    .now = clock_now(),
			    .first = xcalloc(NAMED_MOST + 1, sizeof(struct named)) };
	int result = record_skim(t, &rec_cert_type, name_cert, &n, e);

	if (result >= 0)
		add_names(out, &n);
	for (size_t i = 0; i < n.count; i++)
		free(n.first[i].name);
	free(n.first);
	return MIN(result, 0);
}

struct limits {
	struct txn *txn;
	struct buf *out;
};

/* Of what is counted for each domain or name, the one that is nearest to its limit. */
static int add_limit(void *arg, void *rec, struct err *e)
{
	const struct rec_account *account = rec;
	struct limits *l = arg;
	_cleanup_json_ json_t *all = ledger_json(l->txn, account->id, account->directory, clock_now()),
			      *most = json_object();
	const char *limit;
	const json_t *one;
	size_t i;

	json_array_foreach (all, i, one) {
		int64_t of = json_int(one, "most", 0);
		double used = of ? (double)json_int(one, "used", 0) / (double)of : 0;

		if (of && used >= json_real_value(json_object_get(most, json_str(one, "limit"))))
			json_object_set_new(most, json_str(one, "limit"), json_real(used));
	}
	json_object_foreach (most, limit, one) {
		buf_addf(l->out, "certera_account_limit_used_ratio{account=\"%s\",limit=\"", account->name);
		add_label(l->out, limit);
		buf_addf(l->out, "\"} %.4f\n", json_real_value(one));
	}
	return 0;
}

static int add_limits(struct request *r, struct txn *t, struct buf *out, struct err *e)
{
	struct limits l = { t, out };

	if (scope_limited(&r->visitor.scope))
		return 0;
	add_family(out, "certera_account_limit_used_ratio", "gauge",
		   "How much of a rate limit of its CA an account has used, at most 1.");
	return record_each(t, &rec_account_type, "", false, add_limit, &l, e);
}

static int add_what_is_named(struct request *r, struct buf *out, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (r->visitor.role < ROLE_VIEWER)
		return 0;
	if (store_read(r->webui->env->store, &t, e) < 0 || add_certs(r, t, out, e) < 0)
		return -1;
	return add_limits(r, t, out, e);
}

int page_metrics(struct request *r, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (add_gauges(r, &out, e) < 0 || add_what_is_named(r, &out, e) < 0)
		return -1;
	add_latency(&out);
	add_counters(&out);
	return reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", slice_buf(&out));
}
