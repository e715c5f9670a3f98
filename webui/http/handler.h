/* What the handlers of /api/v1 have in common. */
#ifndef WEBUI_HTTP_HANDLER_H
#define WEBUI_HTTP_HANDLER_H

#include "webui/http/ask.h"
#include "webui/http/body.h"
#include "webui/http/face.h"

/* Begins a change by the visitor, who is noted in what is put. */
int admin_write(struct request *, struct txn **, struct err *);
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
int admin_commit(struct request *, struct txn *taken, bool wake, struct err *);
/* The same, and answers with this value, which it takes over whatever happens. */
int admin_commit_reply(struct request *, struct txn *taken, bool wake, int status, json_t *answer, struct err *);

/* The one the request's path names; what is out of the visitor's scope is not there. */
int admin_find_account(struct request *, struct txn *, struct rec_account *, struct err *);
int admin_find_key(struct request *, struct txn *, struct rec_key *, struct err *);
/* ?staging=true or false says which of the name; without, production is looked for first. */
int admin_find_cert(struct request *, struct txn *, struct rec_cert *, struct err *);
/* The parameters of the query; -1 if there is one that api.def does not have. */
int admin_query(struct request *, struct params *, struct err *);

/* In the transaction, with the event.  A key must be unused (ERR_CONFLICT). */
int admin_remove_cert(struct request *, struct txn *, const struct rec_cert *, struct err *);
int admin_remove_key(struct request *, struct txn *, const struct rec_key *, struct err *);

/* A certificate's record with its status and the names of its account and key. */
json_t *admin_show_cert(const struct rec_cert *, const char *account, const char *key);
/*
 * Members of a certificate to be: its names, the type of its keys (NULL: not given),
 * the days in renew_before as seconds.
 */
int admin_read_names(const json_t *body, char ***names, struct err *);
int admin_read_key_type(const json_t *body, char **word, struct err *);
int admin_read_renew_before(const json_t *body, int64_t *seconds, struct err *);
/* The members tags, note and contacts; what is not given stays as it is.  1: something has changed. */
int admin_read_labels(const json_t *body, struct rec_cert *, struct err *);
/* The name of this server, also when it was changed just now; owned. */
char *admin_hostname(const struct request *, struct txn *);
/* Did somebody choose it, in the configuration file or while running?  Otherwise it is the machine's. */
bool admin_hostname_is_chosen(const struct request *, struct txn *);
/* Is one of the names this server's own, so that the certificate is served by SNI? */
bool admin_is_site(const struct request *, char *const *names);
/* May the visitor's plan allow these names?  That of this server, behind which everybody signs in, none does. */
int admin_check_names(const struct request *, char *const *names, struct err *);
/* One of its versions or orders; NULL: it is gone. */
json_t *admin_show_version(const struct request *, struct txn *, const struct rec_cert *, int64_t number);
json_t *admin_show_order(const struct request *, struct txn *, const struct rec_cert *, int64_t number);
/* A history (store/record/steps.h) as a member, as far as it is for the visitor. */
void admin_put_steps(const struct request *, json_t *, const char *member, char *const *log);
/* The same with all of this looked up. */
json_t *admin_show_one_cert(struct txn *, const struct rec_cert *);
/* The last check of its web servers. */
json_t *admin_show_check(const struct rec_cert *, const struct rec_check *);
/*
 * It has these names from now on, which are taken over: how far they lead depends on who says so
 * (store/record/reach.h).
 */
void admin_take_names(const struct request *, struct rec_cert *, char **names);
/* Fills in names and request from a PEM or DER text that a person sent. */
/*
 * For a file that a person sends for a certificate with other names: those are what its servers get next, so nobody
 * should get them by having sent the wrong file.
 */
int admin_check_other_names(char *const *before, char *const *names, bool meant, struct err *);
int admin_read_csr(const struct request *, struct rec_cert *, const char *text, struct err *);
/* May its request be used?  With a compromised key it may not. */
int admin_check_csr(struct txn *, const struct rec_cert *, struct err *);
/* Does the CA offer it, as far as we know?  profile may be NULL. */
/* Another account orders it from now on (*changed, else it did already); *order: at once. */
int admin_set_account(struct txn *, struct rec_cert *, const char *name, bool *changed, bool *order, struct err *);
/* Does it order anything?  A deactivated one does not. */
int admin_check_orders(const struct rec_account *, struct err *);
int admin_check_profile(const struct rec_account *, const char *profile, struct err *);
json_t *admin_show_account(struct txn *, const void *rec);
/* For the form that corrects one that is not registered: what it begins with, and what there is to choose from. */
/* What the form that corrects it has, for the CA of that word (NULL: its own); choices_put_kind() puts the rest. */
void admin_put_correction(json_t *page, const struct rec_account *, const char *before, const char *word);
/* Without what somebody with limits is not to know. */
json_t *admin_show_account_to(const struct scope *, struct txn *, const struct rec_account *);
json_t *admin_show_limits(const struct scope *, struct txn *, const struct rec_account *);
/* The member "contact" as mailto: URLs. */
int admin_read_contact(char ***contact, const json_t *body, struct err *);
/* The name of another record by its id, as a member; null if it is gone. */
void admin_put_account_name(json_t *, struct txn *, const char *account_id);
void admin_put_key_name(json_t *, struct txn *, const char *key_id);
/* Is this a public key that may be used? */
int admin_check_key(struct txn *, struct slice spki, struct err *);
/* Do others know the generation of it that is in force? */
bool admin_key_is_compromised(struct txn *, const struct rec_key *);
void admin_put_owner_name(json_t *, struct txn *, const char *user_id);
/* What forms offer to choose from: CAs; plans, as a member of a page's value. */
/*
 * Members of a page: "cas", all of them, each with the path that chooses it (before, and its word); and of the one with
 * this word: "ca", its text and where its terms are (null: there is no such); "binding", whether it wants an external
 * account: required, optional (nobody knows) or none; "other": it has no short name here; and "account_form", what the
 * form begins with: the CA and, if no account is called so, its word as the name.
 */
void choices_put_cas(json_t *page, struct txn *, const char *before, const char *word);
#define CHOICES_OTHER_CA "other"	/* the word of a CA that has no short name here */
const char *choices_first_ca(void);
/* The same without "account_form" and "ca", which is returned. */
json_t *choices_put_kind(json_t *page, const char *before, const char *word);
void choices_put_plans(json_t *page, struct txn *);
/* Accounts that can order, then the others, behind what the list has by now. */
int choices_put_accounts(const struct request *, json_t *choices, const char *member, struct txn *, struct err *);
/* What became of the deploy hook of its version in force; null if there is none. */
json_t *admin_show_deploy(const struct request *, struct txn *, const struct rec_cert *);
/* The type of a key as people call it, beside its word in this member: MEMBER_text. */
void admin_put_key_type(json_t *, const char *member);
/* What the first and the second API key of something are for, in a word. */
const char *admin_api_key_purpose(int slot);
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

/* Names of the other certificates whose field (REC_cert_x) says `value`, as far as they are the visitor's to know. */
int admin_put_others(json_t *, const char *member, const struct request *, struct txn *, const struct rec_cert *,
		     size_t field, const char *value, struct err *);
/* Which others have its key ("key_shared_with"), and whether its next renewal keeps it ("key_kept"). */
int admin_put_sharing(json_t *, const struct request *, struct txn *, const struct rec_cert *, struct err *);
/* What a person says of its key at renewals: on, off or auto. */
const char *admin_key_reuse(const struct rec_cert *);
int admin_set_key_reuse(struct rec_cert *, const char *word, bool *changed, struct err *);

/*
 * Adds the names of the visitor's tokens that are good; the one of that name, else their newest (no id: there is none).
 */
int admin_choose_token(const struct request *, struct txn *, const char *wanted, json_t *names,
		       struct rec_token *chosen, struct err *);

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
