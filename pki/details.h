/*
 * What a certificate request says besides its names: subject fields (RFC 5280 section 4.1.2.6), must-staple (RFC 7633).
 */
#ifndef PKI_DETAILS_H
#define PKI_DETAILS_H

#include "pki/cert.h"

struct csr_details {		/* texts may be NULL or empty: not asked for */
#define DETAIL(field, member, oid, tag, least, most, what) const char *field;
#include "pki/detail.def"
#undef DETAIL
	bool must_staple;	/* clients shall insist on a stapled OCSP answer */
};

/*
 * Can they be asked for, for these names (normal form)?  member: the word of detail.def at fault, where there is one.
 */
int details_check(const struct csr_details *, char *const *names, const char **member, struct err *);
/* As lines of text, and back: those borrow from `text`, which is changed. */
void details_write(const struct csr_details *, struct buf *text);
void details_read(struct csr_details *, char *text);
/* What of it the CA did not put into the certificate: sentences' ends like "organization"; owned, NULL: nothing. */
char **details_dropped(const struct csr_details *, const struct cert *leaf);

/* Private to pki/: the subject, a Name; the value of the extension for must-staple, if that is asked for. */
int details_put_subject(const struct csr_details *, char *const *names, struct buf *out, struct err *);
void details_put_extensions(const struct csr_details *, struct buf *list);

#endif
