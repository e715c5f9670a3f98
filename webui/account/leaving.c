/* GET /api/v1/accounts/NAME/leaving: what can no longer be ordered when an account is deactivated or removed. */
#include "webui/account/read.h"

#define SHOWN 20	/* certificates: those that are renewed first */

struct account_leaving {
	const struct scope *scope;
	const char *account_id;
	int64_t count;			/* certificates that it orders */
	size_t shown;
	struct {
		int64_t renew_at;	/* 0: nothing is planned */
		char *id;
	} cert[SHOWN];
};

static void leaving_release(struct account_leaving *l)
{
	for (size_t i = 0; i < l->shown; i++)
		free(l->cert[i].id);
}

static bool is_before(int64_t a, int64_t b)
{
	return a && (!b || a < b);
}

/* Where it belongs among those that are shown, by their next renewal. */
static void note_cert(struct account_leaving *l, const struct rec_cert *cert, struct slice id)
{
	size_t at = l->shown;

	while (at > 0 && is_before(cert->renew_at, l->cert[at - 1].renew_at))
		at--;
	if (at == SHOWN)
		return;
	if (l->shown == SHOWN)
		free(l->cert[--l->shown].id);
	memmove(&l->cert[at + 1], &l->cert[at], (l->shown - at) * sizeof(l->cert[0]));
	l->shown++;
	l->cert[at].renew_at = cert->renew_at;
	l->cert[at].id = xstrndup(id.data, id.len);
}

static int look_cert(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct account_leaving *l = arg;
	const struct rec_cert *cert = rec;

	if (!slice_eq(value[REC_cert_account_id], slice_str(l->account_id)) ||
	    !scope_has_row(l->scope, &rec_cert_type, value))
		return 0;
	l->count++;
	if (!cert->disabled)
		note_cert(l, cert, value[REC_cert_id]);
	return 0;
}

/* "fallback": what orders it then; null: nothing. */
static int show_certs(json_t *answer, struct txn *t, const struct account_leaving *l, struct err *e)
{
	json_t *list = json_array();

	json_object_set_new(answer, "certificates", list);
	for (size_t i = 0; i < l->shown; i++) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
		_cleanup_(rec_account_release) struct rec_account other = { 0 };
		json_t *o = json_object();

		json_array_append_new(list, o);
		if (rec_cert_get(t, &cert, l->cert[i].id, e) < 0)
			return -1;
		if (cert.fallback_id && *cert.fallback_id)
			rec_account_get(t, &other, cert.fallback_id, &(struct err){ 0 });
		json_put_str(o, "name", cert.name);
		json_put_bool(o, "staging", cert.staging);
		json_put_time(o, "renew_at", cert.renew_at);
		json_put_str(o, "fallback", other.name);
	}
	return 0;
}

int page_account_leaving(struct request *r, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(leaving_release) struct account_leaving l = { .scope = &r->visitor.scope };
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_free_ char *user = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_account(r, t, &account, e) < 0)
		return -1;
	l.account_id = account.id;
	answer = admin_show_account_to(&r->visitor.scope, t, &account);
	if (record_skim(t, &rec_cert_type, look_cert, &l, e) < 0 || show_certs(answer, t, &l, e) < 0 ||
	    (!l.count && account_used_by(t, account.id, &user, e) < 0))
		return -1;
	json_put_int(answer, "certificate_count", l.count);
	json_object_set_new(answer, "orders_shown",
			    json_sprintf("%lld certificate%s", (long long)l.count, l.count == 1 ? "" : "s"));
	json_put_int(answer, "more", l.count - (int64_t)l.shown);
	json_put_str(answer, "fallback_of", user);
	return reply_json(r, 200, TAKE(answer));
}
