/* /api/v1/status: how the server is, and what comes next. */
#include "base/clock.h"
#include "store/agenda.h"
#include "store/status.h"
#include "webui/admin.h"

#define AGENDA_SHOWN 20

struct tally {
	struct txn *txn;
	int64_t now;
	json_t *by_status;
};

static int count_cert(void *arg, void *rec, struct err *e)
{
	struct tally *c = arg;
	const char *word = cert_status_word(cert_status_in(c->txn, rec, c->now));

	json_put_int(c->by_status, word, json_int(c->by_status, word, 0) + 1);
	return 0;
}

/* How many certificates there are, of each status, also of those nobody has. */
static int count_certs(struct txn *t, int64_t now, json_t *o, struct err *e)
{
	struct tally c = { .txn = t, .now = now, .by_status = json_object() };

	json_object_set_new(o, "certificates", c.by_status);
#define STATUS(status, sentence, next) json_put_int(c.by_status, #status, 0);
#include "store/status.def"
#undef STATUS
	return record_each(t, &rec_cert_type, "", false, count_cert, &c, e);
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

static int show_agenda(struct txn *t, json_t *o, struct err *e)
{
	struct agenda_row row[AGENDA_SHOWN];
	int count = agenda_first(t, row, AGENDA_SHOWN, e);
	json_t *list = json_array();

	json_object_set_new(o, "agenda", list);
	for (int i = 0; i < count; i++) {
		json_t *one = json_object();

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
	json_t *one = json_object();

	json_put_str(one, "name", account->name);
	json_put_str(one, "state", account->state);
	json_array_append_new(arg, one);
	return 0;
}

static int show_accounts(struct txn *t, json_t *o, struct err *e)
{
	json_t *list = json_array();

	json_object_set_new(o, "accounts", list);
	return record_each(t, &rec_account_type, "", false, show_account, list, e);
}

int page_status(struct request *r, struct err *e)
{
	const struct webui_env *env = r->webui->env;
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	int64_t now = clock_now();

	json_put_str(answer, "version", env->version);
	json_put_str(answer, "hostname", r->webui->settings->hostname);
	json_put_time(answer, "started", env->started);
	json_put_int(answer, "uptime", now - env->started);
	if (store_read(env->store, &t, e) < 0 || count_certs(t, now, answer, e) < 0 ||
	    show_accounts(t, answer, e) < 0 || show_agenda(t, answer, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(answer));
}
