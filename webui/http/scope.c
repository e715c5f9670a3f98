#include "webui/http/scope.h"

#include "pki/identifier.h"
#include "pki/service.h"

void scope_release(struct scope *s)
{
	free(s->user_id);
	strv_free(s->plan);
	strv_free(s->only);
	*s = (struct scope){ .own = false };
}

bool scope_limited(const struct scope *s)
{
	return s->own || s->only;
}

static bool is_in(const char *name, const char *domain)
{
	const char *base = identifier_base(name);
	size_t len = strlen(base), tail = strlen(domain);

	if (!strcasecmp(base, domain))
		return true;
	return !identifier_is_ip(base) && len > tail && base[len - tail - 1] == '.' &&
	       !strcasecmp(base + len - tail, domain);
}

/* The first name that is in none of them; NULL: there is none. */
static const char *outside(char *const *names, char *const *domains)
{
	for (; names && *names; names++) {
		char *const *domain = domains;

		while (*domain && !is_in(*names, *domain))
			domain++;
		if (!*domain)
			return *names;
	}
	return NULL;
}

static bool is_own(const struct scope *s, const char *owner_id)
{
	return !s->own || (owner_id && *owner_id && str_eq(owner_id, s->user_id));
}

bool scope_has_cert(const struct scope *s, const struct rec_cert *cert)
{
	return is_own(s, cert->owner_id) && (!s->only || !outside(cert->names, s->only));
}

/* A key has no names: a token that is limited to some does not get at keys by themselves. */
bool scope_has_key(const struct scope *s, const struct rec_key *key)
{
	return is_own(s, key->owner_id) && !s->only;
}

/* The texts of a list as it is stored; owned. */
static char **texts_of(struct slice list)
{
	struct slice text;
	char **v = NULL;

	while (record_next_text(&list, &text)) {
		_cleanup_free_ char *copy = xstrndup(text.data, text.len);

		strv_add(&v, copy);
	}
	return v;
}

bool scope_has_site(const struct scope *s, const char *name)
{
	struct service service;
	bool has;

	if (!scope_limited(s))
		return true;
	if (service_parse(&service, name, NULL) < 0)
		return false;
	has = (!s->own || (s->plan && !outside((char *const[]){ service.host, NULL }, s->plan))) &&
	      (!s->only || !outside((char *const[]){ service.host, NULL }, s->only));
	service_release(&service);
	return has;
}

int scope_check_site(const struct scope *s, const char *name, struct err *e)
{
	return scope_has_site(s, name) ? 0 :
		       err_set(e, ERR_DENIED, "the site %s is in none of the domains that are yours", name);
}

bool scope_has_row(const struct scope *s, const struct record_type *type, const struct slice *value)
{
	bool cert = type == &rec_cert_type;
	struct slice owner = slice(NULL, 0);
	_cleanup_strv_ char **names = NULL;

	if (scope_limited(s) && type == &rec_site_type) {
		_cleanup_free_ char *name = xstrndup(value[REC_site_name].data, value[REC_site_name].len);

		return scope_has_site(s, name);
	}
	if (!scope_limited(s) || (!cert && type != &rec_key_type))
		return true;
	owner = value[cert ? (int)REC_cert_owner_id : (int)REC_key_owner_id];
	if (s->own && (!owner.len || !slice_eq(owner, slice_str(s->user_id))))
		return false;
	if (!s->only)
		return true;
	names = cert ? texts_of(value[REC_cert_names]) : NULL;
	return cert && !outside(names, s->only);
}

bool scope_has_id(const struct scope *s, struct txn *t, const char *id)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_site_release) struct rec_site site = { 0 };

	if (!scope_limited(s))
		return true;
	if (!id || !*id)
		return false;
	if (rec_cert_get(t, &cert, id, NULL) == 0)
		return scope_has_cert(s, &cert);
	if (rec_site_get(t, &site, id, NULL) == 0)
		return scope_has_site(s, site.name);
	return rec_key_get(t, &key, id, NULL) == 0 && scope_has_key(s, &key);
}

/*
 * All of them at once.
 */

struct gathering {
	const struct scope *scope;
	const struct record_type *type;
	struct scope_ids *ids;
};

static int gather(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct gathering *g = arg;
	struct scope_ids *ids = g->ids;

	if (!scope_has_row(g->scope, g->type, value))
		return 0;
	if (ids->count == ids->room) {
		ids->room = ids->room ? ids->room * 2 : 64;
		ids->id = xreallocarray(ids->id, ids->room, sizeof(*ids->id));
	}
	ids->id[ids->count++] = value[0];
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	size_t shared = MIN(x->len, y->len);
	int order = shared ? memcmp(x->data, y->data, shared) : 0;

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

int scope_ids(const struct scope *s, struct txn *t, struct scope_ids *ids, struct err *e)
{
	const struct record_type *const types[] = { &rec_cert_type, &rec_key_type, &rec_site_type };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (record_skim(t, types[i], gather, &(struct gathering){ s, types[i], ids }, e) < 0)
			return -1;
	if (ids->count)
		qsort(ids->id, ids->count, sizeof(*ids->id), compare);
	return 0;
}

bool scope_ids_has(const struct scope_ids *ids, const char *id)
{
	struct slice wanted = slice_str(id);

	return ids->count && bsearch(&wanted, ids->id, ids->count, sizeof(*ids->id), compare);
}

void scope_ids_release(struct scope_ids *ids)
{
	free(ids->id);
	*ids = (struct scope_ids){ NULL, 0, 0 };
}

static int check_in(char *const *names, char *const *domains, const char *whose, struct err *e)
{
	const char *name = domains ? outside(names, domains) : NULL;
	struct buf list = BUF_INIT;

	if (!name)
		return 0;
	for (; *domains; domains++)
		buf_addf(&list, "%s%s", list.len ? ", " : "", *domains);
	err_set(e, ERR_DENIED, "%s does not allow the name %s", whose, name);
	err_hint(e, "It allows names in: %s.", buf_str(&list));
	buf_release(&list);
	return -1;
}

int scope_check_names(const struct scope *s, char *const *names, struct err *e)
{
	return check_in(names, s->plan, "your plan", e) < 0 ? -1 : check_in(names, s->only, "this token", e);
}

struct count {
	const struct scope *scope;
	int64_t number;
};

static int count_own(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct count *c = arg;

	c->number += slice_eq(value[REC_cert_owner_id], slice_str(c->scope->user_id));
	return 0;
}

int scope_check_count(const struct scope *s, struct txn *t, struct err *e)
{
	struct count c = { s, 0 };

	if (!s->most)
		return 0;
	if (record_skim(t, &rec_cert_type, count_own, &c, e) < 0)
		return -1;
	if (c.number < s->most)
		return 0;
	err_set(e, ERR_LIMIT, "your plan allows %lld certificates, and there are %lld", (long long)s->most,
		(long long)c.number);
	return err_hint(e, "Delete one that is not needed, or ask an administrator for a larger plan.");
}
