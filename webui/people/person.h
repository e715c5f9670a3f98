/*
 * What the handlers about users have in common: finding and showing them, passwords,
 * and asking the keeper who it is.
 */
#ifndef WEBUI_PEOPLE_PERSON_H
#define WEBUI_PEOPLE_PERSON_H

#include "webui/http/handler.h"

/* The one the request's path names; the one who is signed in. */
int person_find(struct request *, struct txn *, struct rec_user *, struct err *);
int person_self(struct request *, struct txn *, struct rec_user *, struct err *);
json_t *person_show(struct txn *, const struct rec_user *);
/* That, and where the user is signed in.  NULL: the store failed. */
json_t *person_show_sessions(struct request *, struct txn *, const struct rec_user *, struct err *);

/* At least 12 characters, not the name, not one character again and again. */
int person_check_password(const char *password, const char *name, struct err *);
/* An e-mail address, or NULL or "" for none. */
int person_check_mail(const char *mail, struct err *);
/* One to be told; owned. */
char *person_make_password(void);

/* Puts the user's new blob where the one is that was read before; the record is the present one then. */
int person_put_sealed(struct txn *, struct rec_user *, struct slice sealed, struct err *);
/* Would there be no administrator any more who can sign in, without this one? */
int person_check_not_last(struct txn *, const struct rec_user *, struct err *);
/* The plan by its name into the record; "" takes it away. */
int person_set_plan(struct txn *, struct rec_user *, const char *plan, struct err *);

/* The member "domains": a text or a list. */
int person_read_domains(const json_t *body, char ***domains, struct err *);

/*
 * Asks the keeper for password and code.  user NULL: there is none of the name.  The answer is that of user_check; it
 * is to be given to person_checked(), which says what came of it, and puts what has changed (a code used up).
 */
int person_ask(struct request *, const struct rec_user *user, const char *password, const char *code, answer_fn *);
bool person_is_good(const struct slice *field);
int person_checked(struct txn *, struct rec_user *, const struct slice *field, struct err *);
#define PERSON_FIELD_PROOF 4	/* in the answer */
#define PERSON_FIELD_HALF \
	5 /* the password was right, the code is missing: what person_ask_code() takes; may be empty */
/* The second step: the code alone.  The answer is as of person_ask(), without the half. */
int person_ask_code(struct request *, const struct rec_user *user, const char *half, const char *code, answer_fn *);

#endif
