/* Versions of certificates: made of what was issued or imported, and what follows when another one is put in force. */
#ifndef STORE_VERSION_H
#define STORE_VERSION_H

#include "store/record/record.h"

struct cert;	/* pki/cert.h */
struct store;

/*
 * In the transaction that does it; cert->current says which one, cert->public_key which key that has (spki_digest() in
 * pki/key.h), and the caller puts the certificate afterwards.  It is planned to ask whether the version is revoked, and
 * to look when it comes near its end and whether it is live; one that was to be revoked when replaced is revoked now.
 * If the key is compromised nevertheless, it is planned to replace it.
 */
int version_in_force(struct txn *, struct rec_cert *, struct err *);

/*
 * The next version of a certificate, whose leaf this is and whose chain is as given (PEM): its number, what the leaf
 * says, and that we got it now.  The caller says which key it has and where it is from, and puts both records.
 */
void version_make(struct rec_version *, struct rec_cert *, const struct cert *leaf, const char *chain);

/* For a store of before certificates knew their issuer: puts them all. */
int versions_name_issuers(struct store *, struct err *);

#endif
