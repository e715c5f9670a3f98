/* Codes of an app (TOTP, RFC 6238), and those for recovery that stand in for them. */
#ifndef KEEPER_TOTP_H
#define KEEPER_TOTP_H

#include "keeper/person.h"

/*
 * The step of the code, one of the present one and its neighbours that is newer than `after`;
 * 0: it is none of these.  Blanks and hyphens do not count: apps show "123 456".
 */
int64_t totp_step(const unsigned char secret[PERSON_SECRET_SIZE], const char *typed, int64_t now, int64_t after);
/* The secret as people and apps read it. */
void totp_text(const unsigned char secret[PERSON_SECRET_SIZE], struct buf *text);
/* Ten new ones; they are appended, one a line. */
void recovery_make(struct person *, struct buf *codes);
/* Is it one of them (however it is typed)?  It is used up then. */
bool recovery_use(struct person *, const char *code);

#endif
