/* Why a request is refused before anybody is asked for its answer: refusal.def. */
#ifndef BASE_HTTP_REFUSAL_H
#define BASE_HTTP_REFUSAL_H

#include "base/base.h"

enum http_refusal {
	HTTP_FINE,
#define HTTP_REFUSAL(refusal, status, sentence) HTTP_REFUSED_##refusal,
#include "base/http/refusal.def"
#undef HTTP_REFUSAL
	HTTP_REFUSALS
};
int http_refusal_status(enum http_refusal);
const char *http_refusal_text(enum http_refusal);

#endif
