/* /api/v1/status: how the server is, and what comes next. */
#include "webui/server/status.h"

#include "base/clock.h"
#include "store/agenda.h"
#include "store/notify/alert.h"
#include "store/status.h"
#include "webui/cert/counts.h"
#include "webui/http/handler.h"
#include "webui/page/number.h"

#define AGENDA_SHOWN 20
#define ATTENTION_SHOWN 10

/* How many certificates there are of each status, also of those nobody has, and which ones need a person. */
static int show_certs(struct request *r, struct txn *t, json_t *o, const struct tally_numbers **counts, struct err *e)
{
	const struct tally_numbers *n = *counts =
		tally_get(r->webui->tally, r->webui->env->store, &r->visitor.scope, e);
	json_t *by_status = json_object(), *urgent = json_array(), *days = json_array();

	json_object_set_new(o, "certificates", by_status);
	json_object_set_new(o, "attention", urgent);
	json_object_set_new(o, "expiring", days);
	if (!n)
		return -1;
	for (int status = 0; status < STATUSES; status++)
		json_put_int(by_status, cert_status_word((enum cert_status)status), n->count[status]);
	number_put(o, "attention_total", n->urgent_all);
	json_put_int(o, "attention_left", n->urgent_all - (int64_t)MIN(n->urgent, ATTENTION_SHOWN));
	number_put(o, "total", n->all);
	json_put_time(o, "next_expiry", n->next_expiry);
	for (size_t day = 0; day < TALLY_DAYS; day++)
		json_array_append_new(days, json_integer(n->expiring[day]));
	for (size_t i = 0; i < MIN(n->urgent, ATTENTION_SHOWN); i++) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

		if (rec_cert_get(t, &cert, n->urgent_cert[i].id, NULL) == 0)
			json_array_append_new(urgent, admin_show_one_cert(t, &cert));
	}
	return 0;
}

static void put_name(json_t *o, struct txn *t, const struct agenda_row *row)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(rec_site_release) struct rec_site site = { 0 };

	if (rec_cert_get(t, &cert, row->id, NULL) == 0)
		json_put_str(o, "name", cert.name);
	else if (rec_site_get(t, &site, row->id, NULL) == 0)
		json_put_str(o, "name", site.name);
	else
		json_put_str(o, "name", rec_account_get(t, &account, row->id, NULL) == 0 ? account.name : NULL);
}

static int show_agenda(const struct scope *scope, struct txn *t, json_t *o, struct err *e)
{
	struct agenda_row row[AGENDA_SHOWN];
	int count = agenda_first(t, row, AGENDA_SHOWN, e);
	json_t *list = json_array();

	json_object_set_new(o, "agenda", list);
	for (int i = 0; i < count; i++) {
		json_t *one;

		if (!scope_has_id(scope, t, row[i].id))
			continue;
		one = json_object();
		json_put_time(one, "due", row[i].due);
		json_put_str(one, "kind", agenda_kind_name(row[i].kind));
		put_name(one, t, &row[i]);
		json_array_append_new(list, one);
	}
	return count < 0 ? -1 : 0;
}

static int show_account(void *arg, void *rec, struct err *e)
{
	const struct rec_account *account = rec;
	_cleanup_json_ json_t *whole = rec_account_json(account);
	json_t *one = json_object();

	json_put_str(one, "name", account->name);
	json_put_str(one, "state", account->state);
	json_object_set(one, "error", json_object_get(whole, "error"));
	json_array_append_new(arg, one);
	return 0;
}

static int show_accounts(struct txn *t, json_t *o, struct err *e)
{
	json_t *list = json_array();

	json_object_set_new(o, "accounts", list);
	return record_each(t, &rec_account_type, "", false, show_account, list, e);
}

struct messages {
	int64_t queued, dead;
};

static int count_message(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct messages *m = arg;

	m->queued += slice_eq(value[REC_outbox_state], slice_str(OUTBOX_QUEUED));
	m->dead += slice_eq(value[REC_outbox_state], slice_str(OUTBOX_DEAD));
	return 0;
}

/* What has not reached anybody. */
static int count_messages(struct txn *t, json_t *o, struct err *e)
{
	struct messages m = { 0 };
	int failed = record_skim(t, &rec_outbox_type, count_message, &m, e);

	json_object_set_new(o, "outbox", json_pack("{s:I, s:I}", OUTBOX_QUEUED, (json_int_t)m.queued, OUTBOX_DEAD,
						   (json_int_t)m.dead));
	return failed;
}

int overview_put(struct request *r, struct txn *t, json_t *o, const struct tally_numbers **n, struct err *e)
{
	const struct webui_env *env = r->webui->env;

	json_put_str(o, "version", env->version);
	json_put_str(o, "hostname", r->webui->settings->hostname);
	json_put_time(o, "started", env->started);
	json_put_int(o, "uptime", clock_now() - env->started);
	if (show_certs(r, t, o, n, e) < 0 || show_accounts(t, o, e) < 0 || count_messages(t, o, e) < 0)
		return -1;
	return show_agenda(&r->visitor.scope, t, o, e);
}

int page_status(struct request *r, struct err *e)
{
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	const struct tally_numbers *n;

	if (store_read(r->webui->env->store, &t, e) < 0 || overview_put(r, t, answer, &n, e) < 0)
		return -1;
	json_object_set_new(answer, "protection", json_deep_copy(r->webui->env->protection));
	if (gate_administers(&r->visitor))
		json_put_str(answer, "configuration", r->webui->env->configuration);
	return reply_json(r, 200, TAKE(answer));
}
