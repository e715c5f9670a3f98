#include "webui/page/trouble.h"

#include "base/clock.h"
#include "store/db/bell.h"
#include "webui/cert/counts.h"

#define LIFETIME 60

struct trouble_kept {
	bool valid;
	uint64_t changes;
	int64_t time, count;
};

struct troubles {
	struct trouble_kept all[TROUBLES], own[TROUBLES];	/* for who sees everything; for `whose` */
	char whose[sizeof(((struct visitor *)0)->user_id)];
};

struct troubles *troubles_new(void)
{
	return xcalloc(1, sizeof(struct troubles));
}

void troubles_free(struct troubles *t)
{
	free(t);
}

struct trouble_counting {
	const struct scope *scope;
	int64_t now, count;
};

static int count_site(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct rec_site *site = rec;
	struct slice state = value[REC_site_state];
	struct trouble_counting *c = arg;
	_cleanup_free_ char *name = xstrndup(value[REC_site_name].data, value[REC_site_name].len);
	bool ended = slice_eq(state, slice_str("valid")) && site->not_after <= c->now;

	if ((ended || slice_eq(state, slice_str("invalid")) || slice_eq(state, slice_str("unreachable"))) &&
	    scope_has_site(c->scope, name))
		c->count++;
	return 0;
}

static int count_account(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct slice state = value[REC_account_state];
	struct trouble_counting *c = arg;

	c->count += slice_eq(state, slice_str("failed")) || slice_eq(state, slice_str("terms")) ||
		    value[REC_account_trouble].len;
	return 0;
}

static int count_channel(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct trouble_counting *c = arg;

	c->count += value[REC_channel_error].len > 0;
	return 0;
}

static const struct {
	enum table table;
	const struct record_type *type;
	record_skim_fn *count;
} kinds[] = {
	[TROUBLE_accounts] = { TABLE_account, &rec_account_type, count_account },
	[TROUBLE_sites] = { TABLE_site, &rec_site_type, count_site },
	[TROUBLE_channels] = { TABLE_channel, &rec_channel_type, count_channel },
};

static int64_t count_certificates(const struct request *r)
{
	const struct tally_numbers *n = tally_get(r->webui->tally, r->webui->env->store, &r->visitor.scope, NULL);

	return n ? n->urgent_all : 0;
}

/* Not kept: it is no record that changes. */
static int64_t count_cluster(const struct request *r)
{
	const struct webui_env *env = r->webui->env;
	_cleanup_json_ json_t *status = env->cluster_status(env->arg);

	return json_str(status, "trouble") ? 1 : 0;
}

static int64_t count(const struct request *r, enum trouble_kind kind)
{
	struct trouble_counting c = { .scope = &r->visitor.scope, .now = clock_now() };
	_cleanup_txn_ struct txn *t = NULL;

	if (kind == TROUBLE_certificates)
		return count_certificates(r);
	if (store_read(r->webui->env->store, &t, NULL) < 0 ||
	    record_skim(t, kinds[kind].type, kinds[kind].count, &c, NULL) < 0)
		return 0;
	return c.count;
}

/* Where what was counted for this visitor is kept. */
static struct trouble_kept *kept_for(const struct request *r, enum trouble_kind kind)
{
	struct troubles *t = r->webui->troubles;

	if (!scope_limited(&r->visitor.scope))
		return &t->all[kind];
	if (strcmp(t->whose, r->visitor.user_id)) {
		memset(t->own, 0, sizeof(t->own));
		snprintf(t->whose, sizeof(t->whose), "%s", r->visitor.user_id);
	}
	return &t->own[kind];
}

int64_t troubles_count(const struct request *r, enum trouble_kind kind)
{
	struct store *store = r->webui->env->store;
	struct trouble_kept *k = kept_for(r, kind);
	int64_t now = clock_now();
	uint64_t changes;

	if (kind == TROUBLE_none || kind == TROUBLE_cluster)
		return kind == TROUBLE_none ? 0 : count_cluster(r);
	changes = store_changes(store, kind == TROUBLE_certificates ? TABLE_cert_row : kinds[kind].table);
	if (!k->valid || k->changes != changes || now < k->time || now >= k->time + LIFETIME)
		*k = (struct trouble_kept){ .valid = true, .changes = changes, .time = now, .count = count(r, kind) };
	return k->count;
}

bool troubles_has_cluster(const struct request *r)
{
	const struct webui_env *env = r->webui->env;
	_cleanup_json_ json_t *status = env->cluster_status(env->arg);

	return json_is_object(status);
}
