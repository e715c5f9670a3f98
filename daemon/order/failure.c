#include "daemon/order/failure.h"

#include "base/clock.h"
#include "store/notify/alert.h"

#define AGAIN (24 * 3600)

/*
 * What makes two failures the same: the CA's word for it, where there is one;
 * its sentences may have URLs and times in them.
 */
static char *reason_of(const struct err *why)
{
	return why->code[0] ? xasprintf("%s/%s", err_kind_name(why->kind), why->code) : xstrdup(why->message);
}

int failure_tell(struct txn *t, struct rec_cert *cert, const struct err *why, int64_t again, struct err *e)
{
	_cleanup_free_ char *reason = reason_of(why), *said = NULL;
	char when[CLOCK_RFC3339_SIZE];
	int64_t now = clock_now();

	if (str_eq(cert->failure_told, reason) && now < cert->failure_told_at + AGAIN)
		return 0;
	record_set(&cert->failure_told, reason);
	cert->failure_told_at = now;
	said = alert_sentences(why);
	return alert_raise_cert(t, ALERT_failed, cert, e, "%s The next attempt is at %s.", said,
				clock_rfc3339(when, again));
}

void failure_forget(struct rec_cert *cert)
{
	record_set(&cert->failure_told, NULL);
	cert->failure_told_at = 0;
}
