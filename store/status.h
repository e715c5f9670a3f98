/* The status of a certificate, derived in one place. */
#ifndef STORE_STATUS_H
#define STORE_STATUS_H

#include "store/record.h"

enum cert_status {
#define STATUS(status, sentence, next) STATUS_##status,
#include "store/status.def"
#undef STATUS
};
enum cert_status cert_status(const struct rec_cert *, int64_t now);	/* by its record alone */
/* Looking also at who fetched it: active ones may be undelivered.  This is what people are shown. */
enum cert_status cert_status_in(struct txn *, const struct rec_cert *, int64_t now);
/* The sentence with what only this certificate knows: until when it is valid.  Owned. */
char *cert_status_text(const struct rec_cert *, enum cert_status);
const char *cert_status_word(enum cert_status);
const char *cert_status_sentence(enum cert_status);
const char *cert_status_next(enum cert_status);

#endif
