#include "store/status.h"

#include "base/clock.h"
#include "store/hooks.h"

#define DAY ((int64_t)24 * 60 * 60)

static const struct {
	const char *word, *sentence, *next, *imported, *imported_next;
} statuses[] = {
#define STATUS(status, sentence, next, imported, imported_next) { #status, sentence, next, imported, imported_next },
#include "store/status.def"
#undef STATUS
};

#define DELIVERY_MOST (3 * DAY)	/* until a version should have been fetched */

static const enum cert_status by_urgency[] = {
	STATUS_compromised, STATUS_expired,     STATUS_failed,  STATUS_expiring, STATUS_waiting, STATUS_unconfirmed,
	STATUS_undelivered, STATUS_revoked,     STATUS_issuing, STATUS_pending,  STATUS_active,  STATUS_disabled,
};

/* A renewal is overdue a day after it was planned, or a tenth of a short life. */
static bool overdue(const struct rec_cert *c, int64_t now)
{
	return c->renew_at && c->renew_at + MIN(DAY, (c->not_after - c->not_before) / 10) < now;
}

int64_t cert_delivery_due(const struct rec_cert *c)
{
	return c->issued ? c->issued + MIN(DELIVERY_MOST, (c->not_after - c->not_before) / 3) : 0;
}

/*
 * Is the version in force seen where its names lead, did its deploy hook deliver it, has a consumer fetched it;
 * is there time?
 */
static bool is_delivered(const struct rec_cert *c, int64_t now)
{
	if (c->deploy_says == DELIVERY_FAILED || c->live_says == DELIVERY_FAILED)
		return false;
	return c->live_says == DELIVERY_DONE || c->deploy_says == DELIVERY_DONE || c->site || c->no_key || !c->issued ||
	       now < cert_delivery_due(c) || c->fetched >= c->current;
}

enum cert_status cert_status(const struct rec_cert *c, int64_t now)
{
	if (c->current && c->compromised && !c->revoked && !c->open_order && c->not_after > now)
		return STATUS_compromised;	/* also if it is switched off: it may be in use */
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
	if (c->hooks == HOOKS_UNCONFIRMED)
		return STATUS_unconfirmed;
	if (!c->current)
		return STATUS_pending;
	if (overdue(c, now) || (c->renew_at <= now && c->not_after - now < (c->not_after - c->not_before) / 10))
		return STATUS_expiring;
	return is_delivered(c, now) ? STATUS_active : STATUS_undelivered;
}

char *cert_status_text(const struct rec_cert *c, enum cert_status status)
{
	const char *sentence = cert_status_sentence(c, status);
	char until[CLOCK_RFC3339_SIZE];

	if (!c->current || (status != STATUS_failed && status != STATUS_expiring && status != STATUS_expired))
		return xstrdup(sentence);
	clock_rfc3339(until, c->not_after);
	return xasprintf("%s %s %s.", sentence,
			 status == STATUS_expired ? "It was valid until" : "It is still valid until", until);
}

int cert_status_urgency(enum cert_status status)
{
	int i = 0;

	while (by_urgency[i] != status)
		i++;
	return i;
}

const char *cert_status_word(enum cert_status status)
{
	return statuses[status].word;
}

const char *cert_status_sentence(const struct rec_cert *c, enum cert_status status)
{
	return c->imported ? statuses[status].imported : statuses[status].sentence;
}

const char *cert_status_next(const struct rec_cert *c, enum cert_status status)
{
	return c->imported ? statuses[status].imported_next : statuses[status].next;
}

#define NAMES	    "you, at the web servers or the DNS of the names"
#define CERTIFICATE "you, in the settings of the certificate"
#define SCRIPTS	    "an administrator, in the scripts of the certificate"
#define ACCOUNT	    "an administrator, at the CA account"
#define CA	    "the CA; Certera tries again"

static const struct {
	const char *code, *who;
} acts[] = {
#define ACTS(code, who) { #code, who },
#include "store/event/acts.def"
#undef ACTS
};

static const char *failure_acts(const struct rec_cert *c)
{
	_cleanup_json_ json_t *problem = c->error ? json_read(c->error, strlen(c->error), NULL) : NULL;
	const char *code = json_str(problem, "code");

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		if (str_eq(acts[i].code, code))
			return acts[i].who;
	return NULL;
}

const char *cert_status_acts(const struct rec_cert *c, enum cert_status status)
{
	if (status == STATUS_failed || (status == STATUS_expired && c->failures))
		return failure_acts(c);
	if (status != STATUS_undelivered)
		return NULL;
	if (c->deploy_says == DELIVERY_FAILED)
		return "an administrator, at the deploy hook";
	return c->live_says == DELIVERY_FAILED ? "you, at the servers that should present the certificate" :
						 "you, at the servers that should download the certificate";
}
