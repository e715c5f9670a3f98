/*
 * POST /api/v1/certificates/NAME: changes to one that is there.
 * Other names or another type of key: it is ordered again.
 */
#include "base/clock.h"
#include "pki/identifier.h"
#include "pki/key.h"
#include "store/agenda.h"
#include "store/status.h"
#include "webui/admin.h"
#include "webui/name.h"
#include "webui/proof.h"

#define DAY 86400
#define DAYS_MOST 3650
#define TAG_MOST 50
#define TAGS_MOST 20
#define NOTE_MOST 4000

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
static int read_tags(const json_t *body, char ***tags, struct err *e)
{
	const char *text = json_str(body, "tags");
	_cleanup_strv_ char **list = text ? strv_split(text, ", ") : json_strv(body, "tags");

	for (char **tag = list; tag && *tag; tag++) {
		size_t len = strlen(*tag);

		if (!len || len > TAG_MOST || strpbrk(*tag, ", \t\r\n"))
			return err_set(e, ERR_INVALID,
				       "the tag \"%.60s\" is not a word of 1 to %d bytes without comma and space", *tag,
				       TAG_MOST);
		if (!strv_has(*tags, *tag))
			strv_add(tags, *tag);
	}
	if (strv_len(*tags) > TAGS_MOST)
		return err_set(e, ERR_INVALID, "%zu tags are too many: at most %d do", strv_len(*tags), TAGS_MOST);
	return 0;
}

int admin_read_labels(const json_t *body, struct rec_cert *cert, struct err *e)
{
	_cleanup_strv_ char **tags = NULL;
	const char *note = json_str(body, "note");
	int changed = 0;

	if (body_at("tags", read_tags(body, &tags, e), e) < 0)
		return -1;
	if (note && strlen(note) > NOTE_MOST)
		return body_at("note", err_set(e, ERR_INVALID, "a note has at most %d bytes, and this has %zu",
					       NOTE_MOST, strlen(note)), e);
	if (json_object_get(body, "tags") && !strv_eq(tags, cert->tags)) {
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
struct change {
	bool reissue;		/* other names, another key */
	bool account;		/* another account */
	bool order;		/* is to be ordered now; reissue means that too */
	bool replan;
	struct buf said;	/* for the event */
};

static void change_release(struct change *c)
{
	buf_release(&c->said);
}

static void say(struct change *c, const char *what)
{
	buf_addf(&c->said, "%s%s", c->said.len ? ", " : "", what);
}

static int set_names(struct request *r, struct rec_cert *cert, const json_t *body, struct change *c, struct err *e)
{
	_cleanup_strv_ char **names = NULL;

	if (!json_object_get(body, "names") && !json_object_get(body, "challenge"))
		return 0;
	if (json_object_get(body, "names") && admin_read_names(body, &names, e) < 0)
		return -1;
	if (names && admin_is_site(r, names) != cert->site) {
		err_set(e, ERR_CONFLICT,
			"this server's own name can be neither added to a certificate nor taken from it");
		err_hint(e, "Its key has to be of another kind: add a certificate of its own for that name.");
		return err_field(e, "names");
	}
	if (names && !strv_eq(names, cert->names)) {
		strv_free(cert->names);
		cert->names = TAKE(names);
		c->reissue = true;
		say(c, "names");
	}
	if (json_str(body, "challenge"))
		say(c, "challenge");
	return proof_change(cert, json_str(body, "challenge"), e);
}

static int set_key(struct rec_cert *cert, const json_t *body, struct change *c, struct err *e)
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

static int set_fallback(struct txn *t, struct rec_cert *cert, const json_t *body, struct change *c, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	const char *name = json_str(body, "fallback");

	if (!name)
		return 0;
	say(c, "fallback account");
	if (!*name) {
		record_set(&cert->fallback_id, NULL);
		return 0;
	}
	if (name_check(name, e) < 0)
		return -1;
	if (rec_account_by_name(t, &account, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_CONFLICT, "there is no account %s", name) : -1;
	if (str_eq(account.id, cert->account_id))
		return err_set(e, ERR_CONFLICT, "the account %s orders it already", name);
	if (account.staging != cert->staging)
		return err_set(e, ERR_CONFLICT, "of the certificate's account and %s, one is for testing only", name);
	record_set(&cert->fallback_id, account.id);
	return 0;
}

static int set_labels(struct rec_cert *cert, const json_t *body, struct change *c, struct err *e)
{
	int changed = admin_read_labels(body, cert, e);

	if (changed > 0)
		say(c, "tags or note");
	return MIN(changed, 0);
}

static int set_account(struct txn *t, struct rec_cert *cert, const json_t *body, struct change *c, struct err *e)
{
	const char *name = json_str(body, "account");

	if (!name)
		return 0;
	c->account = true;
	say(c, cert->staging ? "account of the staging certificate" : "account");
	return admin_set_account(t, cert, name, &c->order, e);
}

/* What the CA can choose from; "" leaves it to the CA. */
static int set_choices(struct txn *t, struct rec_cert *cert, const json_t *body, struct change *c, struct err *e)
{
	const char *profile = json_str(body, "profile"), *chain = json_str(body, "preferred_chain");
	_cleanup_(rec_account_release) struct rec_account account = { 0 };

	if (chain) {
		record_set(&cert->preferred_chain, *chain ? chain : NULL);
		say(c, "preferred chain");
	}
	if (!profile)
		return 0;
	record_set(&cert->profile, *profile ? profile : NULL);
	say(c, "profile");
	if (json_str(body, "account"))	/* whose profiles count then */
		return 0;
	return rec_account_get(t, &account, cert->account_id, e) < 0 ? -1 :
		       admin_check_profile(&account, cert->profile, e);
}

static int set_flags(struct rec_cert *cert, const json_t *body, struct change *c, struct err *e)
{
	const char *preflight = json_str(body, "preflight");
	bool on = json_bool(body, "enabled", false), off = json_bool(body, "disabled", false);
	int64_t before = cert->renew_before;

	if (preflight && !str_eq(preflight, "on") && !str_eq(preflight, "off"))
		return body_at("preflight",
			       err_set(e, ERR_INVALID, "\"preflight\" is on or off, not \"%.40s\"", preflight), e);
	if (on && off)
		return body_at("enabled", err_set(e, ERR_INVALID, "it cannot be both \"enabled\" and \"disabled\""), e);
	if (admin_read_renew_before(body, &cert->renew_before, e) < 0)
		return -1;
	if (before != cert->renew_before)
		say(c, "time of renewal");
	if (preflight) {
		cert->no_preflight = str_eq(preflight, "off");
		say(c, "check of its web servers");
	}
	if (on || off) {
		cert->disabled = off;
		say(c, off ? "switched off" : "switched on");
	}
	c->replan = before != cert->renew_before || on;
	return 0;
}

/* Whether it is looked for where its names lead. */
static int set_live(struct txn *t, struct rec_cert *cert, const json_t *body, struct change *c, struct err *e)
{
	const char *live = json_str(body, "live");

	if (!live)
		return 0;
	if (!str_eq(live, "on") && !str_eq(live, "off"))
		return err_set(e, ERR_INVALID, "\"live\" is on or off, not \"%.40s\"", live);
	cert->no_live = str_eq(live, "off");
	cert->live_says = DELIVERY_UNKNOWN;
	say(c, cert->no_live ? "not looked for any more" : "looked for");
	return agenda_set(t, AGENDA_live, cert->id, clock_now(), e);
}

/* Ordered again at once; or its renewal planned anew by the engine, which knows how. */
static int plan(struct txn *t, struct rec_cert *cert, const struct change *c, struct err *e)
{
	if (cert->disabled)
		return agenda_delete(t, AGENDA_issue, cert->id, e);
	if (c->reissue || c->order) {
		cert->wanted = true;
		return agenda_set(t, AGENDA_issue, cert->id, clock_now(), e);
	}
	if (c->replan && cert->current)
		return cert->renew_at = 0, agenda_set(t, AGENDA_renewal, cert->id, clock_now(), e);
	return c->replan ? agenda_set(t, AGENDA_issue, cert->id, clock_now(), e) : 0;
}

int page_cert_set(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(change_release) struct change c = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (!body || store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    set_names(r, &cert, body, &c, e) < 0 || body_at("names", admin_check_names(r, cert.names, e), e) < 0 ||
	    set_key(&cert, body, &c, e) < 0 || set_choices(t, &cert, body, &c, e) < 0 ||
	    body_at("account", set_account(t, &cert, body, &c, e), e) < 0 ||
	    body_at("fallback", set_fallback(t, &cert, body, &c, e), e) < 0 || set_flags(&cert, body, &c, e) < 0 ||
	    body_at("live", set_live(t, &cert, body, &c, e), e) < 0 || set_labels(&cert, body, &c, e) < 0)
		return -1;
	if (c.reissue && cert.own_csr) {
		err_set(e, ERR_CONFLICT, "the names and the key of %s are those of a request that a person sent",
			cert.name);
		return err_hint(e, "Send another request: certeractl cert csr %s --file FILE.", cert.name);
	}
	if ((c.reissue || c.account) && cert.open_order) {
		err_set(e, ERR_CONFLICT, "an order of %s is under way, with its names, key and account as they were",
			cert.name);
		return err_hint(e, "Try again when it has ended.");
	}
	if (!c.said.len)
		return err_set(e, ERR_INVALID, "nothing is to be changed");
	if (plan(t, &cert, &c, e) < 0 || rec_cert_put(t, &cert, e) < 0 ||
	    admin_event(r, t, "certificate.changed", cert.id, cert.name, e, "changed: %s", buf_str(&c.said)) < 0)
		return -1;
	answer = admin_show_one_cert(t, &cert);
	json_put_bool(answer, "ordered", (c.reissue || c.order) && !cert.disabled);
	return admin_commit_reply(r, TAKE(t), true, 200, answer, e);
}
