#include "store/status.h"

#define DAY ((int64_t)24 * 60 * 60)

static const struct {
	const char *word, *sentence, *next;
} statuses[] = {
#define STATUS(status, sentence, next) { #status, sentence, next },
#include "store/status.def"
#undef STATUS
};

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
		return STATUS_issuing;
	if (c->current && c->revoked)
		return STATUS_revoked;
	if (c->current && c->not_after <= now)
		return STATUS_expired;
	if (c->failures)
		return STATUS_failed;
	if (!c->current)
		return STATUS_pending;
	if (overdue(c, now))
		return STATUS_expiring;
	return STATUS_active;
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
