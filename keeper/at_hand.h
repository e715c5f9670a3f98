/*
 * The keys that signed last, and those that were made last, opened and read: the next signature with one of them need
 * not do that again.  Few; each is wiped when it goes.  Safe from any thread.
 */
#ifndef KEEPER_AT_HAND_H
#define KEEPER_AT_HAND_H

#include "base/buf.h"
#include "pki/key.h"

struct at_hand;
struct at_hand *at_hand_new(void);
void at_hand_free(struct at_hand *);	/* NULL is fine */

/* The key of exactly this id and sealed blob, which is the caller's then.  NULL: it is not here. */
struct key *at_hand_take(struct at_hand *, struct slice id, struct slice sealed);
/* Puts one (back) in front; the one that has waited longest goes. */
void at_hand_put(struct at_hand *, struct slice id, struct slice sealed, struct key *);

#endif
