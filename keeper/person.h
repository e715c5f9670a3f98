/*
 * Users, as the keeper knows them: the inside of their blob, codes of their apps (RFC 6238), and whom the keeper has
 * just seen prove who they are.
 */
#ifndef KEEPER_PERSON_H
#define KEEPER_PERSON_H

#include "base/digest.h"
#include "keeper/seal.h"

#define PERSON_BLOB "user"		/* kinds of blobs */
#define PERSON_PENDING "totp"
#define PERSON_HASH_SIZE 128
#define PERSON_SECRET_SIZE 20		/* as RFC 4226 section 4 recommends */
#define PERSON_CODES 10

enum person_role { PERSON_NOBODY, PERSON_VIEWER, PERSON_OPERATOR, PERSON_ADMIN };
const char *person_role_word(enum person_role);
int person_role(struct slice word, enum person_role *, struct err *);

struct person {
	enum person_role role;
	char hash[PERSON_HASH_SIZE];			/* of the password, as crypt(5) has it */
	bool totp;
	unsigned char secret[PERSON_SECRET_SIZE];	/* of the app */
	unsigned char recovery[PERSON_CODES][SHA256_SIZE];	/* zero: used up */
};
void person_close(const struct person *, const struct seal *, struct slice id, struct buf *blob);
int person_open(struct person *, const struct seal *, struct slice id, struct slice blob, struct err *);

/*
 * The step of the code, one of the present one and its neighbours that is newer than `after`;
 * 0: it is none of these.
 */
int64_t totp_step(const unsigned char secret[PERSON_SECRET_SIZE], const char *code, int64_t now, int64_t after);
/* The secret as people and apps read it. */
void totp_text(const unsigned char secret[PERSON_SECRET_SIZE], struct buf *text);
/* Ten new ones; they are appended, one a line. */
void recovery_make(struct person *, struct buf *codes);
/* Is it one of them (however it is typed)?  It is used up then. */
bool recovery_use(struct person *, const char *code);

/* Who proved it, in memory only.  Safe from any thread. */
struct witnesses;
struct witnesses *witnesses_new(void);
void witnesses_free(struct witnesses *);

struct witness {
	char id[40];		/* of the user */
	enum person_role role;
};
/* Appends the word to be shown for KEEPER_PROOF_SECONDS. */
void witness_add(struct witnesses *, const struct witness *, struct buf *proof);
bool witness_find(struct witnesses *, struct slice proof, struct witness *);
/* Looks like such a word, but is none (any more): -1 and e says so. */
int witness_check_stale(struct witnesses *, struct slice proof, struct err *);
/* What was said of this user is good no more, but for one word. */
void witness_forget(struct witnesses *, struct slice id, struct slice but);
/* Is this step newer than all of the user's before it?  Then it is the newest. */
bool witness_take_step(struct witnesses *, struct slice id, int64_t step);
/*
 * A password and a code are to be looked at; unless it was the right one, which is said afterwards, this counts.  -1:
 * enough were wrong lately.  The front counts too, and stricter; this holds also for a front that was taken over.
 */
int witness_check_guesses(struct witnesses *, struct slice id, struct err *);
void witness_was_right(struct witnesses *, struct slice id);

/* One more code for a new password: is it looked at?  Ten a day are. */
bool witness_may_try(struct witnesses *, struct slice id);

/* The token for the first user: made once, good once. */
int setup_make(struct witnesses *, struct buf *token, struct err *);
bool setup_is(struct witnesses *, struct slice token);
/* It is used up.  False: it was, by another at the same time. */
bool setup_use(struct witnesses *);

#endif
