#include "store/status.h"

#include "base/clock.h"

#define DAY ((int64_t)24 * 60 * 60)

static const struct {
	const char *word, *sentence, *next;
} statuses[] = {
#define STATUS(status, sentence, next) { #status, sentence, next },
#include "store/status.def"
#undef STATUS
};

#define DELIVERY_MOST (3 * DAY)	/* until a version should have been fetched */
#define SLOTS 2			/* API keys of a certificate */

/* A renewal is overdue a day after it was planned, or a tenth of a short life. */
static bool overdue(const struct rec_cert *c, int64_t now)
{
	return c->renew_at && c->renew_at + MIN(DAY, (c->not_after - c->not_before) / 10) < now;
}

enum cert_status cert_status(const struct rec_cert *c, int64_t now)
{
	if (c->disabled)
		return STATUS_disabled;
	if (c->open_order)
		return c->waiting ? STATUS_waiting : STATUS_issuing;
	if (c->current && c->revoked)
		return STATUS_revoked;
	if (c->current && c->not_after <= now)
		return STATUS_expired;
	if (c->failures)
		return STATUS_failed;
	if (!c->current)
		return STATUS_pending;
	if (overdue(c, now) || (c->renew_at <= now && c->not_after - now < (c->not_after - c->not_before) / 10))
		return STATUS_expiring;
	return STATUS_active;
}

/* Do the servers its names lead to show the version in force?  1 yes; 0 no, and they had time; -1: nobody knows. */
static int is_live(struct txn *t, const struct rec_cert *c)
{
	_cleanup_(rec_live_release) struct rec_live live = { 0 };

	if (c->no_live || rec_live_get(t, &live, c->id, NULL) < 0 || live.version != c->current)
		return -1;
	return live.late ? 0 : str_eq(live.state, "live") ? 1 : -1;
}

/* Is the version in force seen where its names lead, did its deploy hook deliver it, has a consumer fetched it; is there time? */
static bool is_delivered(struct txn *t, const struct rec_cert *c, int64_t now)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(c->id, c->current);
	int64_t patience = MIN(DELIVERY_MOST, (c->not_after - c->not_before) / 3);
	int seen = is_live(t, c);

	if (rec_version_get(t, &version, id, NULL) < 0)
		return true;
	if (str_eq(version.deploy, "failed"))
		return false;
	if (seen >= 0)
		return seen;
	if (str_eq(version.deploy, "done") || c->site || now < version.issued + patience)
		return true;
	for (int slot = 1; slot <= SLOTS; slot++) {
		_cleanup_(rec_consumer_release) struct rec_consumer consumer = { 0 };
		_cleanup_free_ char *child = xasprintf("%s/%d", c->id, slot);

		if (rec_consumer_get(t, &consumer, child, NULL) == 0 && consumer.version >= c->current)
			return true;
	}
	return false;
}

enum cert_status cert_status_in(struct txn *t, const struct rec_cert *c, int64_t now)
{
	enum cert_status status = cert_status(c, now);

	return status == STATUS_active && !is_delivered(t, c, now) ? STATUS_undelivered : status;
}

char *cert_status_text(const struct rec_cert *c, enum cert_status status)
{
	const char *sentence = cert_status_sentence(status);
	char until[CLOCK_RFC3339_SIZE];

	if (!c->current || (status != STATUS_failed && status != STATUS_expiring && status != STATUS_expired))
		return xstrdup(sentence);
	clock_rfc3339(until, c->not_after);
	return xasprintf("%s %s %s.", sentence, status == STATUS_expired ? "It was valid until" : "It is still valid until", until);
}

const char *cert_status_word(enum cert_status status)
{
	return statuses[status].word;
}

const char *cert_status_sentence(enum cert_status status)
{
	return statuses[status].sentence;
}

const char *cert_status_next(enum cert_status status)
{
	return statuses[status].next;
}
