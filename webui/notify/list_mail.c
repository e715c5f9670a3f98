/* POST /api/v1/me/lists: a list with its filters, as CSV, by mail to oneself. */
#include "base/clock.h"
#include "base/digest.h"
#include "store/notify/alert.h"
#include "store/notify/own_channel.h"
#include "webui/http/handler.h"
#include "webui/list/filters.h"
#include "webui/list/list.h"

#define KEY_BYTES 16
#define FILE_MOST (8 << 20)	/* bytes; many mail servers take 10 MB */
#define HOURLY_MOST 30			/* lists to one recipient: each stays in the store until it is forgotten */
#define HOUR 3600
#define ALERT "list"		/* in the outbox */

/* Those that can be had as CSV. */
static const char *const lists[] = { "certificates", "orders", "keys",   "accounts", "sites",
				     "channels",     "outbox", "events", "users",    NULL };

/* "certificates" of "/api/v1/certificates?status=expired", or of the address of its page; owned. */
static char *list_of(const char *text)
{
	const char *name = str_starts(text, "/api/v1/") ? text + strlen("/api/v1/") : text + (*text == '/');

	return xstrndup(name, strcspn(name, "?"));
}

static int find_list(const struct request *r, const char *name, struct match *m, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/%s", name);
	_cleanup_buf_ struct buf names = BUF_INIT;

	if (strv_has((char *const *)lists, name))
		router_find(m, METHOD_GET, path);
	if (m->route && gate_lets_in(&r->visitor, m->route->role, r->webui->settings))
		return 0;
	if (m->route)
		return err_set(e, ERR_DENIED, "the list %s is not for your role", name);
	for (size_t i = 0; lists[i]; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", lists[i]);
	err_set(e, ERR_INVALID, "there is no list \"%.40s\"", name);
	err_hint(e, "Possible lists: %s; each with its filters, like certificates?status=expired.", buf_str(&names));
	return err_field(e, "list");
}

/* Who gets it: the visitor; or whom an administrator names, who may be at the server, without a user. */
static int find_recipient(const struct request *r, struct txn *t, const char *name, struct rec_user *user,
			  struct err *e)
{
	if (name && *name && !gate_administers(&r->visitor))
		return body_at("user", err_set(e, ERR_DENIED, "only administrators have lists mailed to other users"),
			       e);
	if (name && *name && rec_user_by_name(t, user, name, e) < 0)
		return body_at("user", e->kind != ERR_MISSING ? -1 :
						err_set(e, ERR_INVALID, "there is no user %.100s", name), e);
	if (!(name && *name) && !*r->visitor.user_id)
		return body_at("user",
			       err_set(e, ERR_INVALID,
				       "choose the user who gets the list: you are not signed in as one"),
			       e);
	if (!user->id && rec_user_get(t, user, r->visitor.user_id, e) < 0)
		return -1;
	if (user->mail && *user->mail)
		return 0;
	err_set(e, ERR_CONFLICT, "%s has no e-mail address", user->name);
	return err_hint(e, "An administrator adds it on the page of the user.");
}

static void fill(struct rec_outbox *m, const char *name, const char *query, int64_t shown, int64_t total)
{
	json_t *facts = json_object();

	m->created = m->queued = m->next_at = clock_now();
	m->urgent = true;
	m->key = random_hex(KEY_BYTES);
	m->subject = xasprintf("the list of %s", name);
	m->text = total > shown ? xasprintf("The first %lld of %lld rows are attached. Use filters for fewer.",
					    (long long)shown, (long long)total)
				: xasprintf("%lld %s attached.", (long long)shown, shown == 1 ? "row is" : "rows are");
	m->file_name = xasprintf("certera-%s.csv", name);
	record_set(&m->alert, ALERT);
	record_set(&m->level, alert_level_word(ALERT_LEVEL_info));
	record_set(&m->state, OUTBOX_QUEUED);
	json_put_str(facts, "list", name);
	if (*query)
		json_put_str(facts, "filters", query);
	m->facts = json_write(facts);
	json_decref(facts);
}

struct recent {
	const char *recipient;
	int64_t since, count, first;	/* when the first of them was asked for */
};

static int count_recent(void *arg, void *rec, struct err *e)
{
	const struct rec_outbox *m = rec;
	struct recent *recent = arg;

	if (m->created <= recent->since)
		return 1;	/* so are all before it */
	if (!str_eq(m->recipient, recent->recipient))
		return 0;
	recent->count++;
	recent->first = m->created;
	return 0;
}

static int check_recent(struct txn *t, const struct rec_channel *channel, const char *recipient, struct err *e)
{
	struct recent recent = { .recipient = recipient, .since = clock_now() - HOUR };
	_cleanup_free_ char *prefix = xasprintf("%s/", channel->id);

	if (record_each(t, &rec_outbox_type, prefix, true, count_recent, &recent, e) < 0)
		return -1;
	if (recent.count < HOURLY_MOST)
		return 0;
	err_set(e, ERR_LIMIT, "%lld lists were mailed to %s in the last hour", (long long)recent.count, recipient);
	e->retry_at = recent.first + HOUR;
	return err_hint(e, "Save the list as CSV, or try again later.");
}

static int put_message(struct request *r, struct txn *t, const struct rec_user *user, struct rec_outbox *m,
		       struct rec_channel *channel, struct err *e)
{
	if (own_channel(t, OWN_LISTS, channel, e) < 0)
		return -1;
	if (channel->disabled)
		return err_set(e, ERR_CONFLICT, "the channel %s is disabled", channel->name);
	if (check_recent(t, channel, user->mail, e) < 0)
		return -1;
	m->id = record_child_id(channel->id, ++channel->newest);
	record_set(&m->recipient, user->mail);
	if (rec_outbox_put(t, m, e) < 0 || rec_channel_put(t, channel, e) < 0 ||
	    agenda_set(t, channel_agenda(channel), m->id, m->queued, e) < 0)
		return -1;
	return admin_event(r, t, "list.mailed", user->id, user->name, e, "%s, to %s", m->subject, user->mail);
}

/* What stands behind the name of the list. */
static char *filters_behind(const char *text)
{
	return strchr(text, '?') ? filters_of(text) : xstrdup("");
}

static const struct route *own_route(void)
{
	size_t i = 0;

	while (router_row(i)->page != page_list_mail)
		i++;
	return router_row(i);
}

/* The list was read: r is again the request that asked for it. */
static int mail_csv(struct request *r, const struct buf *csv, int64_t shown, int64_t total, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_body_ json_t *body = NULL;
	_cleanup_free_ char *name = NULL, *filters = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	free(TAKE(r->list_query));
	r->take_csv = NULL;
	r->route = own_route();
	body = body_read(r, e);
	if (!body)
		return -1;
	if (csv->len > FILE_MOST) {
		err_set(e, ERR_LIMIT, "the list is too long for a mail: %zu bytes", csv->len);
		return err_hint(e, "Use filters.");
	}
	name = list_of(json_str(body, "list"));
	filters = filters_behind(json_str(body, "list"));
	fill(&m, name, filters, shown, total);
	record_set_blob(&m.file, slice_buf(csv));
	if (store_write(r->webui->env->store, &t, e) < 0 ||
	    find_recipient(r, t, json_str(body, "user"), &user, e) < 0 || put_message(r, t, &user, &m, &channel, e) < 0)
		return -1;
	answer = json_object();
	json_put_str(answer, "channel", channel.name);
	json_put_int(answer, "number", record_child_number(m.id));
	json_put_str(answer, "recipient", m.recipient);
	json_put_str(answer, "file_name", m.file_name);
	json_put_int(answer, "rows", shown);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

static int check(struct request *r, const json_t *body, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (!r->webui->settings->mail) {
		err_set(e, ERR_CONFLICT, "no e-mail can be sent: there is no mail server");
		return err_hint(e, "An administrator sets mail.host and mail.from in the configuration file.");
	}
	return store_read(r->webui->env->store, &t, e) < 0 ? -1
							   : find_recipient(r, t, json_str(body, "user"), &user, e);
}

int page_list_mail(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_free_ char *name = NULL, *filters = NULL;
	_cleanup_(match_release) struct match m = { 0 };

	if (!body || check(r, body, e) < 0)
		return -1;
	name = list_of(json_str(body, "list"));
	if (find_list(r, name, &m, e) < 0)
		return -1;
	filters = filters_behind(json_str(body, "list"));
	r->list_query = xasprintf("format=csv%s%s", *filters ? "&" : "", filters);
	r->take_csv = mail_csv;
	r->route = m.route;
	if (m.route->page(r, e) == 0)
		return 0;
	r->route = own_route();
	r->take_csv = NULL;
	free(TAKE(r->list_query));
	return -1;
}
