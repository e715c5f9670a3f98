#include "store/ledger.h"

#include <ctype.h>
#include <libpsl.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"

#define HOUR 3600
#define DAY 86400
#define TIMES_MAX 2000		/* kept where no limit is known */
#define LONGEST (8 * DAY)	/* no limit looks back further */
#define SHOWN_MAX 50
#define NAMES_SHOWN 5

static const struct {
	const char *host;
	enum limit limit;
	int64_t most, window;
} known[] = {
#define LIMIT(host, limit, most, window) { host, LIMIT_##limit, most, window },
#include "store/limit.def"
#undef LIMIT
};

/* What a limit is of, for people: "50 certificates for example.org". */
static const struct {
	const char *word, *what;
	bool of_one;		/* the subject is shown behind it */
} limits[LIMITS] = {
	[LIMIT_orders] = { "orders", "new orders of an account", false },
	[LIMIT_domain] = { "domain", "certificates for", true },
	[LIMIT_set] = { "set", "certificates for exactly these names", false },
	[LIMIT_failed] = { "failed", "failed validations of", true },
};

/* So many in so many seconds; most 0: nothing is known. */
struct rate {
	int64_t most, window;
	bool learned;
};

static bool host_is(const char *directory, const char *host)
{
	const char *at = strstr(directory, "://");
	size_t len = strlen(host);

	return at && !strncasecmp(at + 3, host, len) && strchr("/:", at[3 + len]);
}

/* What was learned is forgotten after a while: limits change, and the account may have had other users. */
static struct rate rate_of(const char *directory, enum limit limit, const struct rec_usage *u, int64_t now)
{
	if (u->most && u->window && now < u->resumed + MAX(DAY, 2 * u->window))
		return (struct rate){ u->most, u->window, true };
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].limit == limit && host_is(directory, known[i].host))
			return (struct rate){ known[i].most, known[i].window, false };
	return (struct rate){ 0 };
}

/*
 * The times of a usage, oldest first.
 */

static size_t times_count(const struct rec_usage *u)
{
	return u->times.len / 8;
}

static int64_t times_get(const struct rec_usage *u, size_t i)
{
	const unsigned char *bytes = (const unsigned char *)u->times.data + i * 8;
	uint64_t t = 0;

	for (int k = 0; k < 8; k++)
		t = t << 8 | bytes[k];
	return (int64_t)t;
}

static void times_add(struct rec_usage *u, int64_t t)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add_ch(&u->times, (char)((uint64_t)t >> shift));
}

/* The first that is not before t. */
static size_t times_from(const struct rec_usage *u, int64_t t)
{
	size_t i = 0;

	while (i < times_count(u) && times_get(u, i) < t)
		i++;
	return i;
}

static void times_drop(struct rec_usage *u, size_t count)
{
	struct buf rest = BUF_INIT;

	if (!count)
		return;
	buf_add(&rest, u->times.data + count * 8, u->times.len - count * 8);
	buf_release(&u->times);
	u->times = rest;
}

/*
 * When one more is allowed.  A time counts until a second after its window: the CA's clock has fractions.
 */
static int64_t free_at(const struct rec_usage *u, const struct rate *rate, int64_t now, int64_t ahead)
{
	int64_t blocked = u->blocked_until > now ? u->blocked_until : now;
	size_t from;
	int64_t used, nth, turns = 0, base;

	if (!rate->most)
		return blocked;
	from = times_from(u, now - rate->window);
	used = (int64_t)(times_count(u) - from);
	/* The order that must have left the window before ours; those not sent yet come `most` at a time. */
	for (nth = used + ahead - rate->most; nth >= used; nth -= rate->most)
		turns++;
	base = nth < 0 ? now : times_get(u, from + (size_t)nth) + rate->window + 1;
	base += turns * (rate->window + 1);
	return MAX(base, blocked == now ? now : blocked + ahead / rate->most * (rate->window + 1));
}

/*
 * Records.
 */

char *ledger_domain(const char *name)
{
	const char *plain = str_starts(name, "*.") ? name + 2 : name;
	const char *domain = psl_registrable_domain(psl_builtin(), plain);

	return xstrdup(domain ? domain : plain);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *set_digest(char *const *names)
{
	_cleanup_strv_ char **sorted = strv_dup(names);
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char digest[SHA256_SIZE];

	qsort(sorted, strv_len(sorted), sizeof(*sorted), compare);
	for (size_t i = 0; i < strv_len(sorted); i++)
		buf_addf(&text, "%s\n", sorted[i]);
	sha256(text.data, text.len, digest);
	return hex_str(digest, 16);
}

char *ledger_names(char *const *names)
{
	size_t count = strv_len(names);
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < MIN(count, NAMES_SHOWN); i++)
		buf_addf(&text, "%s%s", i ? ", " : "", names[i]);
	if (count > NAMES_SHOWN)
		buf_addf(&text, " and %zu more", count - NAMES_SHOWN);
	return buf_detach(&text);
}

/* Whose the limit is counted for: one subject each; owned list. */
static char **subjects(const struct ledger_order *o, enum limit limit)
{
	char **list = NULL;

	if (limit == LIMIT_orders)
		strv_add(&list, "");
	if (limit == LIMIT_set) {
		_cleanup_free_ char *digest = set_digest(o->names);

		strv_add(&list, digest);
	}
	for (char *const *name = o->names; *name && (limit == LIMIT_domain || limit == LIMIT_failed); name++) {
		_cleanup_free_ char *one = limit == LIMIT_domain ? ledger_domain(*name) : xstrdup(*name);

		if (!strv_has(list, one))
			strv_add(&list, one);
	}
	return list;
}

static int load(struct txn *t, struct rec_usage *u, const struct ledger_order *o, enum limit limit, const char *subject,
		struct err *e)
{
	_cleanup_free_ char *id = xasprintf("%s/%s/%s", o->account_id, limits[limit].word, subject);

	if (rec_usage_get(t, u, id, e) == 0)
		return 0;
	if (e->kind != ERR_MISSING)
		return -1;
	err_clear(e);
	record_set(&u->id, id);
	if (limit == LIMIT_set)
		u->names = ledger_names(o->names);
	return 0;
}

static int use_one(struct txn *t, const struct ledger_order *o, enum limit limit, const char *subject, int64_t now,
		   struct err *e)
{
	_cleanup_(rec_usage_release) struct rec_usage u = { 0 };
	struct rate rate;

	if (load(t, &u, o, limit, subject, e) < 0)
		return -1;
	rate = rate_of(o->directory, limit, &u, now);
	if (!rate.most && limit != LIMIT_orders)	/* only these teach */
		return 0;
	if (o->exempt && rate.most && !rate.learned && limit != LIMIT_failed)
		return 0;
	times_drop(&u, times_from(&u, now - MAX(rate.window, HOUR)));
	if (times_count(&u) >= TIMES_MAX && (int64_t)times_count(&u) >= rate.most)
		times_drop(&u, times_count(&u) - TIMES_MAX + 1);
	times_add(&u, now);
	return rec_usage_put(t, &u, e);
}

static bool applies(const struct ledger_order *o, enum limit limit)
{
	return !(limit == LIMIT_domain && o->renewal);
}

/*
 * The questions.
 */

static void say_why(struct ledger_answer *a, const struct rec_usage *u, const struct rate *rate, const char *subject)
{
	const char *what = limits[a->limit].what, *space = limits[a->limit].of_one ? " " : "";
	const char *whose = limits[a->limit].of_one ? subject : "";
	char when[CLOCK_RFC3339_SIZE], span[64];

	clock_rfc3339(when, a->when);
	if (!rate->most) {
		snprintf(a->why, sizeof(a->why), "a limit of the CA: no %s%s%.100s before %s", what, space, whose,
			 when);
		return;
	}
	if (rate->window % DAY == 0)
		snprintf(span, sizeof(span), "%lld days", (long long)rate->window / DAY);
	else if (rate->window % HOUR == 0)
		snprintf(span, sizeof(span), "%lld hours", (long long)rate->window / HOUR);
	else
		snprintf(span, sizeof(span), "%lld seconds", (long long)rate->window);
	snprintf(a->why, sizeof(a->why), "a limit of the CA: %lld %s%s%.100s in %s; the next is planned for %s",
		 (long long)rate->most, what, space, whose, span, when);
}

static int ask_one(struct txn *t, const struct ledger_order *o, enum limit limit, const char *subject, int64_t now,
		   int64_t ahead, struct ledger_answer *a, struct err *e)
{
	_cleanup_(rec_usage_release) struct rec_usage u = { 0 };
	struct rate rate;
	int64_t when;

	if (load(t, &u, o, limit, subject, e) < 0)
		return -1;
	rate = rate_of(o->directory, limit, &u, now);
	if (o->exempt && !rate.learned)	/* from what we know; what the CA refused counts all the same */
		rate = (struct rate){ 0 };
	when = free_at(&u, &rate, now, limit == LIMIT_orders ? ahead : 0);
	if (when <= a->when)
		return 0;
	a->when = when;
	a->limit = limit;
	say_why(a, &u, &rate, subject);
	return 0;
}

int ledger_ask(struct txn *t, const struct ledger_order *o, int64_t now, int64_t ahead, struct ledger_answer *a,
	       struct err *e)
{
	*a = (struct ledger_answer){ .when = now };
	for (enum limit limit = 0; limit < LIMITS; limit++) {
		_cleanup_strv_ char **list = applies(o, limit) ? subjects(o, limit) : NULL;

		for (size_t i = 0; i < strv_len(list); i++)
			if (ask_one(t, o, limit, list[i], now, ahead, a, e) < 0)
				return -1;
	}
	return 0;
}

int ledger_sent(struct txn *t, const struct ledger_order *o, int64_t now, struct err *e)
{
	for (enum limit limit = 0; limit < LIMIT_failed; limit++) {
		_cleanup_strv_ char **list = applies(o, limit) ? subjects(o, limit) : NULL;

		for (size_t i = 0; i < strv_len(list); i++)
			if (use_one(t, o, limit, list[i], now, e) < 0)
				return -1;
	}
	return 0;
}

/* Does the text speak of this name, and not of a longer one? */
static bool speaks_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strcasestr(text, name); at; at = strcasestr(at + 1, name)) {
		char before = at > text ? at[-1] : ' ', after = at[len];

		if (!isalnum((unsigned char)before) && !strchr(".-_", before) && !isalnum((unsigned char)after) &&
		    after != '-')
			return true;
	}
	return false;
}

static bool spoken_of(const struct err *why, const char *name)
{
	return speaks_of(why->message, name) || speaks_of(why->detail, name);
}

int ledger_failed(struct txn *t, const struct ledger_order *o, const struct err *why, int64_t now, struct err *e)
{
	bool named = false;

	for (char *const *name = o->names; *name; name++)
		named |= spoken_of(why, *name);
	for (char *const *name = o->names; *name; name++)
		if ((!named || spoken_of(why, *name)) && use_one(t, o, LIMIT_failed, *name, now, e) < 0)
			return -1;
	return 0;
}

/* Which limit a refusal is about; CAs say so only in words. */
static enum limit limit_meant(const struct ledger_order *o, const struct err *why, char **subject)
{
	static const enum limit by_name[] = { LIMIT_failed, LIMIT_domain };

	if (strcasestr(why->detail, "exact set")) {
		*subject = set_digest(o->names);
		return LIMIT_set;
	}
	for (size_t k = 0; k < ARRAY_SIZE(by_name); k++) {
		_cleanup_strv_ char **list = subjects(o, by_name[k]);

		if (by_name[k] == LIMIT_failed && !strcasestr(why->detail, "failed"))
			continue;
		for (size_t i = 0; i < strv_len(list); i++) {
			if (!speaks_of(why->detail, list[i]))
				continue;
			*subject = xstrdup(list[i]);
			return by_name[k];
		}
	}
	*subject = xstrdup("");
	return LIMIT_orders;
}

/* All that was let through since the last refusal, in the time from its first to the end of this one. */
static void learn(struct rec_usage *u, int64_t until)
{
	size_t from = times_from(u, u->resumed), count = times_count(u) - from;

	if (!count)
		return;
	u->most = (int64_t)count;
	u->window = MAX(until - times_get(u, from), 1);
}

int ledger_refused(struct txn *t, const struct ledger_order *o, const struct err *why, int64_t now, struct err *e)
{
	_cleanup_(rec_usage_release) struct rec_usage u = { 0 };
	_cleanup_free_ char *subject = NULL;
	enum limit limit = limit_meant(o, why, &subject);
	int64_t until = (why->retry_at > now ? why->retry_at : now + HOUR) + 1;

	if (load(t, &u, o, limit, subject, e) < 0)
		return -1;
	if (limit == LIMIT_orders) {
		if (times_count(&u))	/* ours, which was noted when it was sent */
			u.times.len -= 8;
		learn(&u, until);
	}
	u.blocked_until = u.resumed = until;
	return rec_usage_put(t, &u, e);
}

/*
 * For people.
 */

struct ledger_shown {
	const char *account_id, *directory;
	int64_t now;
	json_t *list;
};

static json_t *show_usage(const struct rec_usage *u, const struct rate *rate, enum limit limit, const char *subject,
			  int64_t now)
{
	int64_t used = (int64_t)(times_count(u) - times_from(u, now - (rate->window ? rate->window : HOUR)));
	int64_t when = free_at(u, rate, now, 0);
	json_t *one = json_object();

	json_put_str(one, "limit", limits[limit].what);
	json_put_str(one, "of", limits[limit].of_one ? subject : u->names ? u->names : "");
	json_put_int(one, "used", used);
	if (rate->most) {
		json_put_int(one, "most", rate->most);
		json_put_int(one, "left", MAX(rate->most - used, 0));
		json_put_int(one, "window", rate->window);
	}
	json_put_bool(one, "learned", rate->learned);
	json_put_time(one, "free_at", when > now ? when : 0);
	return one;
}

static int show_one(void *arg, void *rec, struct err *e)
{
	const struct rec_usage *u = rec;
	struct ledger_shown *s = arg;
	const char *word = u->id + strlen(s->account_id) + 1, *subject = strchr(word, '/');
	enum limit limit = 0;
	struct rate rate;
	int64_t used, when;

	while (limit < LIMITS && strncmp(limits[limit].word, word, strlen(limits[limit].word)))
		limit++;
	if (limit == LIMITS || !subject)
		return 0;
	rate = rate_of(s->directory, limit, u, s->now);
	used = (int64_t)(times_count(u) - times_from(u, s->now - (rate.window ? rate.window : HOUR)));
	when = free_at(u, &rate, s->now, 0);
	if (limit != LIMIT_orders && when <= s->now && used * 2 < rate.most)	/* far from its limit */
		return 0;
	json_array_append_new(s->list, show_usage(u, &rate, limit, subject + 1, s->now));
	return json_array_size(s->list) >= SHOWN_MAX;
}

json_t *ledger_json(struct txn *t, const char *account_id, const char *directory, int64_t now)
{
	struct ledger_shown s = { .account_id = account_id, .directory = directory, .now = now, .list = json_array() };
	_cleanup_free_ char *prefix = xasprintf("%s/", account_id);

	record_each(t, &rec_usage_type, prefix, true, show_one, &s, NULL);
	return s.list;
}

json_t *ledger_order_json(struct txn *t, const struct ledger_order *o, int64_t now)
{
	json_t *all = json_array();

	for (enum limit limit = 0; limit < LIMITS; limit++) {
		_cleanup_strv_ char **list = applies(o, limit) ? subjects(o, limit) : NULL;

		for (size_t i = 0; i < strv_len(list); i++) {
			_cleanup_(rec_usage_release) struct rec_usage u = { 0 };
			struct rate rate;

			if (load(t, &u, o, limit, list[i], &(struct err){ 0 }) < 0)
				continue;
			rate = rate_of(o->directory, limit, &u, now);
			if (rate.most || u.blocked_until > now)
				json_array_append_new(all, show_usage(&u, &rate, limit, list[i], now));
		}
	}
	return all;
}

static int prune_one(void *arg, struct txn *t, void *rec, struct err *e)
{
	const struct rec_usage *u = rec;
	int64_t now = *(int64_t *)arg;
	size_t count = times_count(u);

	if (u->blocked_until + LONGEST >= now || (count && times_get(u, count - 1) + LONGEST >= now))
		return 0;
	return rec_usage_delete(t, u->id, e);
}

int ledger_prune(struct store *s, int64_t now, struct err *e)
{
	return record_each_in_steps(s, &rec_usage_type, prune_one, &now, e);
}
