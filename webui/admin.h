/* What the handlers of /api/v1 have in common. */
#ifndef WEBUI_ADMIN_H
#define WEBUI_ADMIN_H

#include "webui/body.h"

/* The event of a change, in the transaction that makes it: the visitor did it. */
int admin_event(const struct request *, struct txn *, const char *action, const char *id, const char *name,
		struct err *, const char *fmt, ...) PRINTF_LIKE(7, 8);
/*
 * Has the visitor just given the password (or is the local admin), so that the keeper takes the word of request_proof()
 * for what concerns private keys?  -1 with ERR_DENIED and this code: not, and where a person can do something, that is
 * said.
 */
#define ADMIN_UNCONFIRMED KEEPER_UNCONFIRMED
int admin_confirmed(const struct request *, struct err *);
/* Commits.  wake: the agenda has something new. */
int admin_commit(struct request *, struct txn *, bool wake, struct err *);
/* The same, and answers with this value, which it takes over whatever happens. */
int admin_commit_reply(struct request *, struct txn *, bool wake, int status, json_t *answer, struct err *);

/* The one the request's path names; what is out of the visitor's scope is not there. */
int admin_find_account(struct request *, struct txn *, struct rec_account *, struct err *);
int admin_find_key(struct request *, struct txn *, struct rec_key *, struct err *);
/* ?staging=true or false says which of the name; without, production is looked for first. */
int admin_find_cert(struct request *, struct txn *, struct rec_cert *, struct err *);
/* The parameters of the query; -1 if there is one that api.def does not have. */
int admin_query(struct request *, struct params *, struct err *);
/* Deletes the records whose ids are "parent/...". */
int admin_delete_children(struct txn *, const struct record_type *, const char *parent, struct err *);

/* A certificate's record with its status and the names of its account and key. */
json_t *admin_show_cert(const struct rec_cert *, const char *account, const char *key);
/*
 * Members of a certificate to be: its names, the type of its keys (NULL: not given),
 * the days in renew_before as seconds.
 */
int admin_read_names(const json_t *body, char ***names, struct err *);
int admin_read_key_type(const json_t *body, char **word, struct err *);
int admin_read_renew_before(const json_t *body, int64_t *seconds, struct err *);
/* The members tags and note; what is not given stays as it is.  1: something has changed. */
int admin_read_labels(const json_t *body, struct rec_cert *, struct err *);
/* Is one of the names this server's own, so that the certificate is served by SNI? */
bool admin_is_site(const struct request *, char *const *names);
/* May the visitor's plan allow these names?  That of this server, behind which everybody signs in, none does. */
int admin_check_names(const struct request *, char *const *names, struct err *);
/* One of its versions or orders; NULL: it is gone. */
json_t *admin_show_version(struct txn *, const struct rec_cert *, int64_t number);
json_t *admin_show_order(struct txn *, const struct rec_cert *, int64_t number);
/* The same with all of this looked up. */
json_t *admin_show_one_cert(struct txn *, const struct rec_cert *);
/* The last check of its web servers. */
json_t *admin_show_check(const struct rec_cert *, const struct rec_check *);
/* Fills in names and request from a PEM or DER text that a person sent. */
int admin_read_csr(struct rec_cert *, const char *text, struct err *);
/* Does the CA offer it, as far as we know?  profile may be NULL. */
/* Another account orders it from now on; *order: at once. */
int admin_set_account(struct txn *, struct rec_cert *, const char *name, bool *order, struct err *);
int admin_check_profile(const struct rec_account *, const char *profile, struct err *);
json_t *admin_show_account(struct txn *, const void *rec);
/* Without what somebody with limits is not to know. */
json_t *admin_show_account_to(const struct scope *, struct txn *, const struct rec_account *);
json_t *admin_show_limits(const struct scope *, struct txn *, const struct rec_account *);
/* The member "contact" as mailto: URLs. */
int admin_read_contact(char ***contact, const json_t *body, struct err *);
/* The name of another record by its id, as a member; null if it is gone. */
void admin_put_account_name(json_t *, struct txn *, const char *account_id);
void admin_put_key_name(json_t *, struct txn *, const char *key_id);
void admin_put_owner_name(json_t *, struct txn *, const char *user_id);
/* What forms offer to choose from: CAs; plans, as a member of a page's value. */
json_t *choices_cas(void);
void choices_put_plans(json_t *page, struct txn *);
/* What became of the deploy hook of its version in force; null if there is none. */
json_t *admin_show_deploy(const struct request *, struct txn *, const struct rec_cert *);
/* The last use of each API key; "behind": another version than this one was fetched. */
void admin_put_consumers(json_t *, struct txn *, const char *id, int64_t current);
/* What servers show in its place, as "live"; null: that was not looked at. */
void admin_put_live(json_t *, struct txn *, const struct rec_cert *);

/*
 * How old a key is, and what to do if it is too old:
 * "key_age_days", "key_note" (or "age_days", "note" with prefix "").
 */
void admin_put_key_age(json_t *, const struct request *, struct txn *, const struct rec_key *, const char *prefix);
/* A member that is a number of days, as seconds; without it *seconds stays. */
int admin_read_days(const json_t *body, const char *member, int64_t *seconds, struct err *);
/* The member "rotate_after": days, 0 as configured, or "never". */
int admin_read_rotate_after(const json_t *body, int64_t *seconds, struct err *);
/* What its CA says of the version in force: "revocation". */
void admin_put_revocation(json_t *, struct txn *, const struct rec_cert *);

/* Puts the key the keeper has just made or imported: its record and version 1.  field: of key_new, key_import. */
int admin_put_key(struct txn *, struct rec_key *, const struct slice *field, struct err *);
/* Members of the answers that show API keys, this once. */
void admin_put_api_keys(json_t *, const char *member, struct slice first, struct slice second);

/* Replaces one of two API keys (POST .../apikeys/1). */
struct admin_rotation {
	const char *object;		/* "certificate" or "key" */
	const struct record_type *type;
	size_t access;			/* offset of the access blob in its record */
};
int admin_rotate(struct request *, const struct admin_rotation *, const char *id, const char *name, struct slice access,
		 struct err *);

#endif
