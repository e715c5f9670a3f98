/* /api/v1/plans: named limits of users. */
#include "base/clock.h"
#include "base/digest.h"
#include "pki/identifier.h"
#include "webui/http/name.h"
#include "webui/http/session.h"
#include "webui/list/list.h"
#include "webui/people/person.h"

#define CERTIFICATES_MOST 1000000

static int find(struct request *r, struct txn *t, struct rec_plan *plan, struct err *e)
{
	const char *name = params_get(&r->path, "name");

	if (name_check(name, e) < 0)
		return -1;
	if (rec_plan_by_name(t, plan, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no plan %.100s", name) : -1;
	return 0;
}

struct plan_users {
	const char *plan_id;
	char **names;
};

static int add_user(void *arg, void *rec, struct err *e)
{
	const struct rec_user *user = rec;
	struct plan_users *u = arg;

	if (str_eq(user->plan_id, u->plan_id))
		strv_add(&u->names, user->name);
	return 0;
}

/* Owned. */
static int find_users(struct txn *t, const char *plan_id, char ***names, struct err *e)
{
	struct plan_users u = { plan_id, NULL };
	int result = record_each(t, &rec_user_type, "", false, add_user, &u, e);

	*names = u.names;
	return result;
}

static json_t *show(struct txn *t, const void *rec)
{
	const struct rec_plan *plan = rec;
	_cleanup_strv_ char **users = NULL;
	json_t *o = rec_plan_json(plan);

	find_users(t, plan->id, &users, NULL);
	json_put_strv(o, "users", users);
	return o;
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	return list_contains(value[REC_plan_name], l->search);
}

int page_plans(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = { { "name", NULL, 0 }, { NULL, NULL, 0 } };
	static const struct list_type type = {
		.member = "plans",
		.type = &rec_plan_type,
		.name = REC_plan_name,
		.wanted = wanted,
		.sorts = sorts,
		.show = show,
	};

	return list_reply(r, &type, 0, e);
}

int page_plan(struct request *r, struct err *e)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || find(r, t, &plan, e) < 0)
		return -1;
	return reply_json(r, 200, show(t, &plan));
}

int person_read_domains(const json_t *body, char ***domains, struct err *e)
{
	const json_t *value = json_object_get(body, "domains");
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	_cleanup_strv_ char **typed = json_is_array(value) ? json_strv(body, "domains") : strv_split(text, " ,;\n");
	char **list = typed ? identifier_list_of(typed, e) : NULL;

	if (typed && !list) {
		err_reword(e, "a name for a certificate", "a domain");
		return err_field(e, "domains");
	}
	for (char **d = list; d && *d; d++) {
		if (!identifier_is_wildcard(*d))
			continue;
		err_set(e, ERR_INVALID, "%s: give the domain; the names below it are in it", *d);
		strv_free(list);
		return err_field(e, "domains");
	}
	strv_free(*domains);
	*domains = list;
	return 0;
}

static int read_number(struct rec_plan *plan, const json_t *body, struct err *e)
{
	const char *text = json_str(body, "certificates");
	char *end = NULL;

	if (!text)
		return 0;
	plan->certificates = strtoll(text, &end, 10);
	if (*text && !*end && plan->certificates >= 0 && plan->certificates <= CERTIFICATES_MOST)
		return 0;
	err_set(e, ERR_INVALID, "\"certificates\" is a number up to %d; 0: any number", CERTIFICATES_MOST);
	return err_field(e, "certificates");
}

/* What is given is changed. */
static int put(struct request *r, struct txn *t, struct rec_plan *plan, const json_t *body, const char *action,
	       struct err *e)
{
	_cleanup_free_ char *most = NULL;
	_cleanup_buf_ struct buf within = BUF_INIT;

	if ((json_object_get(body, "domains") && person_read_domains(body, &plan->domains, e) < 0) ||
	    read_number(plan, body, e) < 0 || rec_plan_put(t, plan, e) < 0)
		return -1;
	most = plan->certificates ? xasprintf("%lld", (long long)plan->certificates) : xstrdup("any number of");
	for (char **domain = plan->domains; domain && *domain; domain++)
		buf_addf(&within, "%s%s", within.len ? ", " : "", *domain);
	return admin_event(r, t, action, plan->id, plan->name, e, "%s certificates, in %s", most,
			   within.len ? buf_str(&within) : "any domain");
}

int page_plan_add(struct request *r, struct err *e)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { .created = clock_now() };
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (!body || body_at("name", name_check(json_str(body, "name"), e), e) < 0)
		return -1;
	plan.id = random_hex(16);
	record_set(&plan.name, json_str(body, "name"));
	if (admin_write(r, &t, e) < 0 || put(r, t, &plan, body, "plan.added", e) < 0)
		return -1;
	answer = show(t, &plan);
	return admin_commit(r, TAKE(t), false, e) < 0 ? -1 : reply_json(r, 201, TAKE(answer));
}

int page_plan_set(struct request *r, struct err *e)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (!body || admin_write(r, &t, e) < 0 || find(r, t, &plan, e) < 0 ||
	    put(r, t, &plan, body, "plan.changed", e) < 0)
		return -1;
	answer = show(t, &plan);
	return admin_commit(r, TAKE(t), false, e) < 0 ? -1 : reply_json(r, 200, TAKE(answer));
}

int page_plan_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };
	_cleanup_strv_ char **users = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find(r, t, &plan, e) < 0 ||
	    find_users(t, plan.id, &users, e) < 0)
		return -1;
	if (users) {
		err_set(e, ERR_CONFLICT, "the plan %s is in use by the user %s", plan.name, users[0]);
		return err_hint(e, "Move its users to a different plan first.");
	}
	if (rec_plan_delete(t, plan.id, e) < 0 ||
	    admin_event(r, t, "plan.removed", plan.id, plan.name, e, "nobody had it") < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, 200, rec_plan_json(&plan));
}
