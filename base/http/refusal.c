#include "base/http/refusal.h"

static const struct {
	int status;
	const char *text;
} refusals[] = {
	[HTTP_FINE] = { 200, "" },
#define HTTP_REFUSAL(refusal, status, sentence) [HTTP_REFUSED_##refusal] = { status, sentence },
#include "base/http/refusal.def"
#undef HTTP_REFUSAL
};

int http_refusal_status(enum http_refusal refusal)
{
	return refusals[refusal].status;
}

const char *http_refusal_text(enum http_refusal refusal)
{
	return refusals[refusal].text;
}
