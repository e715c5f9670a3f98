/* /api/v1/certificates/NAME/check: are its web servers ready for its CA? */
#include "base/clock.h"
#include "base/digest.h"
#include "pki/identifier.h"
#include "store/agenda.h"
#include "webui/http/handler.h"

/* The redirect rules that would help, as a list. */
static json_t *list_rules(json_t *rules)
{
	json_t *list = json_array(), *text;
	const char *file;

	json_object_foreach (rules, file, text) {
		json_t *one = json_object();

		json_put_str(one, "file", file);
		json_put_str(one, "rule", json_string_value(text));
		json_array_append_new(list, one);
	}
	return list;
}

json_t *admin_show_check(const struct rec_cert *cert, const struct rec_check *check)
{
	_cleanup_json_ json_t *report = check->report ? json_read(check->report, strlen(check->report), NULL) : NULL;
	json_t *o = rec_check_json(check);

	json_put_str(o, "name", cert->name);
	json_put_bool(o, "staging", cert->staging);
	if (report)
		json_object_update(o, report);
	json_object_set_new(o, "rules_by_file", list_rules(json_object_get(report, "rules")));
	return o;
}

int page_cert_check_add(struct request *r, struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    (rec_check_get(t, &check, cert.id, e) < 0 && e->kind != ERR_MISSING))
		return -1;
	/* Until it has ended, what the one before found is shown. */
	record_set(&check.id, cert.id);
	check.time = clock_now();
	record_set(&check.state, "open");
	if (rec_check_put(t, &check, e) < 0 || agenda_set(t, AGENDA_check, cert.id, check.time, e) < 0)
		return -1;
	answer = admin_show_check(&cert, &check);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

int page_cert_check(struct request *r, struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	if (rec_check_get(t, &check, cert.id, e) < 0)
		return e->kind != ERR_MISSING ? -1 :
			       err_set(e, ERR_MISSING, "the web servers of %s were never checked", cert.name);
	return reply_json(r, 200, admin_show_check(&cert, &check));
}

/*
 * Of names that have no certificate yet, for who thinks of adding one.
 */

static int read_names(struct request *r, struct rec_check *check, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);

	if (!body || admin_read_names(body, &check->names, e) < 0)
		return -1;
	for (char **name = check->names; *name; name++)
		if (identifier_is_wildcard(*name))
			return err_set(e, ERR_INVALID, "the wildcard %s has no web server: it is proved by DNS", *name);
	return scope_check_names(&r->visitor.scope, check->names, e);
}

static json_t *show_loose(const struct rec_check *check)
{
	const struct rec_cert none = { .name = NULL };
	json_t *o = admin_show_check(&none, check);

	json_object_del(o, "staging");
	return o;
}

int page_check_add(struct request *r, struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { .time = clock_now() };
	_cleanup_txn_ struct txn *t = NULL;

	check.id = random_hex(16);
	record_set(&check.state, "open");
	check.reach = gate_reach(&r->visitor);
	if (body_at("names", read_names(r, &check, e), e) < 0 || store_write(r->webui->env->store, &t, e) < 0 ||
	    rec_check_put(t, &check, e) < 0 || agenda_set(t, AGENDA_check, check.id, check.time, e) < 0)
		return -1;
	return admin_commit_reply(r, TAKE(t), true, 202, show_loose(&check), e);
}

int page_check(struct request *r, struct err *e)
{
	_cleanup_(rec_check_release) struct rec_check check = { 0 };
	const char *id = params_get(&r->path, "id");
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_check_get(t, &check, id, e) < 0 && e->kind != ERR_MISSING)
		return -1;
	if (!check.names || scope_check_names(&r->visitor.scope, check.names, NULL) < 0)
		return err_set(e, ERR_MISSING, "this check does not exist");
	return reply_json(r, 200, show_loose(&check));
}
