/* Who has just proved it, what was tried of late, and the token of the first start: in the keeper's memory alone. */
#ifndef KEEPER_WITNESS_H
#define KEEPER_WITNESS_H

#include "keeper/person.h"

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
/*
 * Whose word it is, if it is for what has this id: a word is for the first KEEPER_PROOF_IDS that it is shown for, and
 * always for the user's own.
 */
bool witness_opens(struct witnesses *, struct slice proof, struct slice id);
int witness_unconfirmed(struct err *);	/* says that the password is needed again; -1 */
/* Looks like such a word, but is none (any more): -1 and e says so. */
int witness_check_stale(struct witnesses *, struct slice proof, struct err *);
/*
 * Who has given the right password and now needs a code gets half a proof: it opens nothing, and lives as long as a
 * whole one.  It is used up by the code that was right (witness_half_over).
 */
void witness_half(struct witnesses *, struct slice id, struct buf *half);
bool witness_is_half(struct witnesses *, struct slice id, struct slice half);
void witness_half_over(struct witnesses *, struct slice half);
/* The proof tokens of this user expire, but for one; halves, too. */
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

/*
 * A voucher of another node, by its MAC: is it shown for the first time?  False: e says that it is not, or that there
 * were too many.
 */
bool witness_take_once(struct witnesses *, const unsigned char mac[SHA256_SIZE], struct err *);

/* The token for the first user: made once, good once. */
int setup_make(struct witnesses *, struct buf *token, struct err *);
bool setup_is(struct witnesses *, struct slice token);
bool setup_was(struct slice token);	/* it is one of an earlier start, or was used up */
/* It is used up.  False: it was, by another at the same time. */
bool setup_use(struct witnesses *);

#endif
