#include "daemon/order/renewal.h"

#include "base/digest.h"
#include "daemon/config/window.h"
#include "daemon/engine/retry.h"

#define HOUR 3600
#define DAY 86400
#define PATIENCE (7 * DAY)
#define FALLBACK_BEFORE (3 * DAY)

/* What should be left of a life when it is renewed: a third, or half if it is short. */
static int64_t spare(int64_t life)
{
	return life < 10 * DAY ? life / 2 : life / 3;
}

int64_t renewal_time(int64_t not_before, int64_t not_after, int64_t before, uint64_t dice)
{
	int64_t life = MAX(not_after - not_before, 1);
	int64_t left = before > 0 ? MIN(before, life / 3 * 2) : spare(life);

	return not_after - left + (int64_t)(dice % (uint64_t)(left / 10 + 1));
}

/* Until then a certificate is as good as new: who wants to replace it has a reason of his own. */
static int64_t youth(const struct rec_cert *cert)
{
	return MIN(DAY, (cert->not_after - cert->not_before) / 10);
}

/* The last moment at which there is time enough. */
static int64_t latest(const struct rec_cert *cert)
{
	return cert->not_after - spare(cert->not_after - cert->not_before) / 2;
}

void renewal_succeeded(struct rec_cert *cert, int64_t now)
{
	bool soon = cert->issued && now < cert->issued + youth(cert);

	cert->hurried = soon ? cert->hurried + 1 : 0;
	cert->patient_until = cert->hurried > 1 ? now + retry_backoff(cert->hurried) : 0;
	cert->issued = now;
}

/* No sooner than renewal_succeeded() allows, unless that is too late; if all is too late by our clock, it is wrong. */
static int64_t patiently(const struct rec_cert *cert, int64_t at)
{
	if (at >= cert->patient_until)
		return at;
	if (latest(cert) < cert->issued + youth(cert))
		return cert->patient_until;
	return MIN(cert->patient_until, MAX(at, latest(cert)));
}

void renewal_plan(struct rec_cert *cert, const struct config *config)
{
	uint64_t dice;

	random_bytes(&dice, sizeof(dice));
	cert->renew_at = renewal_time(cert->not_before, cert->not_after,
				      cert->renew_before ? cert->renew_before : config->renewal_before, dice);
	cert->renew_at = renewal_opens(cert, config->renewal_windows, patiently(cert, cert->renew_at));
}

bool renewal_choose(struct rec_cert *cert, int64_t start, int64_t end, uint64_t dice)
{
	int64_t last = latest(cert), chosen = MIN(start, last);

	if (cert->renew_at && cert->ari_start == start && cert->ari_end == end)
		return false;
	if (start < last)
		chosen += (int64_t)(dice % (uint64_t)(MIN(end, last) - start));
	if (cert->renew_before && cert->renew_at)
		chosen = MIN(chosen, cert->renew_at);
	cert->ari_start = start;
	cert->ari_end = end;
	cert->renew_at = patiently(cert, chosen);
	return true;
}

bool renewal_falls_back(const struct rec_cert *cert, int64_t troubles, int64_t after, int64_t now)
{
	int64_t life = cert->not_after - cert->not_before;

	if (!cert->fallback_id || !*cert->fallback_id)
		return false;
	if (troubles >= after)
		return true;
	if (cert->failures >= after)	/* by turns, so that neither is given up */
		return (cert->failures - after) % 2 == 0;
	return cert->failures && cert->current && cert->not_after - now < MIN(FALLBACK_BEFORE, life / 10);
}

int64_t renewal_opens(const struct rec_cert *cert, const char *windows, int64_t now)
{
	int64_t opens;

	if (!cert->current || cert->wanted || cert->compromised || cert->not_after <= now)
		return now;
	opens = window_next(windows, now);
	return opens > cert->not_after - (cert->not_after - cert->not_before) / 10 ? now : opens;
}

int64_t renewal_patience(int64_t since, int64_t now)
{
	int64_t waited = MAX(now - since, 0);

	return waited > PATIENCE ? 0 : now + MIN(MAX(waited / 4, 60), HOUR);
}
