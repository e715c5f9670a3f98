/* GET /api/v1/certificates: which of them, in which order. */
#include "store/status.h"
#include "webui/list.h"

struct filters {
	bool status[STATUSES], any_status;
	char account_id[64], key_id[64], owner_id[64]; /* "": any */
	const char *tag, *staging;
};

/* "failed", or "failed,expired". */
static int read_status(const struct list *l, struct filters *f, struct err *e)
{
	_cleanup_strv_ char **words = strv_split(list_filter(l, "status") ? list_filter(l, "status") : "", ", ");
	_cleanup_buf_ struct buf known = BUF_INIT;

	f->any_status = !words || !*words;
	for (char **word = words; word && *word; word++) {
		int status = 0;

		while (status < STATUSES && !str_eq(cert_status_word((enum cert_status)status), *word))
			status++;
		if (status < STATUSES) {
			f->status[status] = true;
			continue;
		}
		for (status = 0; status < STATUSES; status++)
			buf_addf(&known, "%s%s", known.len ? ", " : "", cert_status_word((enum cert_status)status));
		err_set(e, ERR_USAGE, "there is no status \"%.40s\"; there are %s", *word, buf_str(&known));
		return err_field(e, "status");
	}
	return 0;
}

/* A name that nobody has: nothing passes. */
static int read_ids(const struct list *l, struct txn *t, struct filters *f, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	const char *of = list_filter(l, "account"), *with = list_filter(l, "key"), *owner = list_filter(l, "owner");

	if (of && rec_account_by_name(t, &account, of, e) < 0)
		return err_field(e, "account");
	if (with && rec_key_by_name(t, &key, with, e) < 0)
		return err_field(e, "key");
	if (owner && rec_user_by_name(t, &user, owner, e) < 0)
		return err_field(e, "owner");
	snprintf(f->owner_id, sizeof(f->owner_id), "%s", owner ? user.id : "");
	snprintf(f->account_id, sizeof(f->account_id), "%s", of ? account.id : "");
	snprintf(f->key_id, sizeof(f->key_id), "%s", with ? key.id : "");
	return 0;
}

static int prepare(struct list *l, struct txn *t, struct err *e)
{
	struct filters *f = l->filters;

	f->tag = list_filter(l, "tag");
	f->staging = list_filter(l, "staging");
	if (f->staging && !str_eq(f->staging, "true") && !str_eq(f->staging, "false")) {
		err_set(e, ERR_USAGE, "staging=%.40s is not understood; it is true or false", f->staging);
		return err_field(e, "staging");
	}
	return read_status(l, f, e) < 0 ? -1 : read_ids(l, t, f, e);
}

static bool has_tag(struct slice tags, const char *tag)
{
	struct slice one;

	while (record_next_text(&tags, &one))
		if (list_is(one, tag))
			return true;
	return !tag;
}

static bool is_found(const struct slice *value, const char *search)
{
	struct slice names = value[REC_cert_names], one;

	if (list_contains(value[REC_cert_name], search))
		return true;
	while (record_next_text(&names, &one))
		if (list_contains(one, search))
			return true;
	return false;
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	const struct rec_cert *cert = rec;
	const struct filters *f = l->filters;

	return (f->any_status || f->status[cert_status(cert, l->now)]) &&
	       (!f->staging || cert->staging == str_eq(f->staging, "true")) &&
	       (!*f->account_id || list_is(value[REC_cert_account_id], f->account_id)) &&
	       (!*f->key_id || list_is(value[REC_cert_key_id], f->key_id)) &&
	       (!*f->owner_id || list_is(value[REC_cert_owner_id], f->owner_id)) &&
	       has_tag(value[REC_cert_tags], f->tag) && is_found(value, l->search);
}

static int64_t by_status(const struct list *l, const void *rec)
{
	return cert_status_urgency(cert_status(rec, l->now));
}

/* Those that were never issued have no end yet: they come last. */
static int64_t by_expiry(const struct list *l, const void *rec)
{
	const struct rec_cert *cert = rec;

	return cert->current ? cert->not_after : INT64_MAX;
}

static int64_t by_issue(const struct list *l, const void *rec)
{
	const struct rec_cert *cert = rec;

	return cert->issued;
}

static int64_t by_renewal(const struct list *l, const void *rec)
{
	const struct rec_cert *cert = rec;

	return cert->renew_at ? cert->renew_at : INT64_MAX;
}

static json_t *show(struct txn *t, const void *rec)
{
	return admin_show_one_cert(t, rec);
}

int page_certs(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = {
		{ "name", NULL },       { "status", by_status },   { "expiry", by_expiry },
		{ "issued", by_issue }, { "renewal", by_renewal }, { NULL, NULL },
	};
	static const struct list_type type = { "certificates", &rec_cert_type, REC_cert_name, prepare,
					       wanted,         sorts,          show };

	return list_reply(r, &type, sizeof(struct filters), e);
}
