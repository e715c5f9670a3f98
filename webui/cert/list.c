/* GET /api/v1/certificates: which of them, in which order. */
#include <ctype.h>

#include "pki/identifier.h"
#include "store/status.h"
#include "webui/list/list.h"

struct filters {
	bool status[STATUSES], any_status;
	int64_t created_since, created_until, ends_since, ends_until, renews_since, renews_until;
	char **owners;			/* ids of those who have the plan asked for; NULL: no plan is */
	const char *algorithm, *profile, *key_type, *plan_id;
	char *domain_normal, *issuer_lower;
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

static void filters_release(void *filters)
{
	struct filters *f = filters;

	strv_free(f->owners);
	free(f->domain_normal);
	free(f->issuer_lower);
}

static int add_owner(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct filters *f = arg;
	_cleanup_free_ char *id = xstrndup(value[REC_user_id].data, value[REC_user_id].len);

	if (list_is(value[REC_user_plan_id], f->plan_id))
		strv_add(&f->owners, id);
	return 0;
}

/* Those whose owner has this plan. */
static int read_plan(const struct list *l, struct txn *t, struct filters *f, struct err *e)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };
	const char *name = list_filter(l, "plan");
	int result;

	if (!name)
		return 0;
	if (rec_plan_by_name(t, &plan, name, e) < 0)
		return err_field(e, "plan");
	f->plan_id = plan.id;
	strv_add(&f->owners, "");	/* none is no owner either */
	result = record_skim(t, &rec_user_type, add_owner, f, e);
	f->plan_id = NULL;
	return result;
}

static int read_more(const struct list *l, struct txn *t, struct filters *f, struct err *e)
{
	const char *domain = list_filter(l, "domain"), *issuer = list_filter(l, "issuer");

	if (list_read_time(&l->query, "created_since", 0, &f->created_since, e) < 0 ||
	    list_read_time(&l->query, "created_until", INT64_MAX, &f->created_until, e) < 0 ||
	    list_read_time(&l->query, "ends_since", 0, &f->ends_since, e) < 0 ||
	    list_read_time(&l->query, "ends_until", INT64_MAX, &f->ends_until, e) < 0 ||
	    list_read_time(&l->query, "renews_since", 0, &f->renews_since, e) < 0 ||
	    list_read_time(&l->query, "renews_until", INT64_MAX, &f->renews_until, e) < 0)
		return -1;
	f->domain_normal = domain ? identifier_normal(domain, NULL) : NULL;
	if (domain && !f->domain_normal) {
		err_set(e, ERR_USAGE, "domain=%.100s is not understood; it is a domain like example.org", domain);
		return err_field(e, "domain");
	}
	f->issuer_lower = issuer ? xstrdup(issuer) : NULL;
	for (char *c = f->issuer_lower; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return list_read_algorithm(l, &f->algorithm, e) < 0 || list_read_flag(l, "disabled", e) < 0
		       ? -1
		       : read_plan(l, t, f, e);
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
	f->profile = list_filter(l, "profile");
	f->key_type = list_filter(l, "key_type");
	f->staging = list_filter(l, "staging");
	if (f->staging && !str_eq(f->staging, "true") && !str_eq(f->staging, "false")) {
		err_set(e, ERR_USAGE, "staging=%.40s is not understood; it is true or false", f->staging);
		return err_field(e, "staging");
	}
	return read_status(l, f, e) < 0 || read_ids(l, t, f, e) < 0 ? -1 : read_more(l, t, f, e);
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

/* Is one of the names the domain, or below it? */
static bool has_domain(struct slice names, const char *domain)
{
	struct slice one;

	while (domain && record_next_text(&names, &one))
		if (list_in_domain(one, domain))
			return true;
	return !domain;
}

static bool has_owner(struct slice owner, char *const *owners)
{
	for (char *const *one = owners; one && *one; one++)
		if (**one && list_is(owner, *one))
			return true;
	return !owners;
}

/* Those without a planned renewal pass where nobody asks for one. */
static bool renews_in(const struct filters *f, const struct rec_cert *cert)
{
	if (!f->renews_since && f->renews_until == INT64_MAX)
		return true;
	return cert->renew_at && !cert->disabled && cert->renew_at >= f->renews_since &&
	       cert->renew_at < f->renews_until;
}

static bool passes_more(const struct list *l, const struct rec_cert *cert, const struct slice *value)
{
	const struct filters *f = l->filters;

	if (cert->created < f->created_since || cert->created >= f->created_until ||
	    ((f->ends_since || f->ends_until != INT64_MAX) &&
	     (!cert->current || cert->not_after < f->ends_since || cert->not_after >= f->ends_until)) ||
	    !renews_in(f, cert) || !list_flag(l, "disabled", cert->disabled))
		return false;
	return list_is(value[REC_cert_profile], f->profile) && list_is(value[REC_cert_key_type], f->key_type) &&
	       list_is_algorithm(value[REC_cert_key_type], f->algorithm) &&
	       list_contains(value[REC_cert_issuer], f->issuer_lower) &&
	       has_domain(value[REC_cert_names], f->domain_normal) && has_owner(value[REC_cert_owner_id], f->owners);
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
	       has_tag(value[REC_cert_tags], f->tag) && is_found(value, l->search) && passes_more(l, cert, value);
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

static int64_t by_creation(const struct list *l, const void *rec)
{
	const struct rec_cert *cert = rec;

	return cert->created;
}

static const char *status_of(const struct list *l, const void *rec)
{
	return cert_status_word(cert_status(rec, l->now));
}

static const char *stage_of(const struct list *l, const void *rec)
{
	return ((const struct rec_cert *)rec)->staging ? "true" : "false";
}

static json_t *show(struct txn *t, const void *rec)
{
	return admin_show_one_cert(t, rec);
}

int page_certs(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = {
		{ "name", NULL, REC_cert_name },
		{ "status", by_status, 0 },		/* it changes with the time */
		{ "expiry", by_expiry, REC_cert_not_after },
		{ "issued", by_issue, REC_cert_issued },
		{ "renewal", by_renewal, REC_cert_renew_at },
		{ "created", by_creation, REC_cert_created },
		{ NULL, NULL, 0 },
	};
	static const struct list_text texts[] = {
		{ "issuer", REC_cert_issuer },
		{ "profile", REC_cert_profile },
		{ "key_type", REC_cert_key_type },
		{ NULL, 0 },
	};
	static const struct list_facet facets[] = {
		{ .word = "status", .says = status_of },
		{ .word = "staging", .says = stage_of },
		{ .word = "tag", .field = REC_cert_tags, .several = true },
		{ .word = "account", .field = REC_cert_account_id, .names = &rec_account_type },
		{ .word = "owner", .field = REC_cert_owner_id, .names = &rec_user_type },
		{ .word = "issuer", .field = REC_cert_issuer },
		{ .word = "profile", .field = REC_cert_profile },
		{ .word = "key_type", .field = REC_cert_key_type },
		{ .word = NULL },
	};
	static const struct list_type type = {
		.member = "certificates",
		.type = &rec_cert_type,
		.name = REC_cert_name,
		.prepare = prepare,
		.wanted = wanted,
		.sorts = sorts,
		.texts = texts,
		.facets = facets,
		.show = show,
		.release = filters_release,
	};

	return list_reply(r, &type, sizeof(struct filters), e);
}
