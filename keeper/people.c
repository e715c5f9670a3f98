/* The rows of proto.def about people: passwords, codes, who is an administrator. */
#include <crypt.h>
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "keeper/call.h"
#include "keeper/marks.h"
#include "keeper/peer.h"
#include "keeper/totp.h"
#include "keeper/witness.h"

#define ID_BYTES 16
#define YESCRYPT "$y$"

/* crypt(3) with memory of its own; setting NULL: a new salt. */
static int hash_password(const char *password, const char *setting, struct buf *hash, struct err *e)
{
	_cleanup_free_ char *fresh = NULL;
	void *work = NULL;
	int work_size = 0;
	char *result;

	if (strlen(password) >= CRYPT_MAX_PASSPHRASE_SIZE)
		return err_set(e, ERR_INVALID, "a password may have %d bytes at most", CRYPT_MAX_PASSPHRASE_SIZE - 1);
	if (!setting)
		setting = fresh = crypt_gensalt_ra(YESCRYPT, 0, NULL, 0);
	result = setting ? crypt_ra(password, setting, &work, &work_size) : NULL;
	if (result && *result != '*')
		buf_add_str(hash, result);
	else
		err_errno(e, ERR_INTERNAL, "hashing a password with yescrypt");
	if (work)
		wipe(work, (size_t)work_size);
	free(work);
	return hash->len ? 0 : -1;
}

int op_password_hash(struct call *c, struct err *e)
{
	const char *password = call_text(c, "password", e);

	return password ? hash_password(password, NULL, call_out(c, "hash"), e) : -1;
}

/* A user who does not exist (no hash) must take as long as a wrong password. */
static int is_password(const char *password, const char *hash, bool *same, struct err *e)
{
	_cleanup_buf_wipe_ struct buf again = BUF_INIT;
	bool known = str_starts(hash, YESCRYPT);

	*same = false;
	if (hash_password(password, known ? hash : NULL, &again, e) < 0)
		return -1;
	*same = known && again.len == strlen(hash) && same_secret(again.data, hash, again.len);
	return 0;
}

int op_password_check(struct call *c, struct err *e)
{
	const char *password = call_text(c, "password", e), *hash = call_text(c, "hash", e);
	bool same;

	if (!password || !hash || is_password(password, hash, &same, e) < 0)
		return -1;
	buf_add_str(call_out(c, "same"), same ? "1" : "0");
	return 0;
}

/*
 * Users.
 */

static int open_person(const struct call *c, struct person *p, struct err *e)
{
	struct slice id = call_in(c, "id");

	return person_open(p, &c->room->seal, id, call_in(c, "user"), e) < 0 ||
	       marks_check(c->room->marks, id, p->generation, clock_mono_ms(), e) < 0 ? -1 : 0;
}

/* What it was before is over when this is settled. */
static int close_person(struct call *c, struct person *p)
{
	p->generation++;
	person_close(p, &c->room->seal, call_in(c, "id"), call_out(c, "user"));
	return 0;
}

static int set_password(const struct call *c, struct person *p, struct err *e)
{
	const char *password = call_text(c, "password", e);
	_cleanup_buf_wipe_ struct buf hash = BUF_INIT;

	if (!password || hash_password(password, NULL, &hash, e) < 0)
		return -1;
	if (hash.len >= PERSON_HASH_SIZE)
		return err_set(e, ERR_INTERNAL, "a hash of yescrypt is %zu bytes long", hash.len);
	memset(p->hash, 0, sizeof(p->hash));
	memcpy(p->hash, hash.data, hash.len);
	return 0;
}

/* A local admin or an administrator may; and the user himself what concerns only him. */
static int check_change(const struct call *c, bool own_too, struct err *e)
{
	struct witness who;

	if (call_by_peer(c))
		return peer_check(c->proof_fd, c->room->daemon, &c->room->admins, c->room->user, e);
	if (witness_find(c->room->witnesses, call_in(c, "proof"), &who) &&
	    (who.role == PERSON_ADMIN || (own_too && slice_eq(call_in(c, "id"), slice_str(who.id)))))
		return witness_opens(c->room->witnesses, call_in(c, "proof"), call_in(c, "id"))
			       ? 0
			       : witness_unconfirmed(e);
	if (witness_check_stale(c->room->witnesses, call_in(c, "proof"), e) < 0)
		return -1;
	return err_set(e, ERR_DENIED, "this is for an administrator who has just given the password");
}

int op_setup_open(struct call *c, struct err *e)
{
	return setup_make(c->room->witnesses, call_out(c, "token"), e);
}

static int setup_is_over(struct err *e)
{
	err_set(e, ERR_DENIED, "the setup link is invalid: it works once, and until the next start");
	return err_hint(e,
			"The newest link is in the log. If it was used in vain, restart Certera for a new one, or run "
			"certeractl setup on the server.");
}

int op_user_new(struct call *c, struct err *e)
{
	bool setup = setup_is(c->room->witnesses, call_in(c, "proof"));
	_cleanup_free_ char *id = random_hex(ID_BYTES);
	_cleanup_person_ struct person p = { 0 };
	struct witness who;

	if (person_role(call_in(c, "role"), &p.role, e) < 0)
		return -1;
	if (call_by_peer(c)) {
		if (peer_check(c->proof_fd, c->room->daemon, &c->room->admins, c->room->user, e) < 0)
			return -1;
	} else if (witness_check_stale(c->room->witnesses, call_in(c, "proof"), e) < 0) {
		return -1;
	} else if (!setup && setup_was(call_in(c, "proof"))) {
		return setup_is_over(e);
	} else if (!setup &&
		   (!witness_find(c->room->witnesses, call_in(c, "proof"), &who) || who.role != PERSON_ADMIN)) {
		return err_set(e, ERR_DENIED, "users are added by an administrator who has just given the password");
	}
	if (set_password(c, &p, e) < 0)
		return -1;
	if (setup && !setup_use(c->room->witnesses))	/* two at once: the one that was slower */
		return setup_is_over(e);
	buf_add_str(call_out(c, "id"), id);
	person_close(&p, &c->room->seal, slice_str(id), call_out(c, "user"));
	log_info("user %s is made, with the role %s%s", id, person_role_word(p.role),
		 setup ? ", by the link of the first start" : "");
	return 0;
}

/* The code of the app, or one for recovery; *changed: the blob is another then. */
static bool check_code(struct call *c, struct person *p, const char *code, bool *changed)
{
	int64_t after = strtoll(call_in(c, "after").data, NULL, 10);
	int64_t step = totp_step(p->secret, code, clock_now(), after);

	if (step && witness_take_step(c->room->witnesses, call_in(c, "id"), step)) {
		buf_addf(call_out(c, "step"), "%lld", (long long)step);
		return true;
	}
	*changed = !step && recovery_use(p, code);
	return *changed;
}

/* What the answer says; a recovery code that is used up makes another blob. */
static int answer_check(struct call *c, struct person *p, bool good, bool changed)
{
	struct witness who = { .role = p->role };

	buf_add_str(call_out(c, "good"), good ? "1" : "0");
	if (good) {
		witness_was_right(c->room->witnesses, call_in(c, "id"));
		snprintf(who.id, sizeof(who.id), "%s", (const char *)call_in(c, "id").data);
		witness_add(c->room->witnesses, &who, call_out(c, "proof"));
		buf_add_str(call_out(c, "role"), person_role_word(p->role));
	}
	return changed ? close_person(c, p) : 0;
}

int op_user_check(struct call *c, struct err *e)
{
	const char *password = call_text(c, "password", e), *code = call_text(c, "code", e);
	bool known, good, changed = false;
	_cleanup_person_ struct person p = { 0 };

	if (!password || !code)
		return -1;
	known = call_in(c, "user").len && open_person(c, &p, e) == 0;
	if ((!known && call_in(c, "user").len) ||
	    (known && witness_check_guesses(c->room->witnesses, call_in(c, "id"), e) < 0))
		return -1;
	if (is_password(password, p.hash, &good, e) < 0)
		return -1;
	if (good && p.totp && !*code)
		witness_half(c->room->witnesses, call_in(c, "id"), call_out(c, "half"));
	good = good && (!p.totp || check_code(c, &p, code, &changed));
	return answer_check(c, &p, good, changed);
}

int op_user_code(struct call *c, struct err *e)
{
	const char *code = call_text(c, "code", e);
	bool good, changed = false;
	_cleanup_person_ struct person p = { 0 };

	if (!code || open_person(c, &p, e) < 0 || witness_check_guesses(c->room->witnesses, call_in(c, "id"), e) < 0)
		return -1;
	if (!witness_is_half(c->room->witnesses, call_in(c, "id"), call_in(c, "half"))) {
		err_set(e, ERR_DENIED, "signing in took too long");
		return err_hint(e, "Begin again with your name and password.");
	}
	good = p.totp && check_code(c, &p, code, &changed);
	if (good)
		witness_half_over(c->room->witnesses, call_in(c, "half"));
	return answer_check(c, &p, good, changed);
}

int op_user_recover(struct call *c, struct err *e)
{
	const char *code = call_text(c, "code", e);
	bool good, changed = false;
	_cleanup_person_ struct person p = { 0 };

	if (!code || open_person(c, &p, e) < 0)
		return -1;
	if (!witness_may_try(c->room->witnesses, call_in(c, "id")))
		return err_set(e, ERR_LIMIT, "too many codes were tried: none is looked at before tomorrow");
	good = p.totp && check_code(c, &p, code, &changed);
	if (set_password(c, &p, e) < 0)
		return -1;
	buf_add_str(call_out(c, "good"), good ? "1" : "0");
	if (!good)
		return 0;
	witness_forget(c->room->witnesses, call_in(c, "id"), slice_str(""));
	return close_person(c, &p);
}

static int check_other(const struct call *c, const struct person *p, struct err *e)
{
	const char *password = call_text(c, "password", e);
	bool same;

	if (!slice_eq(call_in(c, "other"), slice_str("1")))
		return 0;
	if (!password || is_password(password, p->hash, &same, e) < 0)
		return -1;
	return same ? err_set(e, ERR_INVALID, "this is the password that you have: choose a different one") : 0;
}

int op_user_password(struct call *c, struct err *e)
{
	_cleanup_person_ struct person p = { 0 };

	if (check_change(c, true, e) < 0 || open_person(c, &p, e) < 0 || check_other(c, &p, e) < 0 ||
	    set_password(c, &p, e) < 0)
		return -1;
	witness_forget(c->room->witnesses, call_in(c, "id"), call_in(c, "proof"));
	return close_person(c, &p);
}

int op_user_role(struct call *c, struct err *e)
{
	_cleanup_person_ struct person p = { 0 };

	if (check_change(c, false, e) < 0 || open_person(c, &p, e) < 0 ||
	    person_role(call_in(c, "role"), &p.role, e) < 0)
		return -1;
	witness_forget(c->room->witnesses, call_in(c, "id"), slice_str(""));
	return close_person(c, &p);
}

/*
 * Codes of an app.
 */

int op_totp_new(struct call *c, struct err *e)
{
	unsigned char secret[PERSON_SECRET_SIZE];
	_cleanup_person_ struct person p = { 0 };

	if (check_change(c, true, e) < 0 || open_person(c, &p, e) < 0)
		return -1;
	random_bytes(secret, sizeof(secret));
	totp_text(secret, call_out(c, "secret"));
	seal_close(&c->room->seal, PERSON_PENDING, call_in(c, "id"), slice(secret, sizeof(secret)),
		   call_out(c, "pending"));
	wipe(secret, sizeof(secret));
	return 0;
}

/* The person of the question, with the secret that is pending. */
static int open_pending(const struct call *c, struct person *p, struct err *e)
{
	_cleanup_buf_wipe_ struct buf secret = BUF_INIT;

	if (check_change(c, true, e) < 0 || open_person(c, p, e) < 0 ||
	    seal_open(&c->room->seal, PERSON_PENDING, call_in(c, "id"), call_in(c, "pending"), &secret, e) < 0)
		return -1;
	if (secret.len != PERSON_SECRET_SIZE)
		return err_set(e, ERR_STORAGE, "the secret of an app is %zu bytes long", secret.len);
	memcpy(p->secret, secret.data, sizeof(p->secret));
	return 0;
}

int op_totp_show(struct call *c, struct err *e)
{
	_cleanup_person_ struct person p = { 0 };

	if (open_pending(c, &p, e) < 0)
		return -1;
	totp_text(p.secret, call_out(c, "secret"));
	return 0;
}

int op_totp_confirm(struct call *c, struct err *e)
{
	char now[CLOCK_RFC3339_SIZE];
	const char *code = call_text(c, "code", e);
	_cleanup_person_ struct person p = { 0 };
	int64_t step;

	if (!code || open_pending(c, &p, e) < 0)
		return -1;
	step = totp_step(p.secret, code, clock_now(), 0);
	if (!step) {
		err_set(e, ERR_INVALID, "this is not the code that the app shows now");
		return err_hint(e, "Check the clock of the phone. The time here is %s.",
				clock_rfc3339(now, clock_now()));
	}
	witness_take_step(c->room->witnesses, call_in(c, "id"), step);
	p.totp = true;
	recovery_make(&p, call_out(c, "codes"));
	buf_addf(call_out(c, "step"), "%lld", (long long)step);
	return close_person(c, &p);
}

int op_totp_remove(struct call *c, struct err *e)
{
	_cleanup_person_ struct person p = { 0 };

	if (check_change(c, true, e) < 0 || open_person(c, &p, e) < 0)
		return -1;
	p.totp = false;
	memset(p.secret, 0, sizeof(p.secret));
	memset(p.recovery, 0, sizeof(p.recovery));
	return close_person(c, &p);
}

int op_recovery_new(struct call *c, struct err *e)
{
	_cleanup_person_ struct person p = { 0 };

	if (check_change(c, true, e) < 0 || open_person(c, &p, e) < 0)
		return -1;
	if (!p.totp)
		return err_set(e, ERR_CONFLICT, "there is no authenticator app that these codes could replace");
	recovery_make(&p, call_out(c, "codes"));
	return close_person(c, &p);
}
