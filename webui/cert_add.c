/* POST /api/v1/certificates: a new certificate, its key, its API keys, and the wish to have it issued. */
#include "base/clock.h"
#include "pki/identifier.h"
#include "pki/key.h"
#include "store/agenda.h"
#include "webui/admin.h"
#include "webui/name.h"

struct adding {
	struct rec_cert cert;
	struct rec_key key;		/* its id is NULL while it is to be made */
	char *account, *key_name, *key_type;
	bool new_key, issue;
	struct buf key_field[6];	/* what the keeper answered when it made the key */
};

static void adding_release(void *state)
{
	struct adding *a = state;

	rec_cert_release(&a->cert);
	rec_key_release(&a->key);
	free(a->account);
	free(a->key_name);
	free(a->key_type);
	for (size_t i = 0; i < ARRAY_SIZE(a->key_field); i++)
		buf_wipe(&a->key_field[i]);
}

/*
 * What is asked for, by itself.
 */

static int read_names(struct adding *a, const json_t *body, struct err *e)
{
	const char *text = json_str(body, "names");
	_cleanup_strv_ char **list = json_strv(body, "names");

	a->cert.names = text ? identifier_list(text, e) : identifier_list_of(list, e);
	if (!a->cert.names)
		return -1;
	if (!*a->cert.names)
		return err_set(e, ERR_INVALID, "\"names\" has no identifier in it");
	for (char **name = a->cert.names; *name; name++) {
		if (!identifier_is_wildcard(*name))
			continue;
		err_set(e, ERR_INVALID, "the wildcard %s cannot be ordered yet", *name);
		return err_hint(e, "Wildcards are proved by DNS records (dns-01), which a later version will do.");
	}
	return 0;
}

static bool is_site(const struct request *r, char *const *names)
{
	for (; *names; names++)
		if (!strcasecmp(*names, r->webui->settings->hostname))
			return true;
	return false;
}

static int read_key_type(struct adding *a, const char *word, struct err *e)
{
	enum key_type type;

	if (!word)
		return 0;
	if (key_type_by_word(word, &type, e) < 0)
		return -1;
	if (!key_type_makeable(type))
		return err_set(e, ERR_INVALID, "keys of type %s can be imported, but not made", word);
	a->key_type = xstrdup(word);
	return 0;
}

static int read_all(struct request *r, struct adding *a, struct err *e)
{
	static const struct body_member members[] = {
		{ "name", BODY_TEXT, true },
		{ "names", BODY_TEXTS, true },
		{ "account", BODY_TEXT, true },
		{ "key", BODY_TEXT, false },
		{ "key_type", BODY_TEXT, false },
		{ "key_reuse", BODY_FLAG, false },
		{ "issue", BODY_FLAG, false },
	};
	_cleanup_body_ json_t *body = BODY_READ(r, members, e);
	struct rec_cert *cert = &a->cert;

	if (!body || name_check(json_str(body, "name"), e) < 0 || read_names(a, body, e) < 0 ||
	    read_key_type(a, json_str(body, "key_type"), e) < 0)
		return -1;
	record_set(&cert->name, json_str(body, "name"));
	record_set(&a->account, json_str(body, "account"));
	record_set(&a->key_name, json_str(body, "key"));
	a->new_key = !a->key_name;
	cert->key_reuse = json_bool(body, "key_reuse", false);
	cert->site = is_site(r, cert->names);
	cert->created = clock_now();
	a->issue = json_bool(body, "issue", true);
	return 0;
}

/*
 * What it must fit: once before the keeper works for it, and again when it is put.
 */

static int fit_account(struct adding *a, struct txn *t, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(rec_cert_release) struct rec_cert other = { 0 };

	if (name_check(a->account, e) < 0)
		return -1;
	if (rec_account_by_name(t, &account, a->account, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_CONFLICT, "there is no account %s", a->account) : -1;
	record_set(&a->cert.account_id, account.id);
	a->cert.staging = account.staging;
	if (rec_cert_by_name(t, &other, a->cert.name, account.staging, e) == 0)
		return err_set(e, ERR_CONFLICT, "there is a %scertificate %s already",
			       account.staging ? "staging " : "", other.name);
	return e->kind == ERR_MISSING ? 0 : -1;
}

static int fit_new_key(struct adding *a, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key other = { 0 };

	if (rec_key_by_name(t, &other, a->cert.name, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	err_set(e, ERR_CONFLICT, "the new key would have the certificate's name, but there is a key %s already",
		other.name);
	return err_hint(e, "Say that this key is to be used (\"key\": \"%s\"), or choose another name.", other.name);
}

static int fit_own_key(struct adding *a, struct txn *t, struct err *e)
{
	rec_key_release(&a->key);
	if (name_check(a->key_name, e) < 0)
		return -1;
	if (rec_key_by_name(t, &a->key, a->key_name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_CONFLICT, "there is no key %s", a->key_name) : -1;
	if (str_eq(a->key.use, KEEPER_USE_ACCOUNT))
		return err_set(e, ERR_CONFLICT, "the key %s is an account's, not for certificates", a->key.name);
	if (a->cert.site && !str_eq(a->key.use, KEEPER_USE_SITE)) {
		err_set(e, ERR_CONFLICT, "the key %s was not made for this server's own https", a->key.name);
		return err_hint(e, "Leave \"key\" away: it then gets a key of its own.");
	}
	return 0;
}

static int fit(struct request *r, struct adding *a, struct txn *t, struct err *e)
{
	enum key_type type;

	if (fit_account(a, t, e) < 0 || (a->new_key ? fit_new_key(a, t, e) : fit_own_key(a, t, e)) < 0)
		return -1;
	if (a->key_type)
		record_set(&a->cert.key_type, a->key_type);
	else if (!a->new_key && key_type_by_word(a->key.type, &type, NULL) == 0 && key_type_makeable(type))
		record_set(&a->cert.key_type, a->key.type);
	else
		record_set(&a->cert.key_type, r->webui->settings->key_type);
	return 0;
}

/*
 * The keeper makes the key, if there is none, then the identity with its API keys; then all is put at once.
 */

static int put_new_key(struct adding *a, struct txn *t, struct err *e)
{
	struct slice field[ARRAY_SIZE(a->key_field)];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		field[i] = slice_buf(&a->key_field[i]);
	record_set(&a->key.name, a->cert.name);
	record_set(&a->key.use, a->cert.site ? KEEPER_USE_SITE : KEEPER_USE_CERTIFICATE);
	if (admin_put_key(t, &a->key, field, e) < 0)
		return -1;
	return admin_event(t, "key.added", a->key.id, a->key.name, e, "made for certificate %s, type %s", a->cert.name,
			   a->key.type);
}

static int put_cert(struct request *r, struct adding *a, struct err *e)
{
	struct rec_cert *cert = &a->cert;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || fit(r, a, t, e) < 0 ||
	    (a->new_key && put_new_key(a, t, e) < 0))
		return -1;
	record_set(&cert->key_id, a->key.id);
	if (rec_cert_put(t, cert, e) < 0 || (a->issue && agenda_set(t, AGENDA_issue, cert->id, cert->created, e) < 0) ||
	    admin_event(t, "certificate.added", cert->id, cert->name, e, "%s and %zu more, account %s, key %s",
			cert->names[0], strv_len(cert->names) - 1, a->account, a->key.name) < 0)
		return -1;
	return admin_commit(r, TAKE(t), a->issue, e);
}

static int access_made(struct request *r, const struct slice *field, struct err *e)
{
	struct adding *a = r->state;
	json_t *answer;

	record_set(&a->cert.id, field[0].data);
	record_set_blob(&a->cert.access, field[1]);
	if (put_cert(r, a, e) < 0)
		return -1;
	answer = json_object();
	json_object_set_new(answer, "certificate", admin_show_cert(&a->cert, a->account, a->key.name));
	admin_put_api_keys(answer, "api_keys", field[2], field[3]);
	if (a->new_key)
		admin_put_api_keys(answer, "key_api_keys", slice_buf(&a->key_field[4]), slice_buf(&a->key_field[5]));
	return reply_json(r, 201, answer);
}

static int make_access(struct request *r)
{
	return request_ask(r, KEEPER_access_new, NULL, 0, -1, access_made);
}

static int key_made(struct request *r, const struct slice *field, struct err *e)
{
	struct adding *a = r->state;

	for (size_t i = 0; i < ARRAY_SIZE(a->key_field); i++)
		buf_add(&a->key_field[i], field[i].data, field[i].len);
	return make_access(r);
}

static int check(struct request *r, struct adding *a, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	return store_read(r->webui->env->store, &t, e) < 0 ? -1 : fit(r, a, t, e);
}

int page_cert_add(struct request *r, struct err *e)
{
	struct adding *a = request_state(r, sizeof(*a), adding_release);

	if (read_all(r, a, e) < 0 || check(r, a, e) < 0)
		return -1;
	if (!a->new_key)
		return make_access(r);
	return REQUEST_ASK(r, key_new, -1, key_made, slice_str(a->cert.key_type),
			   slice_str(a->cert.site ? KEEPER_USE_SITE : KEEPER_USE_CERTIFICATE));
}
