/* People, as the keeper knows them: who may make whom what, passwords, codes of an app, and its word for who has just proved it. */
#include "t/lib/keeper.h"

#include <liboath/oath.h>

#include "base/clock.h"
#include "pki/key.h"

#define PASSWORD "correct horse battery"

/* Answer fields. */
enum { NEW_ID, NEW_USER };
enum { CHECK_GOOD, CHECK_ROLE, CHECK_USER, CHECK_STEP, CHECK_PROOF, CHECK_HALF };

struct somebody {
	struct buf id, user, proof;
};

static void release_somebody(struct somebody *s)
{
	buf_wipe(&s->id);
	buf_wipe(&s->user);
	buf_wipe(&s->proof);
}

static void take(struct buf *to, struct slice from)
{
	buf_clear(to);
	buf_add(to, from.data, from.len);
}

static bool sign_in(struct fixture *f, struct somebody *s, const char *password, const char *code, const char *after)
{
	struct reply r = { 0 };
	bool good;

	assert_int_equal(ASK(f, &r, user_check, -1, slice_buf(&s->id), slice_buf(&s->user), S(password), S(code), S(after)), ERR_NONE);
	good = str_eq(buf_str(&r.field[CHECK_GOOD]), "1");
	assert_int_equal(r.field[CHECK_PROOF].len != 0, good);
	take(&s->proof, F(&r, CHECK_PROOF));
	if (r.field[CHECK_USER].len)
		take(&s->user, F(&r, CHECK_USER));
	release_reply(&r);
	return good;
}

static struct buf setup;	/* the token of the first start */

static struct somebody add(struct fixture *f, const char *role, struct slice proof)
{
	struct somebody s = { 0 };
	struct reply r = { 0 };

	assert_int_equal(ASK(f, &r, user_new, -1, S(role), S(PASSWORD), proof), ERR_NONE);
	take(&s.id, F(&r, NEW_ID));
	take(&s.user, F(&r, NEW_USER));
	release_reply(&r);
	return s;
}

static struct somebody admin;	/* made by the first test, with the token of the first start */

static void first_user(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };

	assert_int_equal(ASK(f, &r, user_new, -1, S("admin"), S(PASSWORD), S("")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_new, -1, S("admin"), S(PASSWORD), S("cst_guess")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_new, -1, S("admin"), S(PASSWORD), S(KEEPER_PROOF_PEER)), ERR_DENIED);
	assert_int_equal(ASK_BARE(f, &r, setup_open), ERR_NONE);
	take(&setup, F(&r, 0));
	/* A front that was taken over asks again. */
	assert_int_equal(ASK_BARE(f, &r, setup_open), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_new, -1, S("king"), S(PASSWORD), slice_buf(&setup)), ERR_INVALID);
	admin = add(f, "admin", slice_buf(&setup));
	assert_int_equal(ASK(f, &r, user_new, -1, S("admin"), S(PASSWORD), slice_buf(&setup)), ERR_DENIED);
	release_reply(&r);
}

static void passwords(void **state)
{
	struct fixture *f = *state;
	struct somebody nobody = { 0 };
	struct reply r = { 0 };

	assert_false(sign_in(f, &admin, "wrong horse battery", "", "0"));
	assert_false(sign_in(f, &nobody, PASSWORD, "", "0"));
	assert_true(sign_in(f, &admin, PASSWORD, "", "0"));
	assert_int_equal(ASK(f, &r, user_check, -1, S("another"), slice_buf(&admin.user), S(PASSWORD), S(""), S("0")), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, user_password, -1, slice_buf(&admin.id), slice_buf(&admin.user), S("another secret"), S(""), S("")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_password, -1, slice_buf(&admin.id), slice_buf(&admin.user), S("another secret"),
			     slice_buf(&admin.proof), S("")), ERR_NONE);
	take(&admin.user, F(&r, 0));
	assert_int_equal(ASK(f, &r, user_password, -1, slice_buf(&admin.id), slice_buf(&admin.user), S("another secret"),
			     slice_buf(&admin.proof), S("1")), ERR_INVALID);	/* it is no other */
	assert_false(sign_in(f, &admin, PASSWORD, "", "0"));
	assert_true(sign_in(f, &admin, "another secret", "", "0"));
	release_somebody(&nobody);
	release_reply(&r);
}

static void who_makes_whom(void **state)
{
	struct fixture *f = *state;
	struct somebody viewer = add(f, "viewer", slice_buf(&admin.proof)), other = add(f, "operator", slice_buf(&admin.proof));
	struct reply r = { 0 };

	assert_true(sign_in(f, &viewer, PASSWORD, "", "0"));
	assert_int_equal(ASK(f, &r, user_new, -1, S("viewer"), S(PASSWORD), slice_buf(&viewer.proof)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_role, -1, slice_buf(&viewer.id), slice_buf(&viewer.user), S("admin"), slice_buf(&viewer.proof)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_password, -1, slice_buf(&other.id), slice_buf(&other.user), S(PASSWORD), slice_buf(&viewer.proof), S("")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, totp_remove, -1, slice_buf(&other.id), slice_buf(&other.user), slice_buf(&viewer.proof)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_password, -1, slice_buf(&viewer.id), slice_buf(&viewer.user), S(PASSWORD), slice_buf(&viewer.proof), S("")), ERR_NONE);

	assert_int_equal(ASK(f, &r, user_role, -1, slice_buf(&viewer.id), slice_buf(&viewer.user), S("operator"), slice_buf(&admin.proof)), ERR_NONE);
	take(&viewer.user, F(&r, 0));
	/* What was said of the user before is good no more. */
	assert_int_equal(ASK(f, &r, user_password, -1, slice_buf(&viewer.id), slice_buf(&viewer.user), S(PASSWORD), slice_buf(&viewer.proof), S("")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_check, -1, slice_buf(&viewer.id), slice_buf(&viewer.user), S(PASSWORD), S(""), S("0")), ERR_NONE);
	assert_string_equal(buf_str(&r.field[CHECK_ROLE]), "operator");
	release_reply(&r);
	release_somebody(&viewer);
	release_somebody(&other);
}

/* The code of the app whose secret (base32) this is, so many steps from now. */
static char *code_of(const struct buf *secret, int steps)
{
	char *raw = NULL, *code = xmalloc(7);
	size_t len;

	assert_int_equal(oath_base32_decode(secret->data, secret->len, &raw, &len), OATH_OK);
	assert_int_equal(oath_totp_generate(raw, len, clock_now() + 30 * steps, 30, 0, 6, code), OATH_OK);
	free(raw);
	return code;
}

static void codes(void **state)
{
	struct fixture *f = *state;
	struct somebody s = add(f, "operator", slice_buf(&admin.proof));
	_cleanup_strv_ char **recovery = NULL;
	_cleanup_buf_ struct buf secret = BUF_INIT, pending = BUF_INIT, step = BUF_INIT, half = BUF_INIT;
	_cleanup_free_ char *now = NULL, *next = NULL, *far = NULL;
	struct reply r = { 0 };

	assert_true(sign_in(f, &s, PASSWORD, "", "0"));
	assert_int_equal(ASK(f, &r, recovery_new, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&s.proof)), ERR_CONFLICT);
	assert_int_equal(ASK(f, &r, totp_new, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&s.proof)), ERR_NONE);
	take(&secret, F(&r, 0));
	take(&pending, F(&r, 1));
	assert_int_equal(secret.len, 32);
	now = code_of(&secret, 0);
	next = code_of(&secret, 1);
	far = code_of(&secret, 5);
	assert_int_equal(ASK(f, &r, totp_confirm, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&pending), S(far), slice_buf(&s.proof)), ERR_INVALID);
	assert_int_equal(ASK(f, &r, totp_confirm, -1, slice_buf(&admin.id), slice_buf(&admin.user), slice_buf(&pending), S(now), slice_buf(&admin.proof)), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, totp_confirm, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&pending), S(now), slice_buf(&s.proof)), ERR_NONE);
	take(&s.user, F(&r, 0));
	take(&step, F(&r, 1));
	recovery = strv_split(buf_str(&r.field[2]), "\n");
	assert_int_equal(strv_len(recovery), 10);

	assert_false(sign_in(f, &s, PASSWORD, "", "0"));
	assert_false(sign_in(f, &s, PASSWORD, far, "0"));
	assert_false(sign_in(f, &s, PASSWORD, now, "0"));		/* used already, as the keeper remembers */
	assert_false(sign_in(f, &s, "wrong", next, buf_str(&step)));	/* and this one is not used up by that */
	assert_true(sign_in(f, &s, PASSWORD, next, buf_str(&step)));
	assert_false(sign_in(f, &s, PASSWORD, next, "0"));

	assert_true(sign_in(f, &s, PASSWORD, recovery[3], "0"));
	assert_false(sign_in(f, &s, PASSWORD, recovery[3], "0"));
	for (char *p = recovery[4]; *p; p++)
		*p = *p == '-' ? ' ' : (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	assert_true(sign_in(f, &s, PASSWORD, recovery[4], "0"));

	/* The password alone gives half a proof: good for a code of this user, once, and for nothing else. */
	assert_int_equal(ASK(f, &r, user_check, -1, slice_buf(&s.id), slice_buf(&s.user), S("wrong"), S(""), S("0")), ERR_NONE);
	assert_int_equal(r.field[CHECK_HALF].len, 0);
	assert_int_equal(ASK(f, &r, user_check, -1, slice_buf(&s.id), slice_buf(&s.user), S(PASSWORD), S(""), S("0")), ERR_NONE);
	assert_int_equal(r.field[CHECK_PROOF].len, 0);
	take(&half, F(&r, CHECK_HALF));
	assert_true(str_starts(buf_str(&half), "ckh_"));
	assert_int_equal(ASK(f, &r, recovery_new, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&half)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_password, -1, slice_buf(&s.id), slice_buf(&s.user), S(PASSWORD), slice_buf(&half), S("")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_code, -1, slice_buf(&admin.id), slice_buf(&admin.user), slice_buf(&half), S(recovery[5]), S("0")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_code, -1, slice_buf(&s.id), slice_buf(&s.user), S("ckh_guess"), S(recovery[5]), S("0")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, user_code, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&half), S("123"), S("0")), ERR_NONE);
	assert_string_equal(buf_str(&r.field[CHECK_GOOD]), "0");
	assert_int_equal(ASK(f, &r, user_code, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&half), S(recovery[5]), S("0")), ERR_NONE);
	assert_string_equal(buf_str(&r.field[CHECK_GOOD]), "1");
	take(&s.proof, F(&r, CHECK_PROOF));
	take(&s.user, F(&r, CHECK_USER));
	assert_int_equal(ASK(f, &r, user_code, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&half), S(recovery[6]), S("0")), ERR_DENIED);
	assert_int_equal(ASK(f, &r, totp_remove, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&s.proof)), ERR_NONE);
	take(&s.user, F(&r, 0));
	assert_true(sign_in(f, &s, PASSWORD, "", "0"));
	release_reply(&r);
	release_somebody(&s);
}

/* Another password for a code of the app alone: few are looked at, whoever asks; who has no app cannot. */
static void recover(void **state)
{
	struct fixture *f = *state;
	struct somebody s = add(f, "operator", slice_buf(&admin.proof)), plain = add(f, "viewer", slice_buf(&admin.proof));
	_cleanup_buf_ struct buf pending = BUF_INIT;
	_cleanup_free_ char *code = NULL;
	struct reply r = { 0 };

#define RECOVER(who, code) ASK(f, &r, user_recover, -1, slice_buf(&(who)->id), slice_buf(&(who)->user), S("another secret"), S(code), S("0"))
	assert_int_equal(RECOVER(&plain, ""), ERR_NONE);
	assert_string_equal(buf_str(&r.field[0]), "0");
	assert_int_equal(r.field[1].len, 0);
	assert_true(sign_in(f, &s, PASSWORD, "", "0"));
	assert_int_equal(ASK(f, &r, totp_new, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&s.proof)), ERR_NONE);
	take(&pending, F(&r, 1));
	code = code_of(&r.field[0], -1);
	assert_int_equal(ASK(f, &r, totp_confirm, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&pending), S(code), slice_buf(&s.proof)), ERR_NONE);
	take(&s.user, F(&r, 0));
	for (int i = 0; i < 9; i++) {
		assert_int_equal(RECOVER(&s, i ? "nonsense" : code), ERR_NONE);
		assert_string_equal(buf_str(&r.field[0]), "0");
	}
	assert_int_equal(ASK(f, &r, recovery_new, -1, slice_buf(&s.id), slice_buf(&s.user), slice_buf(&s.proof)), ERR_NONE);
	take(&s.user, F(&r, 0));
	free(code);
	code = xstrndup(r.field[1].data, strcspn(r.field[1].data, "\n"));
	assert_int_equal(RECOVER(&s, code), ERR_NONE);
	assert_string_equal(buf_str(&r.field[0]), "1");
	take(&s.user, F(&r, 1));
	assert_false(sign_in(f, &s, PASSWORD, "", "0"));
	assert_int_equal(RECOVER(&s, code), ERR_LIMIT);
#undef RECOVER
	release_reply(&r);
	release_somebody(&s);
	release_somebody(&plain);
}

/* Private keys leave for the word of the keeper: that of an operator or administrator. */
static void word_for_keys(void **state)
{
	struct fixture *f = *state;
	struct somebody viewer = add(f, "viewer", slice_buf(&admin.proof)), operator = add(f, "operator", slice_buf(&admin.proof));
	struct reply k = { 0 }, r = { 0 };

	assert_true(sign_in(f, &viewer, PASSWORD, "", "0"));
	assert_true(sign_in(f, &operator, PASSWORD, "", "0"));
	assert_int_equal(ASK(f, &k, key_new, -1, S("p256"), S(KEEPER_USE_CERTIFICATE)), ERR_NONE);
#define EXPORT(proof) ASK(f, &r, key_export, -1, F(&k, 0), F(&k, 1), F(&k, 2), proof, S("pem"))
	assert_int_equal(EXPORT(slice_buf(&viewer.proof)), ERR_DENIED);
	assert_int_equal(EXPORT(S("ckw_invented")), ERR_DENIED);
	assert_int_equal(EXPORT(S("")), ERR_DENIED);
	assert_int_equal(EXPORT(slice_buf(&operator.proof)), ERR_NONE);
	assert_int_equal(EXPORT(slice_buf(&admin.proof)), ERR_NONE);
#undef EXPORT
	release_reply(&k);
	release_reply(&r);
	release_somebody(&viewer);
	release_somebody(&operator);
}

/* A front that was taken over asks as often as it likes. */
static void guessing(void **state)
{
	struct fixture *f = *state;
	struct somebody s = add(f, "operator", slice_buf(&admin.proof)), other = add(f, "operator", slice_buf(&admin.proof));
	struct reply r = { 0 };

#define TRY(password) ASK(f, &r, user_check, -1, slice_buf(&s.id), slice_buf(&s.user), S(password), S(""), S("0"))
	for (int i = 0; i < 59; i++)
		assert_int_equal(TRY("wrong"), ERR_NONE);
	assert_true(sign_in(f, &s, PASSWORD, "", "0"));		/* then they are forgotten */
	for (int i = 0; i < 60; i++)
		assert_int_equal(TRY("wrong"), ERR_NONE);
	assert_int_equal(TRY("wrong"), ERR_LIMIT);
	assert_int_equal(TRY(PASSWORD), ERR_LIMIT);
	assert_true(sign_in(f, &other, PASSWORD, "", "0"));
#undef TRY
	release_reply(&r);
	release_somebody(&s);
	release_somebody(&other);
}

/* A key that is new, with its access blob. */
static void add_key(struct fixture *f, struct reply *r)
{
	assert_int_equal(ASK(f, r, key_new, -1, S("p256"), S("certificate")), ERR_NONE);
}

static enum err_kind rotate(struct fixture *f, const struct reply *key, const struct somebody *who)
{
	struct reply r = { 0 };
	enum err_kind kind = ASK(f, &r, access_rotate, -1, F(key, 0), F(key, 1), S("1"), slice_buf(&who->proof));

	assert_true(kind == ERR_NONE || str_eq(r.err.code, KEEPER_UNCONFIRMED));
	release_reply(&r);
	return kind;
}

/* A word is for a number of ids; the password makes a new one. */
static void what_a_word_opens(void **state)
{
	struct fixture *f = *state;
	struct reply key = { 0 }, other = { 0 };
	struct somebody s;

	s = add(f, "operator", slice_buf(&admin.proof));
	assert_true(sign_in(f, &s, PASSWORD, "", "0"));
	add_key(f, &key);
	for (int i = 1; i < KEEPER_PROOF_IDS; i++) {
		add_key(f, &other);
		assert_int_equal(rotate(f, &other, &s), ERR_NONE);
		release_reply(&other);
	}
	assert_int_equal(rotate(f, &key, &s), ERR_NONE);
	add_key(f, &other);
	assert_int_equal(rotate(f, &other, &s), ERR_DENIED);
	assert_int_equal(rotate(f, &key, &s), ERR_NONE);	/* that it was for already */
	assert_true(sign_in(f, &s, PASSWORD, "", "0"));
	assert_int_equal(rotate(f, &other, &s), ERR_NONE);
	release_reply(&other);
	release_reply(&key);
	release_somebody(&s);
}

/* The blob before the one that was settled opens for a while, that before it does not; one that was lost leaves all as it was. */
static void old_blobs(void **state)
{
	struct fixture *f = *state;
	struct buf blob[3] = { 0 };
	struct reply r = { 0 };
	struct somebody s;

	s = add(f, "viewer", slice_buf(&admin.proof));
	for (size_t i = 0; i < ARRAY_SIZE(blob); i++) {
		take(&blob[i], slice_buf(&s.user));
		assert_int_equal(ASK(f, &r, user_role, -1, slice_buf(&s.id), slice_buf(&s.user), S(i ? "operator" : "admin"), slice_buf(&admin.proof)), ERR_NONE);
		take(&s.user, F(&r, 0));
	}
	assert_int_equal(ASK(f, &r, settled, -1, slice_buf(&s.id), slice_buf(&blob[0])), ERR_NONE);	/* the others got lost */
	assert_int_equal(ASK(f, &r, settled, -1, slice_buf(&admin.id), slice_buf(&s.user)), ERR_STORAGE);	/* not the admin's */
	for (size_t i = 0; i < ARRAY_SIZE(blob); i++)
		assert_int_equal(ASK(f, &r, user_check, -1, slice_buf(&s.id), slice_buf(&blob[i]), S(PASSWORD), S(""), S("0")), ERR_NONE);
	assert_int_equal(ASK(f, &r, settled, -1, slice_buf(&s.id), slice_buf(&s.user)), ERR_NONE);
	assert_int_equal(ASK(f, &r, user_check, -1, slice_buf(&s.id), slice_buf(&blob[1]), S(PASSWORD), S(""), S("0")), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, settled, -1, slice_buf(&s.id), slice_buf(&blob[0])), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, user_check, -1, slice_buf(&s.id), slice_buf(&blob[2]), S(PASSWORD), S(""), S("0")), ERR_NONE);
	assert_int_equal(ASK(f, &r, user_check, -1, slice_buf(&s.id), slice_buf(&s.user), S(PASSWORD), S(""), S("0")), ERR_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(blob); i++)
		buf_wipe(&blob[i]);
	release_reply(&r);
	release_somebody(&s);
}

static int end(void **state)
{
	release_somebody(&admin);
	buf_wipe(&setup);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_user), cmocka_unit_test(passwords), cmocka_unit_test(who_makes_whom),
		cmocka_unit_test(codes),      cmocka_unit_test(recover),   cmocka_unit_test(word_for_keys),
		cmocka_unit_test(what_a_word_opens), cmocka_unit_test(old_blobs), cmocka_unit_test(guessing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("people", tests, set_up, end);
}
