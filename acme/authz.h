/* Authorizations (RFC 8555 section 7.1.4): what an order keeps of each, and reading them. */
#ifndef ACME_AUTHZ_H
#define ACME_AUTHZ_H

#include "acme/post.h"

#define CHALLENGE_DEFAULT "http-01"
#define TOKEN_MAX 256		/* characters; real ones have 43 */

enum authz_state {
	AUTHZ_OPEN,		/* its answer is to be published and the CA told */
	AUTHZ_ANSWERED,		/* the CA was told */
	AUTHZ_VALID,		/* nothing to do (any more) */
	AUTHZ_STATES
};

struct authz {			/* strings are owned, and NULL until read */
	enum authz_state state;
	char *url;
	char *name;		/* identifier, "*.x" for a wildcard */
	char *type;		/* of the challenge chosen for it */
	char *challenge;	/* URL of that */
	char *token;		/* of that; checked */
	int64_t told_at;	/* when the CA was told, clock_mono_ms(); 0: not in this life */
};
void authz_release(struct authz *);
bool authz_is_open(const struct authz *);
bool authz_is_undecided(const struct authz *);

/* Fills name, in its normal form where it has one; the order then says which type it wants. */
int authz_read_name(struct authz *, const struct reply *, struct err *);
/*
 * Fills state and (unless it is valid) challenge and token;
 * -1 as authz_judge(), or if there is no challenge of z->type.  A challenge that is processed already, by an order
 * before, is open all the same: the CA may look again only when it is told again.
 */
int authz_read(struct authz *, const struct reply *, struct err *);
/* AUTHZ_VALID if it says so; -1 if it never will be: only its status counts, not a challenge's error. */
int authz_judge(struct authz *, const struct reply *, struct err *);
/* Nobody has told the CA of an answer yet. */
bool authz_awaits_answer(const struct authz *, const json_t *authz);
/*
 * The CA, told of the answer, shows nothing of it after so many milliseconds: it has lost that.  One taken up from an
 * earlier life is told at once, and also while it is `processing`, which some CAs never leave (RFC 8555 section 8.2: to
 * tell again asks for another look).
 */
bool authz_has_forgotten(const struct authz *, const json_t *authz, int64_t after_ms);
/* The CA was told. */
void authz_told(struct authz *);
/* A challenge's error that is not final (yet), if there is one. */
void authz_trouble(const struct authz *, const json_t *authz, struct err *);

#endif
