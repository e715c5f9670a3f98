/* /api/v1/events: the audit log, newest first. */
#include "store/history.h"
#include "webui/admin.h"
#include "webui/name.h"

#define LIMIT 100
#define LIMIT_MOST 1000

struct listing {
	json_t *list;
	int64_t left;
};

static int show(void *arg, void *rec, struct err *e)
{
	const struct rec_event *event = rec;
	struct listing *l = arg;
	json_t *o = rec_event_json(event);

	json_object_del(o, "id");
	json_put_int(o, "number", strtoll(event->id, NULL, 16));
	json_array_append_new(l->list, o);
	return --l->left ? 0 : 1;
}

static int read_number(const struct params *query, const char *name, int64_t otherwise, int64_t most, int64_t *n,
		       struct err *e)
{
	const char *text = params_get(query, name);
	char *end = NULL;

	*n = text ? strtoll(text, &end, 10) : otherwise;
	if (text && (!*text || *end || *n < 1 || *n > most))
		return err_set(e, ERR_USAGE, "%s=%.40s is not understood; it is a number from 1 to %lld", name, text,
			       (long long)most);
	return 0;
}

/* The ids of what has the name: a certificate and its key often share it.  Of what was removed only the id is left. */
static char **find_objects(struct txn *t, const char *name)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 }, staging = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	bool is_name = name_check(name, NULL) == 0;
	char **ids = NULL;

	if (is_name && rec_cert_by_name(t, &cert, name, false, NULL) == 0)
		strv_add(&ids, cert.id);
	if (is_name && rec_cert_by_name(t, &staging, name, true, NULL) == 0)
		strv_add(&ids, staging.id);
	if (is_name && rec_key_by_name(t, &key, name, NULL) == 0)
		strv_add(&ids, key.id);
	if (is_name && rec_account_by_name(t, &account, name, NULL) == 0)
		strv_add(&ids, account.id);
	if (record_by_index(t, &rec_site_type, &site, slice_str(name), NULL) == 0)
		strv_add(&ids, site.id);
	if (!ids)
		strv_add(&ids, name);
	return ids;
}

static int reply_events(struct request *r, json_t *events)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "events", events);
	return reply_json(r, 200, answer);
}

static int64_t number_at(const json_t *list, size_t index)
{
	return json_int(json_array_get(list, index), "number", 0);
}

/* Both lists are newest first, and so is the result, cut at `most`. */
static json_t *merge(const json_t *a, const json_t *b, size_t most)
{
	json_t *list = json_array();
	size_t i = 0, j = 0;

	while (json_array_size(list) < most && (i < json_array_size(a) || j < json_array_size(b))) {
		bool first = number_at(a, i) > number_at(b, j);

		json_array_append(list, first ? json_array_get(a, i++) : json_array_get(b, j++));
	}
	return list;
}

static int list_events(struct txn *t, const char *object, int64_t before, int64_t limit, json_t **all, struct err *e)
{
	_cleanup_json_ json_t *before_these = *all;
	_cleanup_json_ json_t *list = json_array();
	struct listing l = { .list = list, .left = limit };

	*all = NULL;
	if (history_each(t, object, before, show, &l, e) < 0)
		return -1;
	*all = merge(before_these, list, (size_t)limit);
	return 0;
}

int page_events(struct request *r, struct err *e)
{
	static const char *const known[] = { "object", "limit", "before", NULL };
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_strv_ char **objects = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_json_ json_t *all = json_array();
	int64_t before, limit;

	if (admin_query(r, &query, known, e) < 0 || read_number(&query, "limit", LIMIT, LIMIT_MOST, &limit, e) < 0 ||
	    read_number(&query, "before", 0, INT64_MAX, &before, e) < 0 || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (!params_get(&query, "object"))
		return list_events(t, NULL, before, limit, &all, e) < 0 ? -1 : reply_events(r, TAKE(all));
	objects = find_objects(t, params_get(&query, "object"));
	for (size_t i = 0; i < strv_len(objects); i++)
		if (list_events(t, objects[i], before, limit, &all, e) < 0)
			return -1;
	return reply_events(r, TAKE(all));
}
