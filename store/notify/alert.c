#include "store/notify/alert.h"

#include <stdarg.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/words.h"
#include "store/notify/own_channel.h"

#define TEXT_MOST 4000	/* bytes */
#define MESSAGES_MOST 300	/* of one alert: they are written with what they tell of, in one transaction */
#define KEY_BYTES 16

static const struct {
	const char *word, *title, *todo;
	enum alert_level level;
	bool by_default;
} alerts[] = {
#define ALERT(word, level, by_default, title, todo) { #word, title, todo, ALERT_LEVEL_##level, by_default },
#include "store/notify/alert.def"
#undef ALERT
};

static const char *const levels[] = { "info", "warning", "error" };

#define TAKES_recipients false
#define TAKES_url true
static const struct {
	const char *word;
	bool url;
} kinds[] = {
#define CHANNEL(word, takes, doc) { #word, TAKES_##takes },
#include "store/notify/channel.def"
#undef CHANNEL
};

/*
 * Words.
 */

const char *alert_word(enum alert alert)
{
	return alerts[alert].word;
}

const char *alert_title(enum alert alert)
{
	return alerts[alert].title;
}

bool alert_by_default(enum alert alert)
{
	return alerts[alert].by_default;
}

const char *alert_todo(enum alert alert)
{
	return alerts[alert].todo;
}

/* All of them, for sentences. */
static char *alert_words(void)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < ALERTS; i++)
		buf_addf(&text, "%s%s", i ? ", " : "", alerts[i].word);
	return buf_detach(&text);
}

int alert_by_word(const char *word, struct err *e)
{
	_cleanup_free_ char *words = alert_words();

	for (int i = 0; i < ALERTS; i++)
		if (str_eq(alerts[i].word, word))
			return i;
	return err_set(e, ERR_INVALID, "there is no alert \"%.40s\"; there are %s", word, words);
}

const char *alert_level_word(enum alert_level level)
{
	return levels[level];
}

int alert_level_by_word(const char *word, struct err *e)
{
	for (int i = 0; i < ALERT_LEVELS; i++)
		if (str_eq(levels[i], word))
			return i;
	return err_set(e, ERR_INVALID, "there is no level \"%.40s\"; it is info, warning or error", word);
}

const char *channel_kind_word(enum channel_kind kind)
{
	return kinds[kind].word;
}

int channel_kind_by_word(const char *word, struct err *e)
{
	for (int i = 0; i < CHANNEL_KINDS; i++)
		if (str_eq(kinds[i].word, word))
			return i;
	return err_set(e, ERR_INVALID,
		       "there is no kind of channel \"%.40s\"; it is email, slack, teams, discord or webhook", word);
}

bool channel_takes_url(enum channel_kind kind)
{
	return kinds[kind].url;
}

int channel_check_recipients(const struct rec_channel *channel, struct err *e)
{
	size_t count = strv_len(channel->recipients);

	if (count <= CHANNEL_RECIPIENTS_MOST)
		return 0;
	err_set(e, ERR_INVALID, "a channel has at most %d recipients, and these are %zu", CHANNEL_RECIPIENTS_MOST,
		count);
	return err_hint(e, "Use the address of a mailing list, or several channels.");
}

enum agenda_kind channel_agenda(const struct rec_channel *channel)
{
	return str_eq(channel->kind, kinds[CHANNEL_email].word) ? AGENDA_mail : AGENDA_post;
}

/*
 * Who wants it.
 */

bool channel_wants(const struct rec_channel *channel, enum alert alert, enum alert_level level)
{
	int least = channel->level && *channel->level ? alert_level_by_word(channel->level, NULL) : ALERT_LEVEL_info;

	if (channel->disabled || (int)level < least)
		return false;
	if (!strv_len(channel->alerts))
		return alerts[alert].by_default;
	return strv_has(channel->alerts, alerts[alert].word) || strv_has(channel->alerts, "all");
}

/* One alert being raised. */
struct raising {
	struct txn *txn;
	enum alert alert;
	enum alert_level level;
	const struct alert_of *of;
	const char *text;
	char *facts;			/* JSON */
	char **told;			/* addresses that get it already, through another channel */
	bool urgent;
	int messages, left_out;
	int64_t now;
};

static int add_message(struct raising *r, struct rec_channel *channel, const char *recipient, struct err *e)
{
	_cleanup_(rec_outbox_release) struct rec_outbox m = { .created = r->now, .queued = r->now, .next_at = r->now };

	if (r->messages == MESSAGES_MOST)
		return r->left_out++, 0;
	r->messages++;
	m.id = record_child_id(channel->id, ++channel->newest);
	m.key = random_hex(KEY_BYTES);
	m.subject = xasprintf("%s %s", r->of->name ? r->of->name : "Certera", alerts[r->alert].title);
	m.urgent = r->urgent;
	record_set(&m.recipient, recipient);
	record_set(&m.alert, alerts[r->alert].word);
	record_set(&m.level, levels[r->level]);
	record_set(&m.text, r->text);
	record_set(&m.object, r->of->object);
	record_set(&m.name, r->of->name);
	record_set(&m.facts, r->facts);
	record_set(&m.state, OUTBOX_QUEUED);
	if (rec_outbox_put(r->txn, &m, e) < 0)
		return -1;
	return agenda_set(r->txn, channel_agenda(channel), m.id, r->now, e);
}

static int tell_channel(struct raising *r, struct rec_channel *channel, const struct rec_user *owner, struct err *e)
{
	char *own[] = { owner->mail, NULL };
	bool posted = channel_agenda(channel) == AGENDA_post;
	char *const *to = owner->id ? own : str_eq(channel->id, OWN_CONTACTS) ? r->of->contacts : channel->recipients;

	if (r->messages == MESSAGES_MOST)
		return r->left_out += MAX((int)strv_len(to), 1), 0;
	if (posted && add_message(r, channel, NULL, e) < 0)
		return -1;
	for (; !posted && to && *to && **to; to++) {
		if (strv_has(r->told, *to))
			continue;
		strv_add(&r->told, *to);
		if (add_message(r, channel, *to, e) < 0)
			return -1;
	}
	return rec_channel_put(r->txn, channel, e);
}

/* 1: the user whose own the channel is, if it is anybody's, may know of it; 0; -1. */
static int owner_may_know(const struct raising *r, const struct rec_channel *channel, struct rec_user *owner,
			  struct err *e)
{
	if (!channel->owner_id || !*channel->owner_id)
		return 1;
	if (rec_user_get(r->txn, owner, channel->owner_id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (owner->disabled)
		return 0;
	return r->alert == ALERT_test || str_eq(owner->role, "admin") || !owner->plan_id || !*owner->plan_id ||
	       str_eq(r->of->owner_id, owner->id);
}

static int tell(struct raising *r, struct rec_channel *channel, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user owner = { 0 };
	int may = owner_may_know(r, channel, &owner, e);

	return may > 0 ? tell_channel(r, channel, &owner, e) : may;
}

/* Has a threshold of the channel been passed? */
static bool is_near_enough(const struct rec_channel *channel, const struct alert_passed *passed)
{
	struct days own;

	if (!passed)
		return true;
	if (!channel->expiring || !*channel->expiring || days_read(&own, channel->expiring, NULL) < 0)
		return days_has_between(passed->configured, passed->from, passed->below);
	return days_has_between(&own, passed->from, passed->below);
}

static int add_thresholds(void *arg, void *rec, struct err *e)
{
	const struct rec_channel *channel = rec;
	struct days own;

	if (days_read(&own, channel->expiring, NULL) == 0)
		for (int i = 0; i < own.count; i++)
			days_add(arg, own.day[i]);
	return 0;
}

int alert_thresholds(struct txn *t, const struct days *configured, struct days *all, struct err *e)
{
	*all = *configured;
	return record_each(t, &rec_channel_type, "", false, add_thresholds, all, e);
}

static int tell_if_wanted(void *arg, void *rec, struct err *e)
{
	struct raising *r = arg;

	if (!is_near_enough(rec, r->of->passed))
		return 0;
	return channel_wants(rec, r->alert, r->level) ? tell(r, rec, e) : 0;
}

static void raising_init(struct raising *r, struct txn *t, enum alert alert, const struct alert_of *of)
{
	*r = (struct raising){ .txn = t, .alert = alert, .level = alerts[alert].level, .of = of, .now = clock_now() };
	if (of->staging)
		r->level = ALERT_LEVEL_info;
	r->facts = of->facts ? json_write(of->facts) : NULL;
}

static void raising_release(struct raising *r)
{
	if (r->left_out)
		log_warn("alert %s about %s: %d messages are written, the most that one alert can have; %d more are "
			 "left out",
			 alerts[r->alert].word, r->of->name ? r->of->name : "Certera", r->messages, r->left_out);
	free(r->facts);
	strv_free(r->told);
}

static int make_contact_channel(struct txn *t, const struct alert_of *of, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };

	return of->contacts && *of->contacts ? own_channel(t, OWN_CONTACTS, &channel, e) : 0;
}

static int raise_text(struct txn *t, enum alert alert, const struct alert_of *of, const char *text, struct err *e)
{
	_cleanup_buf_ struct buf shown = BUF_INIT;
	const char *actor = txn_actor(t);
	struct raising r;
	int failed;

	txn_act_for(t, NULL);	/* whose change it is has not changed the channels */
	words_add_lines(&shown, text, strlen(text), TEXT_MOST);
	raising_init(&r, t, alert, of);
	r.text = buf_str(&shown);
	failed = make_contact_channel(t, of, e) < 0 ? -1 :
		 record_each(t, &rec_channel_type, "", false, tell_if_wanted, &r, e);
	raising_release(&r);
	txn_act_for(t, actor);
	return failed < 0 ? err_prefix(e, "writing the alert \"%s\"", alerts[alert].word) : 0;
}

int alert_raise(struct txn *t, enum alert alert, const struct alert_of *of, struct err *e, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	return raise_text(t, alert, of, text, e);
}

static json_t *cert_facts(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_buf_ struct buf names = BUF_INIT;
	char until[CLOCK_RFC3339_SIZE];
	json_t *facts = json_object();

	for (size_t i = 0; i < strv_len(cert->names); i++)
		buf_addf(&names, "%s%s", i ? ", " : "", cert->names[i]);
	json_put_str(facts, "certificate", cert->name);
	json_put_str(facts, "names", buf_str(&names));
	if (cert->current)
		json_put_str(facts, "valid until", clock_rfc3339(until, cert->not_after));
	if (rec_account_get(t, &account, cert->account_id, NULL) == 0)
		json_put_str(facts, "account", account.name);
	if (cert->staging)
		json_put_str(facts, "staging", "yes: for testing only");
	return facts;
}

int alert_raise_cert(struct txn *t, enum alert alert, const struct rec_cert *cert, struct err *e, const char *fmt, ...)
{
	_cleanup_json_ json_t *facts = cert_facts(t, cert);
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	return raise_text(t, alert,
			  &(struct alert_of){ .object = cert->id,
					      .name = cert->name,
					      .staging = cert->staging,
					      .facts = facts,
					      .owner_id = cert->owner_id,
					      .contacts = cert->contacts },
			  text, e);
}

int alert_raise_expiring(struct txn *t, const struct rec_cert *cert, const struct alert_passed *passed,
			 const char *text, struct err *e)
{
	_cleanup_json_ json_t *facts = cert_facts(t, cert);

	return raise_text(t, ALERT_expiring, &(struct alert_of){ .object = cert->id, .name = cert->name,
								 .staging = cert->staging, .facts = facts,
								 .owner_id = cert->owner_id, .contacts = cert->contacts,
								 .passed = passed },
			  text, e);
}

int alert_raise_account(struct txn *t, enum alert alert, const struct rec_account *account, struct err *e,
			const char *fmt, ...)
{
	_cleanup_json_ json_t *facts = json_object();
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	json_put_str(facts, "account", account->name);
	json_put_str(facts, "directory", account->directory);
	return raise_text(t, alert,
			  &(struct alert_of){ .object = account->id,
					      .name = account->name,
					      .staging = account->staging,
					      .facts = facts },
			  text, e);
}

char *alert_sentences(const struct err *why)
{
	size_t len = strlen(why->detail);
	struct buf text = BUF_INIT;

	while (len && (why->detail[len - 1] == '.' || why->detail[len - 1] == '\n'))
		len--;
	buf_addf(&text, "%s%s%.*s.", why->message, len ? ": " : "", (int)len, why->detail);
	if (why->hint[0])
		buf_addf(&text, " %s", why->hint);
	return buf_detach(&text);
}

int alert_test(struct txn *t, struct rec_channel *channel, struct err *e)
{
	struct alert_of of = { .object = channel->id, .name = channel->name };
	struct raising r;
	int failed;

	raising_init(&r, t, ALERT_test, &of);
	r.text = "This message shows that alerts reach you.";
	r.urgent = true;
	failed = tell(&r, channel, e);
	raising_release(&r);
	return failed;
}
