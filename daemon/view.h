/* What one address showed that was asked for its certificates, and what is to be thought of it. */
#ifndef DAEMON_VIEW_H
#define DAEMON_VIEW_H

#include "base/json.h"
#include "base/net.h"
#include "pki/judge.h"

enum view_state {
	VIEW_UNCHECKED,		/* nothing can be said from here: no IPv6, or only TLS 1.3 and we have not */
	VIEW_VALID,
	VIEW_UNREACHABLE,	/* it showed no certificate */
	VIEW_INVALID,
};
const char *view_state_word(enum view_state);

/* What one address showed. */
struct view {
	char address[ADDRESS_TEXT];	/* without the port */
	enum view_state state;
	char *says;			/* unless valid: why, a sentence; owned */
	const char *hint;		/* what to do about it, or NULL */
	const char *fault;		/* of an invalid one: a word of pki/fault.def */
	char *version, *cipher;		/* of TLS; owned; NULL: the handshake was not finished */
	struct chain chain;		/* as it was sent; empty: none */
	struct judgement judgement;
	int64_t ms;			/* how long it took */
};

void view_release(struct view *);
void view_say(struct view *, enum view_state, const char *hint, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* All of it but the certificates themselves. */
json_t *view_json(const struct view *);

#endif
