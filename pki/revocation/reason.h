/* Why a certificate is revoked (RFC 5280 section 5.3.1): the words of reason.def. */
#ifndef PKI_REVOCATION_REASON_H
#define PKI_REVOCATION_REASON_H

#include "base/base.h"

int revocation_number(const char *word);	/* -1: there is no such word */
const char *revocation_words(void);		/* all of them, for a sentence */
#define REVOCATION_KEY_COMPROMISE "keyCompromise"

#endif
