/*
 * Whose request it is: sessions of browsers (a cookie) and bearer tokens (RFC 6750), found in the store.
 *
 * A session is a record under the SHA-256 of its cookie: the store holds nothing one could come back with.  It ends
 * when nothing was asked for settings.session_idle seconds, session_most seconds after it began, and when its user
 * signs out, is disabled or changed.
 */
#ifndef WEBUI_HTTP_SESSION_H
#define WEBUI_HTTP_SESSION_H

#include "webui/http/request.h"

#define SESSION_COOKIE "__Host-certera"
#define TOKEN_PREFIX "ctk_"

/* The bearer token the request shows; NULL: none.  Borrowed. */
const char *session_token(const struct request *);
/*
 * Fills in r->visitor from what is shown.
 * 0 also if nobody was found; -1 if a token is no good, or the store failed.
 */
int session_find(struct request *, struct err *);
/* A note of a different node (noted.h): a session or token was used there. */
void session_noted(struct webui *, const json_t *note);

/* Begins one for the user: its record, and the cookie in the answer's header.  Its id is the sha256_text() of that. */
int session_begin(struct request *, struct txn *, const struct rec_user *, struct slice proof, struct err *);
/* Ends one, and all of a user but one (`but` NULL: all). */
int session_end(struct txn *, const char *session, struct err *);
int session_end_all(struct txn *, const char *user_id, const char *but, struct err *);
/* In the answer: the browser forgets its cookie. */
void session_forget_cookie(struct request *);
/* All of a user, newest first; the one that asks has "current". */
json_t *session_list(struct request *, struct txn *, const char *user_id, struct err *);

/* What a user may see and touch, filled into the visitor's scope. */
int session_limit(struct visitor *, struct txn *, const struct rec_user *, struct err *);

#endif
