/* The planner: what becomes of a certificate's plan, by what happens to it. */
#include "t/lib/store.h"

#include "base/clock.h"
#include "store/cert_plan.h"
#include "store/purpose.h"

#define LATER 4000000000	/* when a renewal is due */
#define SOON  3000000000	/* when something else is */
#define AT    3500000000	/* the time that is given */

/* Fields in which it differs from a certificate that is well: current, renew_at LATER. */
struct row {
	const char *name;
	struct rec_cert cert;
	enum cert_plan what;
	const char *fields;	/* that are set afterwards */
	int64_t due;		/* 0: no row; 1: now */
};

/* clang-format off */
static const struct row rows[] = {
	{ "a wish is due now",                      { .renew_at = LATER },                               CERT_wished,    "wanted ", 1 },
	{ "a wish ends a wait, undoes no failure",  { .renew_at = LATER, .failures = 2, .retry_at = SOON, .waits_for = "x" }, CERT_wished, "wanted failures=2 ", 1 },
	{ "an order that begins takes the wish",    { .wanted = true, .orders = 7, .retry_at = SOON, .waits_for = "x" }, CERT_begun, "open=7 ", SOON },
	{ "so does a kept one that is taken up",    { .wanted = true, .orders = 7, .kept_order = 6 },    CERT_resumed,   "open=6 ", SOON },
	{ "one that is interrupted is kept",        { .open_order = 7, .waiting = true },                CERT_held,      "kept=7 ", SOON },
	{ "one that is over is not",                { .open_order = 7, .verify = true },                 CERT_closed,    "", SOON },
	{ "a failure counts",                       { .failures = 1, .wanted = true, .waits_for = "x" }, CERT_failed,    "failures=2 retry ", AT },
	{ "issued, it is renewed when it is time",  { .failures = 1, .retry_at = SOON, .waits_for = "x", .renew_at = LATER }, CERT_issued, "", LATER },
	{ "a wish meanwhile is not forgotten",      { .wanted = true, .renew_at = LATER },               CERT_issued,    "wanted ", 1 },
	{ "another time of renewal moves it",       { .renew_at = LATER },                               CERT_replanned, "", LATER },
	{ "but not one that failed",                { .renew_at = LATER, .failures = 1, .retry_at = SOON }, CERT_replanned, "failures=1 retry ", SOON },
	{ "nor one that waits",                     { .renew_at = LATER, .waits_for = "x", .retry_at = SOON }, CERT_replanned, "retry waits ", SOON },
	{ "nor one under way",                      { .renew_at = LATER, .open_order = 3 },              CERT_replanned, "open=3 ", SOON },
	{ "switched off, it has no row",            { .disabled = true, .wanted = true, .waits_for = "x", .retry_at = SOON }, CERT_disabled, "retry waits ", 0 },
	{ "and gets none",                          { .disabled = true, .waits_for = "x" },              CERT_released,  "", 0 },
	{ "nor does one that is imported",          { .imported = true },                                CERT_again,     "", 0 },
	{ "switched on, it is as it was",           { .renew_at = LATER },                               CERT_enabled,   "", LATER },
	{ "waiting, if it waited",                  { .renew_at = LATER, .waits_for = "x", .retry_at = SOON + 1 }, CERT_enabled, "retry waits ", SOON + 1 },
	{ "failed, if it failed",                   { .renew_at = LATER, .failures = 1, .retry_at = SOON + 1 }, CERT_enabled, "failures=1 retry ", SOON + 1 },
	{ "under way, if it was",                   { .open_order = 3 },                                 CERT_enabled,   "open=3 ", 1 },
	{ "waiting for a person",                   { .open_order = 3, .waiting = true },                CERT_enabled,   "open=3 waiting ", 0 },
	{ "or not planned, where that is to come",  { .renew_at = 0 },                                   CERT_enabled,   "", 0 },
	{ "set aside for a person, it has no row",  { .open_order = 3, .verify = true },                 CERT_aside,     "open=3 waiting ", 0 },
	{ "until that says so",                     { .open_order = 3, .waiting = true },                CERT_verify,    "open=3 waiting verify ", 1 },
	{ "published: a crash looks once more",     { .open_order = 3, .waiting = true, .verify = true }, CERT_published, "open=3 verify ", SOON },
	{ "an import ends what was planned",        { .failures = 1, .retry_at = SOON, .waits_for = "x", .wanted = true }, CERT_imported, "", 0 },
};
/* clang-format on */

static char *fields_of(const struct rec_cert *c)
{
	struct buf text = BUF_INIT;

	buf_addf(&text, "%s", c->wanted ? "wanted " : "");
	if (c->failures)
		buf_addf(&text, "failures=%lld ", (long long)c->failures);
	buf_addf(&text, "%s%s", c->retry_at ? "retry " : "", c->waits_for ? "waits " : "");
	if (c->open_order)
		buf_addf(&text, "open=%lld ", (long long)c->open_order);
	if (c->kept_order)
		buf_addf(&text, "kept=%lld ", (long long)c->kept_order);
	buf_addf(&text, "%s%s", c->waiting ? "waiting " : "", c->verify ? "verify " : "");
	return buf_detach(&text);
}

/* The strings of a row of the table are nobody's. */
static void begin_as(struct txn *t, const struct rec_cert *like)
{
	struct rec_cert cert = *like;

	cert.id = "c1";
	cert.name = "shop";
	cert.current = 1;
	OK(rec_cert_put(t, &cert, &e));
	OK(agenda_set(t, AGENDA_issue, "c1", SOON, &e));
}

static void test_table(void **state)
{
	struct store *s = open_test_store();

	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		struct txn *t = write_txn(s);
		struct rec_cert cert = { 0 }, stored = { 0 };
		int64_t due = 0, now = clock_now();
		_cleanup_free_ char *fields = NULL;

		begin_as(t, &row->cert);
		OK(rec_cert_get(t, &cert, "c1", &e));
		OK(cert_plan_at(t, &cert, row->what, AT, NULL, &e));
		OK(rec_cert_get(t, &stored, "c1", &e));
		fields = fields_of(&stored);
		if (strcmp(fields, row->fields))
			fail_msg("%s: it has %s", row->name, fields);
		OK(agenda_due(t, AGENDA_issue, "c1", &due, &e));
		if (row->due == 1 ? due < now || due > now + 60 : due != row->due)
			fail_msg("%s: it is due at %lld", row->name, (long long)due);
		rec_cert_release(&cert);
		rec_cert_release(&stored);
		txn_abort(t);
	}
	store_close(s);
}

/* While an order runs, one wish is served by it, and another is not. */
static void test_wish(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_account account = { .id = "a1", .name = "ca", .kid = "https://ca.example/1" };
	struct rec_cert cert = { 0 };
	struct rec_order order = { .id = "c1/00000003", .account_id = "a1" };

	begin_as(t, &(struct rec_cert){ .renew_at = LATER, .orders = 3, .open_order = 3 });
	OK(rec_account_put(t, &account, &e));
	OK(rec_cert_get(t, &cert, "c1", &e));
	assert_int_equal(cert_wish(t, &cert, &e), 0);	/* of that order nothing is known */
	assert_true(cert.wanted);

	order.purpose = purpose_of(&cert, &account);
	OK(rec_order_put(t, &order, &e));
	rec_cert_release(&cert);
	begin_as(t, &(struct rec_cert){ .renew_at = LATER, .orders = 3, .open_order = 3 });
	OK(rec_cert_get(t, &cert, "c1", &e));
	assert_int_equal(cert_wish(t, &cert, &e), 1);
	assert_false(cert.wanted);
	record_set(&cert.profile, "shortlived");
	assert_int_equal(cert_wish(t, &cert, &e), 0);
	assert_true(cert.wanted);
	rec_cert_release(&cert);
	free(order.purpose);
	OK(txn_commit(t, &e));
	check_whole(s);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, make_test_dir, remove_test_dir),
		cmocka_unit_test_setup_teardown(test_wish, make_test_dir, remove_test_dir),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
