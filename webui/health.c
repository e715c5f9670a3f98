/*
 * For monitoring: /api/v1/health (is it well? 200, else 503), /metrics (Prometheus), and /api/v1/agenda (what comes
 * next). They name no certificate but to those who may see it.
 */
#include <stdarg.h>

#include "base/clock.h"
#include "base/metric.h"
#include "store/agenda.h"
#include "webui/health.h"
#include "webui/list.h"
#include "webui/tally.h"

#define LAG_MOST 300                  /* seconds a row may be overdue */
#define FREE_LEAST (64 * 1024 * 1024) /* bytes that must be left on the disk */

/* How long the first row of the agenda has been due. */
static int read_lag(struct txn *t, int64_t now, int64_t *lag, struct err *e)
{
	struct agenda_row first;
	int found = agenda_first(t, &first, 1, e);

	*lag = found > 0 && first.due < now ? now - first.due : 0;
	return MIN(found, 0);
}

/*
 * Health.
 */

/* One thing that was looked at. */
static bool put_check(json_t *list, const char *name, bool well, const char *fmt, ...) PRINTF_LIKE(4, 5);
static bool put_check(json_t *list, const char *name, bool well, const char *fmt, ...)
{
	json_t *one = json_object();
	va_list args;

	va_start(args, fmt);
	json_put_str(one, "name", name);
	json_put_bool(one, "well", well);
	json_object_set_new(one, "text", json_vsprintf(fmt, args));
	va_end(args);
	json_array_append_new(list, one);
	return well;
}

json_t *health_bytes(int64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	size_t unit = 0;

	for (; n >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
		n /= 1024;
	return json_sprintf(unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static bool put_disk(json_t *checks, struct store *store)
{
	_cleanup_json_ json_t *used = NULL, *left = NULL;
	struct store_size size;

	store_size(store, &size);
	used = health_bytes(size.used);
	left = health_bytes(size.left);
	return put_check(checks, "disk", size.left >= FREE_LEAST, "The store has %s; %s are free on its disk.",
			 json_string_value(used), json_string_value(left));
}

int health_look(struct request *r, json_t *checks, bool *well, struct err *e)
{
	struct store *store = r->webui->env->store;
	const struct scope everything = { .own = false };
	const struct tally_numbers *n = tally_get(r->webui->tally, store, &everything, e);
	_cleanup_(rec_upkeep_release) struct rec_upkeep backup = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int64_t lag, bad;

	if (!n || store_read(store, &t, e) < 0 || read_lag(t, clock_now(), &lag, e) < 0)
		return -1;
	bad = n->count[STATUS_expired] + n->count[STATUS_failed] + n->count[STATUS_expiring];
	*well = put_check(checks, "agenda", lag <= LAG_MOST,
			  lag <= LAG_MOST ? "What is due is being done."
					  : "What is due has not been done for %lld seconds.",
			  (long long)lag);
	*well &= put_disk(checks, store);
	put_check(checks, "certificates", !bad,
		  bad ? "Of %lld certificates, %lld have expired, failed or are overdue."
		      : "Of %lld certificates, none has expired, failed or is overdue.",
		  (long long)n->all, (long long)bad);
	if (rec_upkeep_get(t, &backup, "backup", NULL) == 0)
		*well &= put_check(checks, "backup", !str_eq(backup.state, "failed"), "The last backup: %s.",
				   backup.state);
	return 0;
}

int page_health(struct request *r, struct err *e)
{
	json_t *answer = json_object(), *checks = json_array();
	bool well = true;

	json_object_set_new(answer, "status", json_null());
	json_put_str(answer, "version", r->webui->env->version);
	json_put_time(answer, "started", r->webui->env->started);
	json_object_set_new(answer, "checks", checks);
	if (health_look(r, checks, &well, e) < 0)
		well = put_check(checks, "store", false, "The store cannot be read.");
	json_put_str(answer, "status", well ? "well" : "ill");
	return reply_json(r, well ? 200 : 503, answer);
}

/*
 * The agenda.
 */

struct agenda_page {
	const struct scope *scope;
	struct scope_ids ids;	/* of a limited one */
	struct txn *txn;
	int64_t first, limit, total;
	json_t *list;
};

static int show_row(void *arg, const struct agenda_row *row, struct err *e)
{
	struct agenda_page *p = arg;
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	json_t *one;

	if ((scope_limited(p->scope) && !scope_ids_has(&p->ids, row->id)) || p->total++ < p->first)
		return 0;
	if (p->total > p->first + p->limit)
		return !scope_limited(p->scope);	/* how many there are for everybody is known */
	one = json_object();
	json_put_time(one, "due", row->due);
	json_put_str(one, "kind", agenda_kind_name(row->kind));
	json_put_str(one, "what", agenda_kind_text(row->kind));
	if (rec_cert_get(p->txn, &cert, row->id, NULL) == 0) {
		json_put_str(one, "name", cert.name);
		json_put_str(one, "certificate", cert.name);
		json_put_bool(one, "staging", cert.staging);
	} else {
		json_put_str(one, "certificate", NULL);
		json_put_str(one, "name", rec_account_get(p->txn, &account, row->id, NULL) == 0 ? account.name : NULL);
	}
	json_array_append_new(p->list, one);
	return 0;
}

int health_agenda(struct request *r, json_t *answer, int64_t first, int64_t limit, struct err *e)
{
	struct agenda_page p = { .scope = &r->visitor.scope, .first = first, .limit = limit, .list = json_array() };
	_cleanup_txn_ struct txn *t = NULL;
	int64_t next;
	int failed;

	json_object_set_new(answer, "agenda", p.list);
	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	p.txn = t;
	failed = (scope_limited(p.scope) && scope_ids(p.scope, t, &p.ids, e) < 0) ||
		 agenda_each_due(t, INT64_MAX, show_row, &p, &next, e) < 0;
	scope_ids_release(&p.ids);
	if (failed)
		return -1;
	list_put_page(answer, first, limit, scope_limited(p.scope) ? p.total : (int64_t)txn_count(t, TABLE_agenda));
	return 0;
}

int page_agenda(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_json_ json_t *answer = json_object();
	int64_t first, limit;

	if (admin_query(r, &query, e) < 0 || list_read_page(&query, &first, &limit, e) < 0 ||
	    health_agenda(r, answer, first, limit, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(answer));
}

/*
 * Metrics: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

static void add_family(struct buf *out, const char *name, const char *type, const char *text)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, text, name, type);
}

static void add_gauge(struct buf *out, const char *name, int64_t value, const char *text)
{
	add_family(out, name, "gauge", text);
	buf_addf(out, "%s %lld\n", name, (long long)value);
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

static int add_gauges(struct request *r, struct buf *out, struct err *e)
{
	struct store *store = r->webui->env->store;
	const struct scope everything = { .own = false };
	const struct tally_numbers *n = tally_get(r->webui->tally, store, &everything, e);
	_cleanup_txn_ struct txn *t = NULL;
	struct store_size size;
	int64_t lag;

	if (!n || store_read(store, &t, e) < 0 || read_lag(t, clock_now(), &lag, e) < 0)
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
	add_gauge(out, "certera_agenda_rows", (int64_t)txn_count(t, TABLE_agenda), "Things to be done.");
	add_gauge(out, "certera_agenda_lag_seconds", lag, "How long the first of them has been due.");
	add_gauge(out, "certera_events", (int64_t)txn_count(t, TABLE_event), "Lines of the audit log.");
	add_gauge(out, "certera_store_bytes", size.used, "Size of the store.");
	add_gauge(out, "certera_store_free_bytes", size.left, "Free space on its disk.");
	return 0;
}

int page_metrics(struct request *r, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (add_gauges(r, &out, e) < 0)
		return -1;
	add_counters(&out);
	return reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", slice_buf(&out));
}
