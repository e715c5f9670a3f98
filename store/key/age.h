/* How old a key is, and whether it should be replaced: in one place. */
#ifndef STORE_KEY_AGE_H
#define STORE_KEY_AGE_H

#include "store/record/record.h"

#define KEY_AGE_ROW "daily"	/* the row of the agenda, of kind rotation, under which all keys are looked at */
#define KEY_AGE_NEVER (-1)	/* rec_key.rotate_after: no reminder */

struct key_age {
	int64_t days;
	bool is_old;
};
/*
 * Of the version in force.  after: seconds after which a key without a time of its own is old; 0: never.
 * -1: not known.
 */
int key_age(struct txn *, const struct rec_key *, int64_t after, int64_t now, struct key_age *);
int64_t key_age_version(const struct rec_key *);	/* the number of the version in force */

#endif
