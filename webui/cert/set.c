/*
 * POST /api/v1/certificates/NAME: changes to one that is there.
 * Other names or another type of key: it is ordered again.
 */
#include "base/clock.h"
#include "pki/file/mailbox.h"
#include "pki/identifier.h"
#include "pki/key.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/status.h"
#include "webui/cert/challenge.h"
#include "webui/cert/detail.h"
#include "webui/cert/set_key.h"
#include "webui/guide/install.h"
#include "webui/http/handler.h"
#include "webui/http/name.h"
#include "webui/order/dry.h"

#define DAY 86400
#define DAYS_MOST 3650
#define TAG_MOST 50
#define TAGS_MOST 20
#define NOTE_MOST 4000
#define CONTACTS_MOST 20

int admin_read_names(const json_t *body, char ***names, struct err *e)
{
	const char *text = json_str(body, "names");
	_cleanup_strv_ char **list = json_strv(body, "names");

	*names = text ? identifier_list(text, e) : identifier_list_of(list, e);
	if (!*names || !**names)
		return body_at("names", *names ? err_set(e, ERR_INVALID, "\"names\" has no identifier in it") : -1, e);
	return 0;
}

int admin_read_key_type(const json_t *body, char **out, struct err *e)
{
	const char *word = json_str(body, "key_type");
	enum key_type type;

	if (!word)
		return 0;
	if (key_type_by_word(word, &type, e) < 0)
		return err_field(e, "key_type");
	if (!key_type_makeable(type))
		return body_at("key_type",
			       err_set(e, ERR_INVALID, "keys of type %s can be imported, but not made", word), e);
	record_set(out, word);
	return 0;
}

int admin_read_days(const json_t *body, const char *member, int64_t *seconds, struct err *e)
{
	const char *text = json_str(body, member);
	char *end;
	long days;

	if (!text)
		return 0;
	days = strtol(text, &end, 10);
	if (end == text || *end || days < 0 || days > DAYS_MOST)
		return body_at(member, err_set(e, ERR_INVALID, "\"%s\" is a number of days from 0 to %d, not \"%.40s\"",
					       member, DAYS_MOST, text), e);
	*seconds = days * (int64_t)DAY;
	return 0;
}

int admin_read_renew_before(const json_t *body, int64_t *seconds, struct err *e)
{
	return admin_read_days(body, "renew_before", seconds, e);
}

/* Separated by commas or spaces where they are one text; each once. */
static int add_tags(const json_t *body, const char *member, char ***tags, struct err *e)
{
	const char *text = json_str(body, member);
	_cleanup_strv_ char **list = text ? strv_split(text, ", ") : json_strv(body, member);

	for (char **tag = list; tag && *tag; tag++) {
		size_t len = strlen(*tag);

		if (!len || len > TAG_MOST || strpbrk(*tag, ", \t\r\n")) {
			err_set(e, ERR_INVALID,
				"the tag \"%.60s\" is not a word of 1 to %d bytes without comma and space", *tag,
				TAG_MOST);
			return err_field(e, member);
		}
		if (!strv_has(*tags, *tag))
			strv_add(tags, *tag);
	}
	if (strv_len(*tags) <= TAGS_MOST)
		return 0;
	err_set(e, ERR_INVALID, "%zu tags are too many: at most %d do", strv_len(*tags), TAGS_MOST);
	return err_field(e, member);
}

/* Those given, or those it has; without some, and with others. */
static int read_tags(const json_t *body, const struct rec_cert *cert, char ***tags, struct err *e)
{
	_cleanup_strv_ char **without = NULL, **now = NULL;

	if (add_tags(body, "remove_tags", &without, e) < 0 || add_tags(body, "tags", &now, e) < 0)
		return -1;
	for (char **tag = json_object_get(body, "tags") ? now : cert->tags; tag && *tag; tag++)
		if (!strv_has(without, *tag))
			strv_add(tags, *tag);
	return add_tags(body, "add_tags", tags, e);
}

/* Separated by commas or lines where they are one text; each once. */
static int read_contacts(const json_t *body, char ***contacts, struct err *e)
{
	const char *text = json_str(body, "contacts");
	_cleanup_strv_ char **list = text ? strv_split(text, ",\n") : json_strv(body, "contacts");

	for (char **one = list; one && *one; one++) {
		_cleanup_free_ char *address = NULL;

		if (!(*one)[strspn(*one, " \t\r")])
			continue;
		address = mailbox_address(*one, e);
		if (!address)
			return -1;
		if (!strv_has(*contacts, address))
			strv_add(contacts, address);
	}
	if (strv_len(*contacts) > CONTACTS_MOST)
		return err_set(e, ERR_INVALID, "%zu contacts are too many: at most %d do", strv_len(*contacts),
			       CONTACTS_MOST);
	return 0;
}

/* 1: others are told of it from now on. */
static int read_told(const json_t *body, struct rec_cert *cert, struct err *e)
{
	_cleanup_strv_ char **contacts = NULL;

	if (body_at("contacts", read_contacts(body, &contacts, e), e) < 0)
		return -1;
	if (!json_object_get(body, "contacts") || strv_eq(contacts, cert->contacts))
		return 0;
	strv_free(cert->contacts);
	cert->contacts = TAKE(contacts);
	return 1;
}

int admin_read_labels(const json_t *body, struct rec_cert *cert, struct err *e)
{
	_cleanup_strv_ char **tags = NULL;
	const char *note = json_str(body, "note");
	int changed = read_told(body, cert, e);

	if (changed < 0 || read_tags(body, cert, &tags, e) < 0)
		return -1;
	if (note && strlen(note) > NOTE_MOST)
		return body_at("note", err_set(e, ERR_INVALID, "a note has at most %d bytes, and this has %zu",
					       NOTE_MOST, strlen(note)), e);
	if (!strv_eq(tags, cert->tags)) {
		strv_free(cert->tags);
		cert->tags = TAKE(tags);
		changed = 1;
	}
	if (note && !str_eq(note, cert->note ? cert->note : "")) {
		record_set(&cert->note, note);
		changed = 1;
	}
	return changed;
}

/* What a change amounts to. */
struct set_change {
	bool reissue;		/* other names, another key */
	bool account;		/* another account */
	bool order;		/* is to be ordered now; reissue means that too */
	bool replan;		/* another time of renewal */
	bool enabled;
	struct buf said;	/* for the event */
};

static void change_release(struct set_change *c)
{
	buf_release(&c->said);
}

static void say(struct set_change *c, const char *what)
{
	buf_addf(&c->said, "%s%s", c->said.len ? ", " : "", what);
}

/* What is there already is no change. */
static void set_text(char **field, const char *text, const char *what, struct set_change *c)
{
	if (str_eq(*field ? *field : "", text ? text : ""))
		return;
	record_set(field, text);
	say(c, what);
}

static void set_flag(bool *field, bool value, const char *what, struct set_change *c)
{
	if (*field == value)
		return;
	*field = value;
	say(c, what);
}

static int set_names(struct request *r, struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	_cleanup_strv_ char **names = NULL;

	if (!json_object_get(body, "names") && !json_object_get(body, "challenge"))
		return 0;
	if (json_object_get(body, "names") && admin_read_names(body, &names, e) < 0)
		return -1;
	if (names && admin_is_site(r, names) != cert->site) {
		err_set(e, ERR_CONFLICT,
			"this server's own name can be neither added to a certificate nor taken from it");
		err_hint(e, "This name needs a different kind of key: add a separate certificate for it.");
		return err_field(e, "names");
	}
	if (names && !strv_eq(names, cert->names)) {
		admin_take_names(r, cert, TAKE(names));
		detail_names_changed(cert);
		c->reissue = true;
		say(c, "names");
	}
	if (json_str(body, "challenge") && !str_eq(json_str(body, "challenge"),
						   cert->challenge && *cert->challenge ? cert->challenge : "http-01"))
		say(c, "challenge");
	return proof_change(cert, json_str(body, "challenge"), e);
}

static int set_key(struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	_cleanup_free_ char *word = NULL;

	if (admin_read_key_type(body, &word, e) < 0)
		return -1;
	if (!word || str_eq(word, cert->key_type))
		return 0;
	record_set(&cert->key_type, word);
	cert->new_key = true;
	c->reissue = true;
	say(c, "type of the key");
	return 0;
}

static int set_key_reuse(struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	const char *word = json_str(body, "key_reuse");
	bool changed = false;

	if (word && cert->own_csr)
		return err_set(e, ERR_CONFLICT, "the key of %s is its owner's: its request says which", cert->name);
	if (admin_set_key_reuse(cert, word, &changed, e) < 0)
		return -1;
	if (changed)
		say(c, "whether its key is kept");
	return 0;
}

static int set_fallback(struct txn *t, struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	const char *name = json_str(body, "fallback");

	if (!name)
		return 0;
	if (!*name) {
		set_text(&cert->fallback_id, NULL, "fallback account", c);
		return 0;
	}
	if (name_check(name, e) < 0)
		return -1;
	if (rec_account_by_name(t, &account, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_CONFLICT, "there is no account %s", name) : -1;
	if (str_eq(account.id, cert->account_id))
		return err_set(e, ERR_CONFLICT, "the account %s already orders this certificate", name);
	if (account.staging != cert->staging)
		return err_set(e, ERR_CONFLICT, "of the certificate's account and %s, one is for testing only", name);
	if (admin_check_orders(&account, e) < 0)
		return -1;
	set_text(&cert->fallback_id, account.id, "fallback account", c);
	return 0;
}

static int set_server_type(struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	const char *word = json_str(body, "server_type");

	if (install_check(word, e) < 0)
		return -1;
	if (word)
		set_text(&cert->server_type, *word ? word : NULL, "type of server", c);
	return 0;
}

static int set_labels(struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	int changed = admin_read_labels(body, cert, e);

	if (changed > 0)
		say(c, "tags, note or contacts");
	return MIN(changed, 0);
}

static int set_details(struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	int changed = detail_change(cert, body, e);

	if (changed > 0)
		say(c, "details of its requests");
	return MIN(changed, 0);
}

static int set_account(struct txn *t, struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	const char *name = json_str(body, "account");
	bool staging = cert->staging;

	if (!name)
		return 0;
	if (admin_set_account(t, cert, name, &c->account, &c->order, e) < 0)
		return -1;
	if (c->account)
		say(c, staging ? "account of the staging certificate" : "account");
	return 0;
}

/* What the CA can choose from; "" leaves it to the CA. */
static int set_choices(struct txn *t, struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	const char *profile = json_str(body, "profile"), *chain = json_str(body, "preferred_chain");
	_cleanup_(rec_account_release) struct rec_account account = { 0 };

	if (chain && !str_eq(chain, cert->preferred_chain ? cert->preferred_chain : "")) {
		set_text(&cert->preferred_chain, *chain ? chain : NULL, "preferred chain", c);
		cert->chain_missed = false;
	}
	if (!profile)
		return 0;
	set_text(&cert->profile, *profile ? profile : NULL, "profile", c);
	if (json_str(body, "account"))	/* whose profiles count then */
		return 0;
	return rec_account_get(t, &account, cert->account_id, e) < 0 ? -1 :
		       admin_check_profile(&account, cert->profile, e);
}

static int set_flags(struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	const char *preflight = json_str(body, "preflight");
	bool on = json_bool(body, "enabled", false), off = json_bool(body, "disabled", false);
	int64_t before = cert->renew_before;

	if (preflight && !str_eq(preflight, "on") && !str_eq(preflight, "off"))
		return body_at("preflight",
			       err_set(e, ERR_INVALID, "\"preflight\" is on or off, not \"%.40s\"", preflight), e);
	if (on && off)
		return body_at("enabled", err_set(e, ERR_INVALID, "\"enabled\" and \"disabled\" exclude each other"),
			       e);
	if (admin_read_renew_before(body, &cert->renew_before, e) < 0)
		return -1;
	if (before != cert->renew_before)
		say(c, "time of renewal");
	if (preflight)
		set_flag(&cert->no_preflight, str_eq(preflight, "off"), "check of its web servers", c);
	on &= cert->disabled;
	if (on || off)
		set_flag(&cert->disabled, off, off ? "disabled" : "enabled", c);
	c->order |= on && cert->compromised;	/* which could not be replaced while it was off */
	c->replan = before != cert->renew_before;
	c->enabled = on;
	return 0;
}

/* Who publishes the answers.  An order under way has begun with what was so then. */
static int set_by_hand(struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	const char *word = json_str(body, "by_hand");

	if (!word)
		return 0;
	if (!str_eq(word, "on") && !str_eq(word, "off"))
		return err_set(e, ERR_INVALID, "\"by_hand\" is on or off, not \"%.40s\"", word);
	if (cert->by_hand == str_eq(word, "on"))
		return 0;
	if (cert->open_order) {
		err_set(e, ERR_CONFLICT, "an order of %s is in progress", cert->name);
		return err_hint(e, "Try again when the order has ended, or cancel it.");
	}
	set_flag(&cert->by_hand, str_eq(word, "on"), str_eq(word, "on") ? "published by hand" : "not published by hand",
		 c);
	return 0;
}

/* Whether it is looked for where its names lead. */
static int set_live(struct txn *t, struct rec_cert *cert, const json_t *body, struct set_change *c, struct err *e)
{
	const char *live = json_str(body, "live");

	if (!live)
		return 0;
	if (!str_eq(live, "on") && !str_eq(live, "off"))
		return err_set(e, ERR_INVALID, "\"live\" is on or off, not \"%.40s\"", live);
	if (cert->no_live == str_eq(live, "off"))
		return 0;
	cert->no_live = str_eq(live, "off");
	cert->live_says = DELIVERY_UNKNOWN;
	say(c, cert->no_live ? "live check off" : "live check on");
	return agenda_set(t, AGENDA_live, cert->id, clock_now(), e);
}

/* Ordered again at once; or its renewal planned anew by the engine, which knows how. */
static int plan(struct txn *t, struct rec_cert *cert, const struct set_change *c, struct err *e)
{
	bool replan = (c->replan || c->enabled) && cert->current && !cert->imported;

	if (cert->disabled)
		return cert_plan(t, cert, CERT_disabled, e);
	if (c->reissue || c->order)
		return MIN(cert_wish(t, cert, e), 0);
	if (replan)
		cert->renew_at = 0;
	if (c->enabled && (cert_plan(t, cert, CERT_enabled, e) < 0 ||
			   (cert->current && agenda_set(t, AGENDA_live, cert->id, clock_now(), e) < 0)))
		return -1;
	return replan ? agenda_set(t, AGENDA_renewal, cert->id, clock_now(), e) : 0;
}

struct set_request {
	struct set_key key;	/* first: set_key_ask() has the state as that */
	json_t *body;
	bool dry;
};

static void set_request_release(void *state)
{
	struct set_request *s = state;

	set_key_release(&s->key);
	cleanup_body(&s->body);
}

static int set_other_key(struct request *r, struct txn *t, const struct set_key *k, struct rec_cert *cert,
			 struct set_change *c, struct err *e)
{
	int changed = set_key_put(r, t, k, cert, e);

	if (changed <= 0)
		return changed;
	c->reissue = true;
	buf_addf(&c->said, "%skey, now %s", c->said.len ? ", " : "", k->key.name);
	return 0;
}

/* Each member of the body that is there. */
static int set_all(struct request *r, struct txn *t, struct rec_cert *cert, struct set_request *s, struct set_change *c,
		   struct err *e)
{
	const json_t *body = s->body;

	return set_names(r, cert, body, c, e) < 0 || body_at("names", admin_check_names(r, cert->names, e), e) < 0 ||
			       set_other_key(r, t, &s->key, cert, c, e) < 0 || set_key(cert, body, c, e) < 0 ||
			       body_at("key_reuse", set_key_reuse(cert, body, c, e), e) < 0 ||
			       set_choices(t, cert, body, c, e) < 0 || set_details(cert, body, c, e) < 0 ||
			       body_at("account", set_account(t, cert, body, c, e), e) < 0 ||
			       body_at("fallback", set_fallback(t, cert, body, c, e), e) < 0 ||
			       set_flags(cert, body, c, e) < 0 ||
			       body_at("by_hand", set_by_hand(cert, body, c, e), e) < 0 ||
			       body_at("live", set_live(t, cert, body, c, e), e) < 0 ||
			       body_at("server_type", set_server_type(cert, body, c, e), e) < 0 ||
			       set_labels(cert, body, c, e) < 0
		       ? -1
		       : 0;
}

static int check_change(const struct rec_cert *cert, const struct set_change *c, struct err *e)
{
	if (c->reissue)
		return set_check_reissue(cert, e);
	if (!c->account || !cert->open_order)
		return 0;
	err_set(e, ERR_CONFLICT, "an order of %s is in progress, with its names, key and account as they were",
		cert->name);
	return err_hint(e, "Try again when the order has ended.");
}

/* A new key's API keys are shown only in this answer. */
static json_t *show_changed(struct txn *t, const struct rec_cert *cert, const struct set_change *c,
			    const struct set_key *k)
{
	json_t *answer = admin_show_one_cert(t, cert);

	json_put_bool(answer, "ordered", (c->reissue || c->order) && !cert->disabled);
	json_put_bool(answer, "key_changed", k->key.name);
	if (k->is_new)
		admin_put_api_keys(answer, "key_api_keys", slice_buf(&k->field[4]), slice_buf(&k->field[5]));
	return answer;
}

static int apply(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(change_release) struct set_change c = { 0 };
	struct set_request *s = r->state;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (admin_write(r, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    set_all(r, t, &cert, s, &c, e) < 0 || check_change(&cert, &c, e) < 0)
		return -1;
	if (!json_object_size(s->body))
		return err_set(e, ERR_INVALID, "nothing to change");
	if (s->dry)
		return dry_reply(r, t, &cert, buf_str(&c.said), (c.reissue || c.order) && !cert.disabled, e);
	if (!c.said.len)
		return reply_json(r, 200, admin_show_one_cert(t, &cert));
	if (plan(t, &cert, &c, e) < 0 || rec_cert_put(t, &cert, e) < 0 ||
	    admin_event(r, t, "certificate.changed", cert.id, cert.name, e, "changed: %s", buf_str(&c.said)) < 0)
		return -1;
	answer = show_changed(t, &cert, &c, &s->key);
	return admin_commit_reply(r, TAKE(t), true, 200, answer, e);
}

int page_cert_set(struct request *r, struct err *e)
{
	struct set_request *s = request_state(r, sizeof(*s), set_request_release);

	if (dry_read(r, &s->dry, e) < 0)
		return -1;
	s->body = body_read(r, e);
	return s->body ? set_key_ask(r, &s->key, s->body, apply, e) : -1;
}

int page_cert_key(struct request *r, struct err *e)
{
	struct set_request *s = request_state(r, sizeof(*s), set_request_release);

	if (dry_read(r, &s->dry, e) < 0)
		return -1;
	s->body = body_read(r, e);
	if (!s->body)
		return -1;
	if (!json_str(s->body, "key") && !json_str(s->body, "new_key"))
		return body_at("key",
			       err_set(e, ERR_INVALID, "name a key that exists (\"key\"), or a new one (\"new_key\")"),
			       e);
	return set_key_ask(r, &s->key, s->body, apply, e);
}
