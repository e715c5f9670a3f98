/* Copies of who signs, for those who outlive their caller's strings. */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include "acme/acme.h"

struct acme_account account_copy(const struct acme_account *);	/* its strings are owned */
void account_release(struct acme_account *);

#endif
