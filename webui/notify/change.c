/*
 * POST /api/v1/channels, and /api/v1/channels/NAME: read what a channel shall be, have the keeper seal what is a secret
 * (a URL, or the key that signs), and store it.  Secrets are never shown again.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "pki/file/mailbox.h"
#include "store/notify/alert.h"
#include "store/notify/own_channel.h"
#include "webui/http/name.h"
#include "webui/notify/channel.h"

#define URL_MOST 2000
#define SECRET_LEAST 16

struct changing {
	struct rec_channel channel;	/* as it shall be */
	char *url, *secret;		/* new ones, to be sealed */
	bool fresh;
	bool days;			/* its thresholds are others */
	bool test;			/* and a message to try it out */
};

static void changing_release(void *state)
{
	struct changing *c = state;

	rec_channel_release(&c->channel);
	wipe_free(c->url);
	wipe_free(c->secret);
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
	return channel_check_recipients(channel, e);
}

static bool is_default(char *const *words)
{
	bool same = true;

	for (int i = 0; i < ALERTS; i++)
		same &= i == ALERT_test ||
			strv_has(words, alert_word((enum alert)i)) == alert_by_default((enum alert)i);
	return same;
}

/* "expiring,failed"; all; default. */
static int read_alerts(struct rec_channel *channel, const json_t *body, struct err *e)
{
	_cleanup_strv_ char **words = NULL;

	if (!json_str(body, "alerts"))
		return 0;
	words = strv_split(json_str(body, "alerts"), ", \n");
	strv_free(TAKE(channel->alerts));
	if (strv_len(words) == 1 && str_eq(words[0], "default"))
		return 0;
	for (char **word = words; word && *word; word++) {
		if (!str_eq(*word, "all") && alert_by_word(*word, e) < 0)
			return err_hint(e,
					"\"all\" means all alerts, \"default\" the default ones.");
		if (!strv_has(channel->alerts, *word))
			strv_add(&channel->alerts, *word);
	}
	if (!channel->alerts)
		return err_set(e, ERR_INVALID, "\"alerts\" is empty; to stop all alerts, disable the channel");
	if (is_default(channel->alerts))
		strv_free(TAKE(channel->alerts));
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
		return err_set(e, ERR_INVALID, "\"url\" is not an https URL");	/* a secret, so it is not repeated */
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
		return err_set(e, ERR_INVALID,
			       "\"secret\" signs what a channel of kind webhook gets; this one is of kind %s",
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
	if (own_channel_purpose(channel))
		return strv_len(channel->recipients) ?
			       err_set(e, ERR_INVALID, "%s goes to %s, and has no \"recipients\"", channel->name,
				       own_channel_purpose(channel)) : 0;
	if (channel_takes_url((enum channel_kind)kind) && strv_len(channel->recipients))
		return err_set(e, ERR_INVALID, "\"recipients\" are for channels of kind email; this one is of kind %s",
			       channel->kind);
	if (channel_takes_url((enum channel_kind)kind) && !c->url && !channel->url.len)
		return body_at("url", err_set(e, ERR_INVALID, "a channel of kind %s needs a \"url\"", channel->kind),
			       e);
	if (!channel_takes_url((enum channel_kind)kind) && c->url)
		return err_set(e, ERR_INVALID, "a channel of kind email has recipients, and no \"url\"");
	if (!channel_takes_url((enum channel_kind)kind) && !strv_len(channel->recipients) && !channel->owner_id)
		return body_at("recipients",
			       err_set(e, ERR_INVALID, "a channel of kind email needs \"recipients\""), e);
	if (channel->owner_id && strv_len(channel->recipients))
		return err_set(e, ERR_INVALID,
			       "a channel of a user's own goes to that user, and has no \"recipients\"");
	return 0;
}

static int read_expiring(struct changing *c, const json_t *body, struct err *e)
{
	const char *text = json_str(body, "expiring");
	struct days days;

	if (!text)
		return 0;
	if (days_read(&days, text, e) < 0)
		return body_at("expiring", -1, e);
	record_set(&c->channel.expiring, *text ? text : NULL);
	c->days = true;
	return 0;
}

static int read_changes(struct changing *c, const json_t *body, struct err *e)
{
	const char *level = json_str(body, "level");

	if (level && alert_level_by_word(level, e) < 0)
		return -1;
	if (level)
		record_set(&c->channel.level, level);
	if (body_at("recipients", read_recipients(&c->channel, body, e), e) < 0 ||
	    body_at("alerts", read_alerts(&c->channel, body, e), e) < 0 || read_expiring(c, body, e) < 0 ||
	    body_at("url", read_url(c, body, e), e) < 0 || body_at("secret", read_secret(c, body, e), e) < 0)
		return -1;
	return check_target(c, e);
}

/* Whose own it shall be. */
static int read_owner(struct request *r, struct changing *c, const char *name, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (!name)
		return 0;
	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_user_by_name(t, &user, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_INVALID, "there is no user %.100s", name) : -1;
	if (str_eq(c->channel.kind, channel_kind_word(CHANNEL_email)) && (!user.mail || !*user.mail)) {
		err_set(e, ERR_INVALID, "the user %s has no e-mail address", user.name);
		return err_hint(e, "Add an e-mail address to the user first.");
	}
	record_set(&c->channel.owner_id, user.id);
	return 0;
}

/*
 * Sealing and storing.
 */

/* What was delivered meanwhile stays. */
static int keep_progress(struct txn *t, struct rec_channel *channel, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel now = { 0 };

	if (rec_channel_get(t, &now, channel->id, e) < 0)
		return e->kind != ERR_MISSING ? -1 :
			       err_set(e, ERR_MISSING, "the channel %s was removed meanwhile", channel->name);
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
	json_t *answer;

	if (admin_write(r, &t, e) < 0 || (!c->fresh && keep_progress(t, channel, e) < 0))
		return -1;
	if (rec_channel_put(t, channel, e) < 0)
		return e->kind != ERR_CONFLICT ? -1 :
			       err_set(e, ERR_CONFLICT, "there is a channel %s already", channel->name);
	if (c->test && alert_test(t, channel, e) < 0)
		return -1;
	if (c->days && agenda_set(t, AGENDA_expiry, ALERT_ALL_CERTS, clock_now(), e) < 0)
		return -1;
	if (admin_event(r, t, c->fresh ? "channel.added" : "channel.changed", channel->id, channel->name, e,
			"%s, to %s", channel->kind, channel->host ? channel->host : "its recipients") < 0)
		return -1;
	answer = channel_show(t, channel);
	return admin_commit_reply(r, TAKE(t), c->days || c->test, c->fresh ? 201 : 200, answer, e);
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

int channel_change(struct request *r, const json_t *body, struct rec_channel *channel, bool fresh, struct err *e)
{
	struct changing *c = request_state(r, sizeof(*c), changing_release);

	c->channel = *channel;
	c->fresh = fresh;
	*channel = (struct rec_channel){ 0 };
	return read_changes(c, body, e) < 0 ? -1 : seal_url(r, e);
}

int page_channel_add(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct changing *c = request_state(r, sizeof(*c), changing_release);

	if (!body || body_at("name", name_check(json_str(body, "name"), e), e) < 0)
		return -1;
	c->fresh = true;
	c->test = json_bool(body, "test", false);
	c->channel.id = random_hex(16);
	c->channel.created = clock_now();
	record_set(&c->channel.name, json_str(body, "name"));
	record_set(&c->channel.kind, json_str(body, "kind"));
	if (body_at("owner", read_owner(r, c, json_str(body, "owner"), e), e) < 0)
		return -1;
	return read_changes(c, body, e) < 0 ? -1 : seal_url(r, e);
}

int page_channel_set(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct changing *c = request_state(r, sizeof(*c), changing_release);
	_cleanup_txn_ struct txn *t = NULL;

	if (!body || store_read(r->webui->env->store, &t, e) < 0 || channel_find(r, t, &c->channel, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	if (json_bool(body, "disabled", false) && json_bool(body, "enabled", false))
		return err_set(e, ERR_INVALID, "\"disabled\" and \"enabled\" exclude each other");
	c->channel.disabled = json_bool(body, "disabled",
					json_bool(body, "enabled", false) ? false : c->channel.disabled);
	return read_changes(c, body, e) < 0 ? -1 : seal_url(r, e);
}
