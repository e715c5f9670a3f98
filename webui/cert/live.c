/* /api/v1/certificates/NAME/live: is it what servers show at the addresses of its names? */
#include "base/clock.h"
#include "pki/identifier.h"
#include "store/agenda.h"
#include "webui/http/handler.h"

static json_t *find_view(const json_t *views, const char *name, const char *address)
{
	json_t *view;
	size_t i;

	json_array_foreach (views, i, view)
		if (str_eq(json_str(view, "name"), name) && str_eq(json_str(view, "address"), address))
			return view;
	return NULL;
}

/* In few words what is seen there: the version in force, one before it, another one, nothing. */
static json_t *cell(const json_t *view)
{
	const char *shows = json_str(view, "shows");
	json_t *o = json_object(), *label;

	if (!view)
		return o;
	if (str_eq(shows, "this") || str_eq(shows, "old"))
		label = json_sprintf("version %lld", (long long)json_int(view, "version", 0));
	else
		label = json_string(str_eq(shows, "other") ? "a different one" : "no answer");
	json_put_str(o, "shows", shows);
	json_put_bool(o, "this", str_eq(shows, "this"));
	json_object_set_new(o, "label", label);
	json_put_str(o, "says", json_str(view, "says"));
	return o;
}

static void add_new(json_t *list, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (str_eq(json_string_value(item), text))
			return;
	json_array_append_new(list, json_string(text));
}

/* {columns: [address], rows: [{name, cells}]}; a name that could not be asked has one cell. */
static json_t *matrix(const json_t *views)
{
	json_t *o = json_object(), *columns = json_array(), *rows = json_array(), *names = json_array(), *item;
	size_t i, j;

	json_array_foreach (views, i, item) {
		add_new(names, json_str(item, "name"));
		add_new(columns, json_str(item, "address") ? json_str(item, "address") : "no address");
	}
	json_array_foreach (names, i, item) {
		const char *name = json_string_value(item);
		json_t *row = json_object(), *cells = json_array(), *column;

		json_put_str(row, "name", name);
		json_object_set_new(row, "cells", cells);
		json_array_foreach (columns, j, column) {
			const char *address = json_string_value(column);

			json_array_append_new(cells, cell(find_view(views, name,
								    str_eq(address, "no address") ? NULL : address)));
		}
		json_array_append_new(rows, row);
	}
	json_decref(names);
	json_object_set_new(o, "columns", columns);
	json_object_set_new(o, "rows", rows);
	return o;
}

static json_t *show(struct txn *t, const struct rec_cert *cert, const struct rec_live *live)
{
	json_t *report = live->report ? json_read(live->report, strlen(live->report), NULL) : NULL;
	json_t *o = rec_live_json(live);
	int64_t due = 0;

	agenda_due(t, AGENDA_live, cert->id, &due, NULL);
	json_put_str(o, "name", cert->name);
	json_put_bool(o, "staging", cert->staging);
	json_put_time(o, "planned", due);
	json_object_set_new(o, "matrix", report && json_array_size(report) ? matrix(report) : json_null());
	json_object_set_new(o, "addresses", report ? report : json_array());
	return o;
}

void admin_put_live(json_t *o, struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_live_release) struct rec_live live = { 0 };
	json_t *shown;

	if (rec_live_get(t, &live, cert->id, NULL) < 0 || live.version != cert->current) {
		json_object_set_new(o, "live", json_null());
		return;
	}
	shown = show(t, cert, &live);
	json_object_del(shown, "id");
	json_object_set_new(o, "live", shown);
}

static int read_live(struct txn *t, const struct rec_cert *cert, struct rec_live *live, struct err *e)
{
	return rec_live_get(t, live, cert->id, e) < 0 && e->kind != ERR_MISSING ? -1 : 0;
}

/* What is looked for nowhere, and why. */
static int check(const struct rec_cert *cert, struct err *e)
{
	bool has_host = false;

	for (char **name = cert->names; name && *name; name++)
		has_host |= !identifier_is_wildcard(*name);
	if (!cert->current)
		return err_set(e, ERR_CONFLICT, "the certificate %s has not been issued yet", cert->name);
	if (cert->staging)
		return err_set(e, ERR_CONFLICT, "the certificate %s is for testing: no server should show it",
			       cert->name);
	if (!has_host)
		return err_set(e, ERR_CONFLICT, "the certificate %s has only wildcards, which lead to no server",
			       cert->name);
	if (!cert->no_live && !cert->disabled)
		return 0;
	err_set(e, ERR_CONFLICT, "the certificate %s has no live check: the check is disabled", cert->name);
	return err_hint(e, "%s",
			cert->disabled ? "Enable the certificate first." : "Turn its live check on (live: on).");
}

int page_cert_live_add(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_live_release) struct rec_live live = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    check(&cert, e) < 0 || read_live(t, &cert, &live, e) < 0 ||
	    agenda_set(t, AGENDA_live, cert.id, clock_now(), e) < 0)
		return -1;
	answer = show(t, &cert, &live);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

int page_cert_live(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_live_release) struct rec_live live = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    read_live(t, &cert, &live, e) < 0)
		return -1;
	return reply_json(r, 200, show(t, &cert, &live));
}
