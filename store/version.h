/* What follows whenever another version of a certificate is put in force: issued, imported or rolled back to. */
#ifndef STORE_VERSION_H
#define STORE_VERSION_H

#include "store/record.h"

/*
 * In the transaction that does it; cert->current says which one, and the caller puts the certificate afterwards.  It is
 * planned to ask whether the version is revoked, and to look when it comes near its end and whether it is live; one
 * that was to be revoked when replaced is revoked now.
 */
int version_in_force(struct txn *, struct rec_cert *, struct err *);

#endif
