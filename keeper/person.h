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
#define PERSON_HASH_SIZE 124
#define PERSON_SECRET_SIZE 20		/* as RFC 4226 section 4 recommends */
#define PERSON_CODES 10

enum person_role { PERSON_NOBODY, PERSON_VIEWER, PERSON_OPERATOR, PERSON_ADMIN };
const char *person_role_word(enum person_role);
int person_role(struct slice word, enum person_role *, struct err *);

struct person {
	enum person_role role;
	uint32_t generation;				/* how often it was changed, see marks.h */
	char hash[PERSON_HASH_SIZE];			/* of the password, as crypt(5) has it */
	bool totp;
	unsigned char secret[PERSON_SECRET_SIZE];	/* of the app */
	unsigned char recovery[PERSON_CODES][SHA256_SIZE];	/* zero: used up */
};
void person_close(const struct person *, const struct seal *, struct slice id, struct buf *blob);
int person_open(struct person *, const struct seal *, struct slice id, struct slice blob, struct err *);

/* For `_cleanup_person_ struct person p = { 0 };`: wiped, however the function ends. */
#define _cleanup_person_ _cleanup_(person_wipe)
static inline void person_wipe(struct person *p)
{
	wipe(p, sizeof(*p));
}

#endif
