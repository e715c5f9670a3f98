/* The status of a certificate, derived in one place. */
#ifndef STORE_STATUS_H
#define STORE_STATUS_H

#include "store/record/record.h"

enum cert_status {
#define STATUS(status, sentence, next, imported, imported_next) STATUS_##status,
#include "store/status.def"
#undef STATUS
	STATUSES
};
/* What is known of the delivery of the version in force. */
enum delivered { DELIVERY_UNKNOWN, DELIVERY_DONE, DELIVERY_FAILED };

/* By its numbers and flags alone: see record_skim(). */
enum cert_status cert_status(const struct rec_cert *, int64_t now);
/* Until then somebody should have fetched the version in force; 0: nobody knows when it came. */
int64_t cert_delivery_due(const struct rec_cert *);
/* 0: what somebody should look at first. */
int cert_status_urgency(enum cert_status);
/* The sentence with what only this certificate knows: until when it is valid.  Owned. */
char *cert_status_text(const struct rec_cert *, enum cert_status);
const char *cert_status_word(enum cert_status);
const char *cert_status_sentence(const struct rec_cert *, enum cert_status);
const char *cert_status_next(const struct rec_cert *, enum cert_status);
/*
 * Of failed and undelivered ones: which side must act, and where; NULL: that is not known, or there is nothing to do.
 */
const char *cert_status_acts(const struct rec_cert *, enum cert_status);

#endif
