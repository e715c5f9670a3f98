/* How a certificate's names are proved: the members of a request that say so. */
#ifndef WEBUI_CERT_CHALLENGE_H
#define WEBUI_CERT_CHALLENGE_H

#include "store/record/record.h"
#include "webui/http/body.h"

/*
 * Fills the fields of the certificate, whose names are there; checks that they can be proved this way.  Where no type
 * is chosen for all, wildcards get dns-01 and all others http-01.
 */
int proof_read(struct rec_cert *, const json_t *body, struct err *);
/* "http-01" or "dns-01": how this name of it is proved.  Borrowed. */
const char *proof_type(const struct rec_cert *, const char *name);
/* Was that chosen for this name alone? */
bool proof_is_own(const struct rec_cert *, const char *name);
bool proof_fits(const char *name, const char *type);	/* can a name like this be proved by that type? */
bool proof_needs_record(const struct rec_cert *, const char *name);	/* a TXT record */
/* The names have changed, and the type of challenge unless it is NULL. */
int proof_change(struct rec_cert *, const char *type, struct err *);
/* The scripts that are there by name, and their arguments; those that are not stay as they are. */
int proof_read_scripts(struct rec_cert *, const json_t *body, struct err *);
/* That member as one text of lines, NULL if there is none; a secret, owned.  configured: names it cannot have. */
int proof_read_environment(const json_t *body, const char *member, char *const *configured, char **environment,
			   struct err *);

#endif
