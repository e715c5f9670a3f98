/*
 * For monitoring: /api/v1/health (is it well? 200, else 503), and /api/v1/agenda (what comes next).  They name no
 * certificate but to those who may see it.
 */
#include <stdarg.h>

#include "base/clock.h"
#include "store/agenda.h"
#include "webui/cert/counts.h"
#include "webui/list/list.h"
#include "webui/server/health.h"

#define LAG_MOST 300                  /* seconds a row may be overdue */
#define FREE_LEAST (64 * 1024 * 1024) /* bytes that must be left on the disk */

int health_lag(struct txn *t, int64_t now, int64_t *lag, struct err *e)
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

struct accounts_health {
	int64_t all, bad;
};

/* Without a person they come to nothing. */
static int count_account(void *arg, void *rec, struct err *e)
{
	const struct rec_account *account = rec;
	struct accounts_health *n = arg;

	n->all++;
	n->bad += str_eq(account->state, "failed") || str_eq(account->state, "terms");
	return 0;
}

static int put_accounts(json_t *checks, struct txn *t, struct err *e)
{
	struct accounts_health n = { 0 };

	if (record_each(t, &rec_account_type, "", false, count_account, &n, e) < 0)
		return -1;
	put_check(checks, "accounts", !n.bad,
		  "Accounts that failed to register or must agree to new terms: %lld of %lld.", (long long)n.bad,
		  (long long)n.all);
	return 0;
}

/* Alone: nothing is said. */
static bool put_cluster(json_t *checks, const struct webui_env *env)
{
	_cleanup_json_ json_t *cluster = env->cluster_status(env->arg);
	const char *trouble = json_str(cluster, "trouble"), *role = json_str(cluster, "role");
	const json_t *member, *node;
	size_t i;

	if (!json_is_object(cluster))
		return true;
	if (trouble)
		return put_check(checks, "cluster", false, "%s", trouble);
	json_array_foreach (json_object_get(cluster, "nodes"), i, node)
		if (json_str(node, "trouble"))
			put_check(checks, "cluster", false, "%s", json_str(node, "trouble"));
	json_array_foreach (json_object_get(cluster, "etcd"), i, member)
		if (!json_bool(member, "well", true))
			put_check(checks, "etcd", false, "%s: %s.", json_str(member, "endpoint"),
				  json_str(member, "text"));
	return put_check(checks, "cluster", true, "This server is the %s, one of %zu.", role,
			 json_array_size(json_object_get(cluster, "nodes")));
}

int health_look(struct request *r, json_t *checks, bool *well, struct err *e)
{
	struct store *store = r->webui->env->store;
	const struct scope everything = { .own = false };
	const struct tally_numbers *n = tally_get(r->webui->tally, store, &everything, e);
	_cleanup_(rec_upkeep_release) struct rec_upkeep backup = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int64_t lag, bad;

	if (!n || store_read(store, &t, e) < 0 || health_lag(t, clock_now(), &lag, e) < 0)
		return -1;
	bad = n->count[STATUS_expired] + n->count[STATUS_failed] + n->count[STATUS_expiring] +
	      n->count[STATUS_compromised];
	*well = put_check(checks, "agenda", lag <= LAG_MOST,
			  lag <= LAG_MOST ? "Scheduled tasks run in time."
					  : "Scheduled tasks are %lld seconds late.",
			  (long long)lag);
	*well &= put_disk(checks, store);
	put_check(checks, "certificates", !bad,
		  "Certificates that have expired, failed, are overdue or have a compromised key: %lld of %lld.",
		  (long long)bad, (long long)n->all);
	if (put_accounts(checks, t, e) < 0)
		return -1;
	*well &= put_cluster(checks, r->webui->env);
	if (rec_upkeep_get(t, &backup, "backup", NULL) == 0)
		/* Whoever asked for one by hand was told; what fails by itself nobody sees. */
		*well &= put_check(checks, "backup",
				   !str_eq(backup.state, "failed") || !str_eq(backup.actor, "engine"),
				   "The last backup: %s.", backup.state);
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
	bool channels;		/* the visitor may know them */
	json_t *list;
};

/*
 * What a row is about, and its page: a certificate, a version or an order of one, an account, a key, a site; a message.
 */
static void put_object(struct agenda_page *p, json_t *o, const char *id)
{
	_cleanup_free_ char *parent = record_parent_id(id), *page = NULL;
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	const char *name = NULL;

	if (rec_cert_get(p->txn, &cert, parent, NULL) == 0) {
		name = cert.name;
		page = xasprintf("/certificates/%s?staging=%s", name, cert.staging ? "true" : "false");
		json_put_bool(o, "staging", cert.staging);
	} else if (rec_account_get(p->txn, &account, parent, NULL) == 0) {
		name = account.name;
		page = xasprintf("/accounts/%s", name);
	} else if (rec_key_get(p->txn, &key, parent, NULL) == 0) {
		name = key.name;
		page = xasprintf("/keys/%s", name);
	} else if (rec_site_get(p->txn, &site, parent, NULL) == 0) {
		name = site.name;
		page = xasprintf("/sites/%s", site.id);
	} else if (p->channels && rec_channel_get(p->txn, &channel, parent, NULL) == 0) {
		name = channel.name;
		page = xasprintf("/outbox/%s/%lld", name, (long long)record_child_number(id));
	}
	json_put_str(o, "certificate", cert.name);
	json_put_str(o, "name", name);
	json_put_str(o, "page", page);
}

static int show_row(void *arg, const struct agenda_row *row, struct err *e)
{
	struct agenda_page *p = arg;
	json_t *one;

	if ((scope_limited(p->scope) && !scope_ids_has(&p->ids, row->id)) || p->total++ < p->first)
		return 0;
	if (p->total > p->first + p->limit)
		return !scope_limited(p->scope);	/* how many there are for everybody is known */
	one = json_object();
	json_put_time(one, "due", row->due);
	json_put_str(one, "kind", agenda_kind_name(row->kind));
	json_put_str(one, "what", agenda_kind_text(row->kind));
	put_object(p, one, row->id);
	json_array_append_new(p->list, one);
	return 0;
}

int health_agenda(struct request *r, json_t *answer, int64_t first, int64_t limit, struct err *e)
{
	struct agenda_page p = {
		.scope = &r->visitor.scope, .first = first, .limit = limit, .list = json_array(),
		.channels = gate_lets_in(&r->visitor, ROLE_ADMIN, r->webui->settings),
	};
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
