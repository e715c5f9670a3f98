/*
 * What a former program's store says of compromised keys is found out at the start; sharing by what certificates have in
 * force.
 */
#include "t/lib/store.h"

#include "daemon/ca/compromise.h"
#include "pki/cert.h"
#include "pki/file/pem.h"
#include "pki/revocation/reason.h"
#include "store/key/compromise.h"
#include "store/key/sharing.h"

static char *digest;	/* of the key of all certificates below */
static char *chain;

static int make_chain(void **state)
{
	struct key *key = key_generate(KEY_P256, &e);
	struct buf der = BUF_INIT, spki = BUF_INIT, pem = BUF_INIT;

	if (!key || cert_self_signed(key, "shop.example", &der, &e) < 0 || key_spki(key, &spki, &e) < 0)
		return -1;
	pem_add(&pem, "CERTIFICATE", slice_buf(&der));
	digest = spki_digest(slice_buf(&spki));
	chain = buf_detach(&pem);
	buf_release(&der);
	buf_release(&spki);
	key_free(key);
	return 0;
}

static int free_chain(void **state)
{
	free(digest);
	free(chain);
	return 0;
}

static void put_version(struct txn *t, const char *cert_id, int64_t number, int64_t generation, const char *reason)
{
	_cleanup_(rec_version_release) struct rec_version version = { .key_version = generation };

	version.id = record_child_id(cert_id, number);
	record_set(&version.chain, chain);
	record_set(&version.key_id, "k");
	record_set(&version.reason, reason);
	OK(rec_version_put(t, &version, &e));
}

/* Version 1 in force, with this generation of the key. */
static struct rec_cert put_cert(struct txn *t, const char *id, int64_t generation)
{
	struct rec_cert cert = { .current = 1, .newest = 1, .not_after = INT64_MAX };

	record_set(&cert.id, id);
	record_set(&cert.name, id);
	record_set(&cert.key_id, "k");
	record_set(&cert.account_id, "a");
	OK(rec_cert_put(t, &cert, &e));
	put_version(t, id, 1, generation, NULL);
	return cert;
}

static void test_a_former_programs_store(void **state)
{
	struct store *s = open_test_store();
	_cleanup_buf_ struct buf mark = BUF_INIT;
	void *arg = NULL;
	struct txn *t = write_txn(s);
	struct rec_cert a = put_cert(t, "a", 1), b = put_cert(t, "b", 1);
	int64_t due;

	a.newest = a.current = 2;
	OK(rec_cert_put(t, &a, &e));
	put_version(t, "a", 1, 1, REVOCATION_KEY_COMPROMISE);
	put_version(t, "a", 2, 2, NULL);
	OK(txn_commit(t, &e));
	OK(compromise_planner.begin(NULL, NULL, &arg, &mark, &e));
	OK(record_each_in_steps(s, &rec_cert_type, compromise_planner.fn, arg, &e));

	t = read_txn(s);
	assert_int_equal(compromise_known(t, digest, &e), 1);
	FAILS(compromise_refuse(t, digest, &e), CONFLICT, "compromised");
	assert_int_equal(agenda_due(t, AGENDA_compromise, digest, &due, &e), 1);
	OK(rec_cert_get(t, &b, "b", &e));
	assert_string_equal(b.public_key, digest);
	txn_abort(t);
	rec_cert_release(&a);
	rec_cert_release(&b);
	store_close(s);
}

static int64_t fitting(struct txn *t, const char *name, bool staging)
{
	struct rec_key key = { .id = (char *)"k", .name = (char *)"k", .newest = 7, .current = 3 };
	int64_t generation;

	err_clear(&e);
	return sharing_generation(t, &key, name, staging, &generation, &e) < 0 ? -1 : generation;
}

/* Which generation of a key is handed out. */
static void test_what_fits(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert a, b, c;

	assert_int_equal(fitting(t, NULL, false), 3);	/* nobody has it */
	a = put_cert(t, "a", 4);
	assert_int_equal(fitting(t, NULL, false), 4);	/* whatever was issued last */
	b = put_cert(t, "b", 5);
	assert_int_equal(fitting(t, NULL, false), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_int_equal(fitting(t, "a", false), 4);
	assert_int_equal(fitting(t, "b", false), 5);
	assert_int_equal(fitting(t, "b", true), -1);
	assert_int_equal(e.kind, ERR_MISSING);

	b.not_after = 1;				/* nobody trusts it */
	OK(rec_cert_put(t, &b, &e));
	assert_int_equal(fitting(t, NULL, false), 4);
	assert_int_equal(fitting(t, "b", false), 5);	/* but it is what is in force */

	c = put_cert(t, "c", 6);
	OK(rec_cert_delete(t, "c", &e));
	c.staging = true;				/* tests change nothing for others */
	OK(rec_cert_put(t, &c, &e));
	assert_int_equal(fitting(t, NULL, false), 4);
	assert_int_equal(fitting(t, NULL, true), 6);
	a.current = 0;					/* not issued yet */
	OK(rec_cert_put(t, &a, &e));
	assert_int_equal(fitting(t, "a", false), 3);
	assert_int_equal(fitting(t, NULL, false), 6);	/* all that there is */
	rec_cert_release(&a);
	rec_cert_release(&b);
	rec_cert_release(&c);
	txn_abort(t);
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = { TEST(test_a_former_programs_store), TEST(test_what_fits) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_chain, free_chain);
}
