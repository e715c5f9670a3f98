/*
 * What of all certificates and keys a visitor sees and touches: a user with a plan what is his, a token what is in its
 * domains.  Everything that finds or lists a certificate or key asks here.
 */
#ifndef WEBUI_HTTP_SCOPE_H
#define WEBUI_HTTP_SCOPE_H

#include "store/record/record.h"

struct scope {
	bool own;		/* only what belongs to the user */
	char *user_id;		/* whom new ones belong to; NULL: nobody */
	char **plan;		/* domains in which the names of the user's certificates must be; NULL: any */
	int64_t most;		/* certificates the user may have; 0: any number */
	char **only;		/* domains in which all names must be of what a token sees and touches; NULL: any */
};
void scope_release(struct scope *);

/* Does it leave anything out? */
bool scope_limited(const struct scope *);
bool scope_has_cert(const struct scope *, const struct rec_cert *);
bool scope_has_key(const struct scope *, const struct rec_key *);
/* The same for a row of record_skim(); what is of another type is for all. */
bool scope_has_row(const struct scope *, const struct record_type *, const struct slice *value);
/* Tracked sites belong to nobody: there are those whose host is in the domains of plan and token. */
bool scope_has_site(const struct scope *, const char *name);
int scope_check_site(const struct scope *, const char *name, struct err *);
/* Is the record with this id one of these, if it is a certificate's, a key's or a site's? */
bool scope_has_id(const struct scope *, struct txn *, const char *id);
/*
 * The ids of all for which scope_has_id() is true, for who asks for very many; they are in the store, so it must be a
 * read, which must not end before.
 */
struct scope_ids {
	struct slice *id;	/* in their order */
	size_t count, room;
};
int scope_ids(const struct scope *, struct txn *, struct scope_ids *, struct err *);
bool scope_ids_has(const struct scope_ids *, const char *id);
void scope_ids_release(struct scope_ids *);
/* May it have these names?  *.example.org is in example.org as www.example.org is; an address only in itself. */
int scope_check_names(const struct scope *, char *const *names, struct err *);
/* May there be one more certificate? */
int scope_check_count(const struct scope *, struct txn *, struct err *);

#endif
