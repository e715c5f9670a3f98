/* What one address showed that was asked for its certificates, and what is to be thought of it. */
#ifndef DAEMON_TRACK_OBSERVATION_H
#define DAEMON_TRACK_OBSERVATION_H

#include "base/json.h"
#include "base/net.h"
#include "pki/trust/judge.h"

enum observed {
	OBSERVED_UNCHECKED,	/* nothing can be said from here: no IPv6, an address that is not to be asked ... */
	OBSERVED_VALID,
	OBSERVED_UNREACHABLE,	/* it showed no certificate */
	OBSERVED_INVALID,
};
const char *observed_word(enum observed);

/* What one address showed. */
struct observation {
	char address[ADDRESS_TEXT];	/* without the port */
	enum observed state;
	char *says;			/* unless valid: why, a sentence; owned */
	const char *hint;		/* what to do about it, or NULL */
	const char *fault;		/* of an invalid one: a word of pki/trust/fault.def */
	char *version, *cipher;		/* of TLS; owned; NULL: the handshake was not finished */
	struct chain chain;		/* as it was sent; empty: none */
	struct judgement judgement;
	int64_t ms;			/* how long it took */
};

void observation_release(struct observation *);
void observation_say(struct observation *, enum observed, const char *hint, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* All of it but the certificates themselves. */
json_t *observation_json(const struct observation *);

#endif
