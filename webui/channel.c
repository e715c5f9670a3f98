/*
 * /api/v1/channels: where alerts go.
 *
 * What is a secret, a URL or the key that signs, is sealed by the keeper before it is stored, and never shown again.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "pki/mailbox.h"
#include "store/alert.h"
#include "webui/list.h"
#include "webui/name.h"

#define URL_MOST 2000
#define SECRET_LEAST 16
#define NAME "name"

struct changing {
	struct rec_channel channel;	/* as it shall be */
	char *url, *secret;		/* new ones, to be sealed */
	bool fresh;
};

static void changing_release(void *state)
{
	struct changing *c = state;

	rec_channel_release(&c->channel);
	wipe_free(c->url);
	wipe_free(c->secret);
}

static int find_channel(struct request *r, struct txn *t, struct rec_channel *channel, struct err *e)
{
	const char *name = params_get(&r->path, NAME);

	if (name_check(name, e) < 0)
		return -1;
	if (rec_channel_by_name(t, channel, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no channel %s", name) : -1;
	return 0;
}

/*
 * Showing.
 */

static json_t *show_channel(struct txn *t, const void *rec)
{
	const struct rec_channel *channel = rec;
	json_t *o = rec_channel_json(channel);
	_cleanup_json_ json_t *wanted = json_array();

	for (int i = 0; i < ALERTS; i++) {
		struct rec_channel as_if = *channel;

		as_if.disabled = false;
		as_if.level = NULL;
		if (channel_wants(&as_if, (enum alert)i, ALERT_LEVEL_error) && i != ALERT_test)
			json_array_append_new(wanted, json_string(alert_word((enum alert)i)));
	}
	json_put_bool(o, "signed", channel->secret.len);
	json_object_set(o, "wanted", wanted);
	return o;
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	return list_is(value[REC_channel_kind], list_filter(l, "kind")) &&
	       list_contains(value[REC_channel_name], l->search);
}

int page_channels(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = { { "name", NULL }, { NULL, NULL } };
	static const struct list_type type = {
		.member = "channels", .type = &rec_channel_type, .name = REC_channel_name, .wanted = wanted, .sorts = sorts,
		.show = show_channel,
	};

	return list_reply(r, &type, 0, e);
}

int page_channel(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || find_channel(r, t, &channel, e) < 0)
		return -1;
	return reply_json(r, 200, show_channel(t, &channel));
}

/*
 * Reading what it shall be.
 */

static int read_recipients(struct rec_channel *channel, const json_t *body, struct err *e)
{
	_cleanup_strv_ char **typed = json_strv(body, "recipients");

	if (!typed)
		return 0;
	strv_free(TAKE(channel->recipients));
	for (char **to = typed; *to; to++) {
		_cleanup_free_ char *address = mailbox_address(*to, e);

		if (!address)
			return -1;
		if (!strv_has(channel->recipients, address))
			strv_add(&channel->recipients, address);
	}
	return 0;
}

/* "expiring,failed"; all; default. */
static int read_alerts(struct rec_channel *channel, const json_t *body, struct err *e)
{
	_cleanup_strv_ char **words = NULL;

	if (!json_str(body, "alerts"))
		return 0;
	words = strv_split(json_str(body, "alerts"), ", ");
	strv_free(TAKE(channel->alerts));
	if (strv_len(words) == 1 && str_eq(words[0], "default"))
		return 0;
	for (char **word = words; word && *word; word++) {
		if (!str_eq(*word, "all") && alert_by_word(*word, e) < 0)
			return err_hint(e, "\"all\" stands for all of them, \"default\" for those that most people want.");
		if (!strv_has(channel->alerts, *word))
			strv_add(&channel->alerts, *word);
	}
	if (!channel->alerts)
		return err_set(e, ERR_INVALID, "\"alerts\" names none; to switch a channel off, disable it");
	return 0;
}

static int read_url(struct changing *c, const json_t *body, struct err *e)
{
	const char *url = json_str(body, "url"), *scheme = url ? strstr(url, "://") : NULL;
	const char *host = scheme ? scheme + 3 : NULL;
	_cleanup_free_ char *shown = host ? xstrndup(host, strcspn(host, "/?#")) : NULL;

	if (!url)
		return 0;
	if ((!str_starts(url, "https://") && !str_starts(url, "http://")) || !*shown || strlen(url) > URL_MOST ||
	    strpbrk(url, " \t\r\n\"<>\\") || strchr(shown, '@'))
		return err_set(e, ERR_INVALID, "\"url\" is not an https URL");	/* which is a secret, so it is not repeated */
	if (str_starts(url, "http://") && !str_eq(c->channel.kind, channel_kind_word(CHANNEL_webhook)))
		return err_set(e, ERR_INVALID, "\"url\" must begin with https:// for a channel of kind %s",
			       c->channel.kind);
	record_set(&c->channel.host, shown);
	c->url = xstrdup(url);
	return 0;
}

static int read_secret(struct changing *c, const json_t *body, struct err *e)
{
	const char *secret = json_str(body, "secret");

	if (!secret)
		return 0;
	if (!str_eq(c->channel.kind, channel_kind_word(CHANNEL_webhook)))
		return err_set(e, ERR_INVALID, "\"secret\" signs what a channel of kind webhook gets; this one is of kind %s",
			       c->channel.kind);
	if (!*secret)
		buf_release(&c->channel.secret);
	else if (strlen(secret) < SECRET_LEAST)
		return err_set(e, ERR_INVALID, "\"secret\" must have at least %d characters", SECRET_LEAST);
	else
		c->secret = xstrdup(secret);
	return 0;
}

/* Does it know where to? */
static int check_target(const struct changing *c, struct err *e)
{
	const struct rec_channel *channel = &c->channel;
	int kind = channel_kind_by_word(channel->kind, e);

	if (kind < 0)
		return -1;
	if (channel_takes_url((enum channel_kind)kind) && strv_len(channel->recipients))
		return err_set(e, ERR_INVALID, "\"recipients\" are for channels of kind email; this one is of kind %s",
			       channel->kind);
	if (channel_takes_url((enum channel_kind)kind) && !c->url && !channel->url.len)
		return err_set(e, ERR_INVALID, "a channel of kind %s needs a \"url\"", channel->kind);
	if (!channel_takes_url((enum channel_kind)kind) && c->url)
		return err_set(e, ERR_INVALID, "a channel of kind email has recipients, and no \"url\"");
	if (!channel_takes_url((enum channel_kind)kind) && !strv_len(channel->recipients))
		return err_set(e, ERR_INVALID, "a channel of kind email needs \"recipients\"");
	return 0;
}

static int read_changes(struct changing *c, const json_t *body, struct err *e)
{
	const char *level = json_str(body, "level");

	if (level && alert_level_by_word(level, e) < 0)
		return -1;
	if (level)
		record_set(&c->channel.level, level);
	if (read_recipients(&c->channel, body, e) < 0 || read_alerts(&c->channel, body, e) < 0 ||
	    read_url(c, body, e) < 0 || read_secret(c, body, e) < 0)
		return -1;
	return check_target(c, e);
}

/*
 * Sealing and storing.
 */

/* What was delivered meanwhile stays. */
static int keep_progress(struct txn *t, struct rec_channel *channel, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel now = { 0 };

	if (rec_channel_get(t, &now, channel->id, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "the channel %s was removed meanwhile", channel->name) : -1;
	channel->newest = now.newest;
	channel->sent = now.sent;
	record_set(&channel->error, now.error);
	return 0;
}

static int store_channel(struct request *r, struct err *e)
{
	struct changing *c = r->state;
	struct rec_channel *channel = &c->channel;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || (!c->fresh && keep_progress(t, channel, e) < 0))
		return -1;
	if (rec_channel_put(t, channel, e) < 0)
		return e->kind == ERR_CONFLICT ? err_set(e, ERR_CONFLICT, "there is a channel %s already", channel->name) : -1;
	if (admin_event(r, t, c->fresh ? "channel.added" : "channel.changed", channel->id, channel->name, e, "%s, to %s",
			channel->kind, channel->host ? channel->host : "its recipients") < 0 || admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, c->fresh ? 201 : 200, show_channel(NULL, channel));
}

static int secret_sealed(struct request *r, const struct slice *field, struct err *e)
{
	struct changing *c = r->state;

	record_set_blob(&c->channel.secret, field[0]);
	return store_channel(r, e);
}

static int seal_secret(struct request *r, struct err *e)
{
	struct changing *c = r->state;

	if (!c->secret)
		return store_channel(r, e);
	return REQUEST_ASK(r, seal, -1, secret_sealed, slice_str("hmac"), slice_str(c->channel.id),
			   slice_str(c->secret));
}

static int url_sealed(struct request *r, const struct slice *field, struct err *e)
{
	struct changing *c = r->state;

	record_set_blob(&c->channel.url, field[0]);
	return seal_secret(r, e);
}

static int seal_url(struct request *r, struct err *e)
{
	struct changing *c = r->state;

	if (!c->url)
		return seal_secret(r, e);
	return REQUEST_ASK(r, seal, -1, url_sealed, slice_str("config"), slice_str(c->channel.id), slice_str(c->url));
}

int page_channel_add(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct changing *c = request_state(r, sizeof(*c), changing_release);

	if (!body || name_check(json_str(body, "name"), e) < 0)
		return -1;
	c->fresh = true;
	c->channel.id = random_hex(16);
	c->channel.created = clock_now();
	record_set(&c->channel.name, json_str(body, "name"));
	record_set(&c->channel.kind, json_str(body, "kind"));
	return read_changes(c, body, e) < 0 ? -1 : seal_url(r, e);
}

int page_channel_set(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct changing *c = request_state(r, sizeof(*c), changing_release);
	_cleanup_txn_ struct txn *t = NULL;

	if (!body || store_read(r->webui->env->store, &t, e) < 0 || find_channel(r, t, &c->channel, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	if (json_bool(body, "disabled", false) && json_bool(body, "enabled", false))
		return err_set(e, ERR_INVALID, "\"disabled\" and \"enabled\" exclude each other");
	c->channel.disabled = json_bool(body, "disabled", json_bool(body, "enabled", false) ? false : c->channel.disabled);
	return read_changes(c, body, e) < 0 ? -1 : seal_url(r, e);
}

/* Its messages go with it; their rows find nothing any more. */
int page_channel_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find_channel(r, t, &channel, e) < 0 ||
	    admin_delete_children(t, &rec_outbox_type, channel.id, e) < 0 || rec_channel_delete(t, channel.id, e) < 0 ||
	    admin_event(r, t, "channel.removed", channel.id, channel.name, e, "with its messages") < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, 200, json_object());
}

/* One message to each recipient; "messages" are their numbers. */
int page_channel_test(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer, *numbers = NULL;
	int64_t before;

	if (store_write(r->webui->env->store, &t, e) < 0 || find_channel(r, t, &channel, e) < 0)
		return -1;
	before = channel.newest;
	if (alert_test(t, &channel, e) < 0 ||
	    admin_event(r, t, "channel.test", channel.id, channel.name, e, "a message to try it out") < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	answer = show_channel(NULL, &channel);
	numbers = json_array();
	for (int64_t n = before + 1; n <= channel.newest; n++)
		json_array_append_new(numbers, json_integer(n));
	json_object_set_new(answer, "messages", numbers);
	return reply_json(r, 202, answer);
}
