#include "store/key/sharing.h"

#include "base/clock.h"
#include "pki/key.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/event/history.h"

static int is_another(void *arg, void *rec, struct err *e)
{
	return !str_eq(((const struct rec_cert *)rec)->id, arg);
}

int sharing_keeps_key(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	if (cert->key_reuse || cert->key_fresh)
		return cert->key_reuse;
	return record_each_with(t, &rec_cert_type, REC_cert_key_id, cert->key_id, is_another, cert->id, e);
}

/* Of this key; 0: it has no version in force, or that has another key: one that was changed and is not ordered yet. */
static int generation_of(struct txn *t, const struct rec_cert *cert, const char *key_id, int64_t *generation,
			 struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	*generation = 0;
	if (!cert->current)
		return 0;
	if (rec_version_get(t, &version, id, e) < 0)
		return -1;
	*generation = str_eq(version.key_id, key_id) ? version.key_version : 0;
	return 0;
}

static bool has_expired(const struct rec_cert *cert)
{
	return cert->not_after <= clock_now();
}

/*
 * Following.
 */

struct following {
	struct txn *txn;
	const struct rec_key *key;
	bool staging;
	int64_t newest;		/* generation that one of them has in force */
};

static int find_newest(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct following *f = arg;
	int64_t generation;

	if (generation_of(f->txn, cert, f->key->id, &generation, e) < 0)
		return -1;
	if (cert->staging == f->staging)
		f->newest = MAX(f->newest, generation);
	return 0;
}

/*
 * One that was rolled back has what a person wants; its renewal brings it back to the others.  One that is revoked is
 * left to people, one whose key is compromised to daemon/ca/compromise.c.
 */
static bool may_follow(const struct following *f, const struct rec_cert *cert)
{
	return cert->staging == f->staging && cert->current == cert->newest && !has_expired(cert) && !cert->revoked &&
	       !cert->compromised && !cert->disabled && !cert->imported && !cert->open_order && cert->account_id &&
	       *cert->account_id;
}

static int follow(void *arg, void *rec, struct err *e)
{
	const struct following *f = arg;
	struct rec_cert *cert = rec;
	int64_t generation;

	if (generation_of(f->txn, cert, f->key->id, &generation, e) < 0)
		return -1;
	if (!may_follow(f, cert) || !generation || generation >= f->newest ||
	    (cert->wanted && str_eq(cert->key_type, f->key->type)))
		return 0;
	record_set(&cert->key_type, f->key->type);
	if (cert_wish(f->txn, cert, e) < 0)
		return -1;
	if (history_add(f->txn, &(struct event_of){ .actor = "engine", .action = "certificate.follows",
						    .object = cert->id, .name = cert->name },
			e, "to be ordered now: the key %s, which it shares, has a new version", f->key->name) < 0)
		return -1;
	return txn_is_large(f->txn);
}

int sharing_follow(struct txn *t, const struct rec_key *key, bool staging, struct err *e)
{
	struct following f = { .txn = t, .key = key, .staging = staging };
	_cleanup_free_ char *rest = record_child_id(key->id, staging);

	if (record_each_with(t, &rec_cert_type, REC_cert_key_id, key->id, find_newest, &f, e) < 0 ||
	    record_each_with(t, &rec_cert_type, REC_cert_key_id, key->id, follow, &f, e) < 0)
		return -1;
	return txn_is_large(t) ? agenda_set(t, AGENDA_follow, rest, clock_now(), e) : 0;
}

/* 1: there is more. */
static int follow_step(struct store *s, const char *id, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_free_ char *key_id = record_parent_id(id);
	_cleanup_txn_ struct txn *t = NULL;
	int more;

	if (store_write(s, &t, e) < 0 || agenda_delete(t, AGENDA_follow, id, e) < 0)
		return -1;
	if (rec_key_get(t, &key, key_id, e) < 0)
		return e->kind == ERR_MISSING ? txn_commit(TAKE(t), e) : -1;
	if (sharing_follow(t, &key, record_child_number(id), e) < 0)
		return -1;
	more = txn_is_large(t);
	return txn_commit(TAKE(t), e) < 0 ? -1 : more;
}

int sharing_follow_all(struct store *s, const char *id, struct err *e)
{
	int more;

	do {
		more = follow_step(s, id, e);
	} while (more > 0);
	return more;
}

/*
 * Fetching.
 */

#define SEVERAL (-1)

struct fitting {
	struct txn *txn;
	const char *key_id;
	int64_t generation[2];	/* of certificates, of staging ones; 0: there are none */
};

static int look_at(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct fitting *f = arg;
	int64_t *all = &f->generation[cert->staging], one;

	if (has_expired(cert))
		return 0;
	if (generation_of(f->txn, cert, f->key_id, &one, e) < 0)
		return -1;
	if (one)
		*all = *all && *all != one ? SEVERAL : one;
	return 0;
}

static int fit_all(struct txn *t, const struct rec_key *key, bool staging, int64_t *generation, struct err *e)
{
	struct fitting f = { .txn = t, .key_id = key->id };

	if (record_each_with(t, &rec_cert_type, REC_cert_key_id, key->id, look_at, &f, e) < 0)
		return -1;
	*generation = f.generation[staging] ? f.generation[staging] : f.generation[!staging];
	if (*generation != SEVERAL)
		return 0;
	err_set(e, ERR_CONFLICT, "certificates share the key %s, and just now not all have the same version of it",
		key->name);
	return err_hint(e, "Name the certificate: ?certificate=NAME.");
}

static int fit_one(struct txn *t, const struct rec_key *key, const char *name, bool staging, int64_t *generation,
		   struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	int found = rec_cert_by_name(t, &cert, name, staging, e);

	if (found < 0 && e->kind != ERR_MISSING)
		return -1;
	if (found == 0 && generation_of(t, &cert, key->id, generation, e) < 0)
		return -1;
	if (found == 0 && *generation)
		return 0;
	if (found < 0 || !str_eq(cert.key_id, key->id))	/* one answer for both: which others there are is not told */
		return err_set(e, ERR_MISSING, "the key %s is not that of a %scertificate %.100s", key->name,
			       staging ? "staging " : "", name);
	if (!cert.current)
		return 0;
	err_set(e, ERR_CONFLICT, "the version of %s that is in force has a different key", cert.name);
	return err_hint(e, "Try again when it is ordered with the key %s.", key->name);
}

/*
 * Users.
 */

struct sharing_users {
	struct txn *txn;
	const struct rec_key *key;
	sharing_user_fn *fn;
	void *arg;
};

static int is_in_force(void *arg, void *rec, struct err *e)
{
	const struct sharing_users *u = arg;
	const struct rec_cert *cert = rec;
	int64_t generation;

	if (generation_of(u->txn, cert, u->key->id, &generation, e) < 0)
		return -1;
	return generation && !str_eq(cert->key_id, u->key->id) ? u->fn(u->arg, cert, e) : 0;
}

int sharing_each_former(struct txn *t, const struct rec_key *key, sharing_user_fn *fn, void *arg, struct err *e)
{
	struct sharing_users u = { t, key, fn, arg };

	for (int64_t n = key->newest; n > 0; n--) {
		_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
		_cleanup_free_ char *id = record_child_id(key->id, n), *digest = NULL;

		if (rec_key_version_get(t, &version, id, e) < 0) {
			if (e->kind != ERR_MISSING)
				return -1;
			err_clear(e);
			continue;
		}
		digest = spki_digest(slice_buf(&version.spki));
		if (record_each_with(t, &rec_cert_type, REC_cert_public_key, digest, is_in_force, &u, e) < 0)
			return -1;
	}
	return 0;
}

int sharing_generation(struct txn *t, const struct rec_key *key, const char *name, bool staging, int64_t *generation,
		       struct err *e)
{
	if ((name ? fit_one(t, key, name, staging, generation, e) : fit_all(t, key, staging, generation, e)) < 0)
		return -1;
	if (!*generation)
		*generation = key->current ? key->current : key->newest;
	return 0;
}
