/* /api/v1/outbox: messages that wait for delivery, were delivered, or given up. */
#include "base/clock.h"
#include "base/digest.h"
#include "pki/file/mailbox.h"
#include "store/notify/alert.h"
#include "store/notify/own_channel.h"
#include "store/notify/resend.h"
#include "webui/http/name.h"
#include "webui/list/list.h"

#define KEY_BYTES 16

static json_t *read_or_null(const char *text)
{
	json_t *value = text && *text ? json_read(text, strlen(text), NULL) : NULL;

	return value ? value : json_null();
}

static json_t *show_message(const struct rec_outbox *m, const char *channel)
{
	json_t *o = rec_outbox_json(m);

	json_put_str(o, "channel", channel);
	json_put_int(o, "number", record_child_number(m->id));
	return o;
}

/* Filters of the list. */
struct outbox_filters {
	const char *state;
	char channel[64];	/* "ID/"; empty: all channels */
};

static int read_state(const struct list *l, struct outbox_filters *f, struct err *e)
{
	static const char *const states[] = { OUTBOX_QUEUED, OUTBOX_SENT, OUTBOX_DEAD, OUTBOX_DIGESTED };

	f->state = list_filter(l, "state");
	for (size_t i = 0; f->state && i < ARRAY_SIZE(states); i++)
		if (str_eq(states[i], f->state))
			return 0;
	if (!f->state)
		return 0;
	err_set(e, ERR_USAGE, "state=%.40s is not understood; it is queued, sent, dead or digested", f->state);
	return err_field(e, "state");
}

static int prepare(struct list *l, struct txn *t, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	const char *name = list_filter(l, "channel");
	struct outbox_filters *f = l->filters;

	if (read_state(l, f, e) < 0)
		return -1;
	if (name && (name_check(name, e) < 0 || rec_channel_by_name(t, &channel, name, e) < 0)) {
		if (e->kind == ERR_MISSING)
			err_set(e, ERR_MISSING, "there is no channel %s", name);
		return err_field(e, "channel");
	}
	snprintf(f->channel, sizeof(f->channel), "%s%s", name ? channel.id : "", name ? "/" : "");
	return 0;
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	const struct outbox_filters *f = l->filters;
	size_t len = strlen(f->channel);

	const struct rec_outbox *m = rec;

	return list_in(&l->created, m->created) && list_is(value[REC_outbox_alert], list_filter(l, "alert")) &&
	       list_is(value[REC_outbox_level], list_filter(l, "level")) &&
	       list_is(value[REC_outbox_state], f->state) && value[REC_outbox_id].len >= len &&
	       !memcmp(value[REC_outbox_id].data, f->channel, len) &&
	       (list_contains(value[REC_outbox_subject], l->search) ||
		list_contains(value[REC_outbox_name], l->search));
}

static int64_t by_time(const struct list *l, const void *rec)
{
	const struct rec_outbox *m = rec;

	return m->created;
}

static json_t *show(struct txn *t, const void *rec)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	const struct rec_outbox *m = rec;
	_cleanup_free_ char *id = record_parent_id(m->id);

	return show_message(m, rec_channel_get(t, &channel, id, NULL) == 0 ? channel.name : NULL);
}

int page_outbox(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = { { "-created", by_time, 0 }, { NULL, NULL, 0 } };
	static const struct list_text texts[] = { { "state", REC_outbox_state }, { "alert", REC_outbox_alert },
						  { "level", REC_outbox_level }, { NULL, 0 } };
	static const struct list_facet facets[] = {
		{ .word = "state", .field = REC_outbox_state },
		{ .word = "alert", .field = REC_outbox_alert },
		{ .word = "level", .field = REC_outbox_level },
		{ .word = NULL },
	};
	static const struct list_type type = {
		.member = "messages", .type = &rec_outbox_type, .name = REC_outbox_id, .prepare = prepare,
		.wanted = wanted, .sorts = sorts, .texts = texts, .facets = facets, .show = show,
	};

	return list_reply(r, &type, sizeof(struct outbox_filters), e);
}

/* The one that /:name/:number of the path means. */
static int find_message(struct request *r, struct txn *t, struct rec_channel *channel, struct rec_outbox *m,
			struct err *e)
{
	const char *name = params_get(&r->path, "name"), *text = params_get(&r->path, "number");
	_cleanup_free_ char *id = NULL;
	char *end;
	long long number = strtoll(text, &end, 10);

	if (name_check(name, e) < 0)
		return -1;
	if (rec_channel_by_name(t, channel, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no channel %s", name) : -1;
	if (!*text || *end || number < 1)
		return err_set(e, ERR_USAGE, "\"%.40s\" is not the number of a message", text);
	id = record_child_id(channel->id, number);
	if (rec_outbox_get(t, m, id, e) < 0)
		return e->kind != ERR_MISSING ? -1 :
		       err_set(e, ERR_MISSING, "channel %s has no message %lld", name, number);
	return 0;
}

int page_message(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *o;

	if (store_read(r->webui->env->store, &t, e) < 0 || find_message(r, t, &channel, &m, e) < 0)
		return -1;
	o = show_message(&m, channel.name);
	json_object_set_new(o, "facts", read_or_null(m.facts));
	json_object_set_new(o, "items", read_or_null(m.items));
	json_put_strv(o, "dialogue", m.dialogue);
	return reply_json(r, 200, o);
}

/* Once more, at once.  What was delivered gets another key: who has seen the old one would drop it. */
int page_message_resend(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find_message(r, t, &channel, &m, e) < 0)
		return -1;
	if (m.sent) {
		free(m.key);
		m.key = random_hex(KEY_BYTES);
	}
	record_set(&m.state, OUTBOX_QUEUED);
	m.queued = m.next_at = clock_now();
	m.tries = m.sent = 0;
	m.urgent = true;
	if (rec_outbox_put(t, &m, e) < 0 || agenda_set(t, channel_agenda(&channel), m.id, m.queued, e) < 0 ||
	    admin_event(r, t, "message.resent", channel.id, channel.name, e, "message %lld",
			(long long)record_child_number(m.id)) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 202, show_message(&m, channel.name));
}

int page_message_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find_message(r, t, &channel, &m, e) < 0 ||
	    rec_outbox_delete(t, m.id, e) < 0 || agenda_delete(t, channel_agenda(&channel), m.id, e) < 0 ||
	    admin_event(r, t, "message.removed", channel.id, channel.name, e, "message %lld, %s",
			(long long)record_child_number(m.id), m.state) < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, 200, json_object());
}

/* POST /api/v1/certificates/NAME/resend: its last alert, to whom the visitor says. */
int page_cert_resend(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_free_ char *address = body ? mailbox_address(json_str(body, "recipient"), e) : NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (!address)
		return body ? err_field(e, "recipient") : -1;
	if (!r->webui->settings->mail) {
		err_set(e, ERR_CONFLICT, "no e-mail can be sent: there is no mail server");
		return err_hint(e, "An administrator sets mail.host and mail.from in the configuration file.");
	}
	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    resend_last(t, cert.id, address, &m, e) < 0 || own_channel(t, OWN_CONTACTS, &channel, e) < 0 ||
	    admin_event(r, t, "certificate.resent", cert.id, cert.name, e, "the alert \"%s\" to %s", m.subject,
			address) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 202, show_message(&m, channel.name));
}
