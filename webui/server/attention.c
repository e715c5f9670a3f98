#include "webui/server/attention.h"

#include <stdarg.h>

#include "store/notify/alert.h"
#include "store/status.h"
#include "webui/http/scope.h"
#include "webui/page/number.h"
#include "webui/server/health.h"

#define NAMED 5		/* certificates of a cause */
#define ACTED_ON 50	/* of a cause, by one click */

enum cause {
#define CAUSE(word, code, part, text, action) CAUSE_##word,
#include "webui/server/cause.def"
#undef CAUSE
	CAUSES
};

/* Words of the action on a page, and in the API. */
#define ACTION_ISSUE   "issue"
#define ACTION_NEW_KEY "reissue"
#define ACTION_DEPLOY  "deploy"
#define ACTION_SCRIPTS "scripts"
#define ACTION_OPEN    "open"

static const struct {
	const char *word, *code, *part, *text, *action;
} causes[] = {
#define CAUSE(word, code, part, text, action) { #word, code, part, text, ACTION_##action },
#include "webui/server/cause.def"
#undef CAUSE
};

static enum cause cause_of_error(const json_t *error)
{
	const char *detail = json_str(error, "detail");

	for (enum cause c = 0; c < CAUSES; c++)
		if (causes[c].code && str_eq(causes[c].code, json_str(error, "code")) &&
		    strstr(detail ? detail : "", causes[c].part))
			return c;
	return CAUSE_other;
}

static enum cause cause_of_state(const struct rec_cert *cert, enum cert_status status)
{
	switch (status) {
	case STATUS_compromised:
		return CAUSE_compromised;
	case STATUS_revoked:
		return CAUSE_revoked;
	case STATUS_waiting:
		return CAUSE_waiting;
	case STATUS_unconfirmed:
		return CAUSE_unconfirmed;
	case STATUS_undelivered:
		return cert->deploy_says == DELIVERY_FAILED ? CAUSE_deploy :
		       cert->live_says == DELIVERY_FAILED   ? CAUSE_stale : CAUSE_unfetched;
	case STATUS_expired:
	case STATUS_expiring:
		return cert->imported ? CAUSE_imported : status == STATUS_expired ? CAUSE_expired : CAUSE_overdue;
	default:
		return CAUSE_other;
	}
}

/* An error is of the last order: it says nothing of one that is revoked, say. */
static bool is_of_error(enum cert_status status)
{
	return status == STATUS_failed || status == STATUS_expiring || status == STATUS_expired;
}

/*
 * Groups.
 */

static json_t *find_group(json_t *list, enum cause cause, const char *text)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (str_eq(json_str(one, "cause"), causes[cause].word) && str_eq(json_str(one, "text"), text))
			return one;
	one = json_object();
	json_put_str(one, "cause", causes[cause].word);
	json_put_str(one, "text", text);
	json_put_str(one, "action", causes[cause].action);
	json_put_bool(one, "at_least", false);
	json_object_set_new(one, "certificates", json_array());
	json_object_set_new(one, "ids", json_array());
	json_array_append_new(list, one);
	return one;
}

static json_t *show_member(const struct rec_cert *cert, enum cert_status status)
{
	json_t *o = json_object();

	json_put_str(o, "name", cert->name);
	json_put_bool(o, "staging", cert->staging);
	json_put_str(o, "status", cert_status_word(status));
	json_put_time(o, "not_after", cert->current ? cert->not_after : 0);
	return o;
}

static void add_member(json_t *group, const struct rec_cert *cert, enum cert_status status, json_t *error)
{
	json_t *named = json_object_get(group, "certificates"), *ids = json_object_get(group, "ids");
	int64_t count = json_int(group, "count", 0) + 1;

	number_put(group, "count", count);
	if (json_array_size(named) < NAMED)
		json_array_append_new(named, show_member(cert, status));
	number_put(group, "more", count - (int64_t)json_array_size(named));
	if (count <= ACTED_ON)
		json_array_append_new(ids, json_string(cert->id));
	else
		json_array_clear(ids);
	if (count > 1) {
		json_put_bool(group, "several", true);
		return;
	}
	json_put_str(group, "status", cert_status_word(status));
	json_put_time(group, "first", cert->current && status != STATUS_revoked ? cert->not_after : 0);
	json_put_bool(group, "ended", status == STATUS_expired);
	json_object_set(group, "error", error ? error : json_null());
	json_put_str(group, "next_step", cert_status_next(cert, status));
	json_put_bool(group, "several", false);
}

static void add_to_group(json_t *list, const struct rec_cert *cert, const struct tally_numbers *n, int64_t now)
{
	enum cert_status status = cert_status(cert, now);
	_cleanup_json_ json_t *error = is_of_error(status) && cert->error && *cert->error ?
				       json_read(cert->error, strlen(cert->error), NULL) : NULL;
	enum cause cause = error && !cert->imported ? cause_of_error(error) : cause_of_state(cert, status);
	const char *title = cause == CAUSE_other && error ? json_str(error, "title") : NULL;
	json_t *group = find_group(list, cause, title ? title : causes[cause].text);

	add_member(group, cert, status, error);
	if (n->count[status] > TALLY_URGENT)
		json_put_bool(group, "at_least", true);
}

void attention_put_causes(struct txn *t, json_t *o, const struct tally_numbers *n, int64_t now)
{
	json_t *list = json_array();
	int64_t first = 0;

	json_object_set_new(o, "causes", list);
	for (size_t i = 0; i < n->urgent; i++) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

		if (rec_cert_get(t, &cert, n->urgent_cert[i].id, NULL) < 0)
			continue;
		if (!first && cert.current && cert.not_after > now)
			first = cert.not_after;
		add_to_group(list, &cert, n, now);
	}
	json_put_time(o, "first", first);
	number_put(o, "ungrouped", n->urgent_all - (int64_t)n->urgent);
}

/*
 * What else.
 */

struct also {
	struct request *r;
	json_t *list;
	int64_t invalid, unreachable, silent;	/* sites; channels */
	char *channel;				/* one of these */
};

static void add(struct also *a, const char *what, const char *path, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void add(struct also *a, const char *what, const char *path, const char *fmt, ...)
{
	json_t *one = json_object();
	va_list args;

	va_start(args, fmt);
	json_put_str(one, "what", what);
	json_object_set_new(one, "text", json_vsprintf(fmt, args));
	json_put_str(one, "path", path);
	va_end(args);
	json_array_append_new(a->list, one);
}

/* Nothing if there are none. */
static void add_some(struct also *a, const char *what, const char *path, int64_t count, const char *one,
		     const char *several)
{
	_cleanup_free_ char *number = number_text(count);

	if (count)
		add(a, what, path, "%s %s.", number, count == 1 ? one : several);
}

static int count_site(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct also *a = arg;
	const struct scope *scope = &a->r->visitor.scope;
	bool invalid = slice_eq(value[REC_site_state], slice_str("invalid")),
	     unreachable = slice_eq(value[REC_site_state], slice_str("unreachable"));

	if ((invalid || unreachable) && scope_limited(scope)) {
		_cleanup_free_ char *name = xstrndup(value[REC_site_name].data, value[REC_site_name].len);

		if (!scope_has_site(scope, name))
			return 0;
	}
	a->invalid += invalid;
	a->unreachable += unreachable;
	return 0;
}

static int put_sites(struct also *a, struct txn *t, struct err *e)
{
	if (record_skim(t, &rec_site_type, count_site, a, e) < 0)
		return -1;
	add_some(a, "sites", "/sites?state=invalid", a->invalid, "tracked site presents an invalid certificate",
		 "tracked sites present an invalid certificate");
	add_some(a, "sites", "/sites?state=unreachable", a->unreachable, "tracked site is unreachable",
		 "tracked sites are unreachable");
	return 0;
}

static int count_channel(void *arg, void *rec, struct err *e)
{
	struct rec_channel *channel = rec;
	struct also *a = arg;

	if (channel->disabled || !channel->error || !*channel->error)
		return 0;
	a->silent++;
	if (!a->channel)
		a->channel = TAKE(channel->name);
	return 0;
}

static int count_dead(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	*(int64_t *)arg += slice_eq(value[REC_outbox_state], slice_str(OUTBOX_DEAD));
	return 0;
}

/* Administrators alone have the pages of these. */
static int put_alerts(struct also *a, struct txn *t, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	int64_t dead = 0;

	if (record_each(t, &rec_channel_type, "", false, count_channel, a, e) < 0 ||
	    record_skim(t, &rec_outbox_type, count_dead, &dead, e) < 0)
		return -1;
	path = xasprintf("/channels%s%s", a->silent == 1 ? "/" : "", a->silent == 1 ? a->channel : "");
	if (a->silent == 1)
		add(a, "channels", path, "The channel %s could not deliver its last alert.", a->channel);
	else
		add_some(a, "channels", path, a->silent, "", "channels could not deliver their last alert");
	add_some(a, "outbox", "/outbox?state=dead", dead, "alert reached nobody", "alerts reached nobody");
	return 0;
}

/* Of the checks of /api/v1/health: those that the overview does not have already. */
static int put_health(struct also *a, struct err *e)
{
	_cleanup_json_ json_t *checks = json_array();
	json_t *one;
	size_t i;
	bool well = true;

	if (health_look(a->r, checks, &well, e) < 0)
		return -1;
	json_array_foreach (checks, i, one) {
		const char *name = json_str(one, "name");

		if (!json_bool(one, "well", true) && !str_eq(name, "certificates") && !str_eq(name, "accounts"))
			add(a, name, "/system", "%s", json_str(one, "text"));
	}
	return 0;
}

int attention_put_also(struct request *r, struct txn *t, json_t *o, int64_t *count, struct err *e)
{
	struct also a = { .r = r, .list = json_array() };
	int failed;

	json_object_set_new(o, "also", a.list);
	failed = put_sites(&a, t, e) < 0 ||
		 (gate_lets_in(&r->visitor, ROLE_ADMIN, r->webui->settings) && put_alerts(&a, t, e) < 0) ||
		 (!scope_limited(&r->visitor.scope) && put_health(&a, e) < 0);
	free(a.channel);
	*count += (int64_t)json_array_size(a.list);
	return failed ? -1 : 0;
}
