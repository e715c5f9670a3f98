/*
 * Fills a store for bench/lists: fill DIRECTORY COUNT makes as many certificates, each with a key and an event, and
 * gives the first one as many versions and orders.  The daemon must not run.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "store/db/store.h"
#include "store/event/history.h"
#include "store/record/record.h"

#define BATCH 150	/* each is some twenty changes, and a transaction has at most TXN_MOST */
#define DAY ((int64_t)24 * 60 * 60)
#define ACCESS_SIZE 180 /* of a sealed blob */
#define SPKI_SIZE 91

static void put_key(struct txn *t, const char *id, const char *name, int64_t now, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { .newest = 1, .current = 1, .created = now };
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	char access[ACCESS_SIZE] = "";

	record_set(&key.id, id);
	record_set(&key.name, name);
	record_set(&key.use, "certificate");
	record_set(&key.type, "p256");
	record_set_blob(&key.access, slice(access, sizeof(access)));
	version.id = record_child_id(id, 1);
	version.created = now;
	random_bytes(access, SPKI_SIZE);
	record_set_blob(&version.spki, slice(access, SPKI_SIZE));
	record_set_blob(&version.material, slice(access, sizeof(access)));
	if (rec_key_put(t, &key, e) < 0 || rec_key_version_put(t, &version, e) < 0)
		die("%s", e->message);
}

/* Every status has its share. */
static void put_cert(struct txn *t, long n, int64_t now, struct err *e)
{
	static const char *const accounts[] = { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
						"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" };
	_cleanup_(rec_cert_release) struct rec_cert cert = { .created = now };
	_cleanup_free_ char *name = xasprintf("shop-%06ld", n), *host = xasprintf("www.shop-%06ld.example.org", n);
	_cleanup_free_ char *tag = xasprintf("team-%ld", n % 50);
	char access[ACCESS_SIZE] = "";

	cert.id = random_hex(16);
	record_set(&cert.name, name);
	strv_add(&cert.names, host + strlen("www."));
	strv_add(&cert.names, host);
	strv_add(&cert.tags, tag);
	record_set(&cert.account_id, accounts[n % 2]);
	record_set(&cert.key_type, n % 5 ? "p256" : "rsa2048");
	record_set_blob(&cert.access, slice(access, sizeof(access)));
	cert.key_id = random_hex(16);
	put_key(t, cert.key_id, name, now, e);
	cert.current = cert.newest = cert.orders = n % 10 != 9;
	cert.issued = cert.not_before = now - (n % 100 == 3 ? 91 : n % 100 == 4 ? 65 : n % 60) * DAY;
	cert.not_after = cert.not_before + 90 * DAY;
	cert.renew_at = cert.not_before + 60 * DAY;
	cert.created = cert.issued;
	record_set(&cert.issuer, n % 3 ? "CN=Pebble Intermediate CA 1a2b3c" : "CN=Other CA R10, O=Other, C=DE");
	record_set(&cert.profile, n % 4 ? NULL : "shortlived");
	cert.fetched = n % 7 ? cert.current : 0;
	cert.failures = n % 100 == 1;
	cert.disabled = n % 100 == 2;
	if (rec_cert_put(t, &cert, e) < 0 ||
	    history_add(t,
			&(struct event_of){
				.actor = "engine", .action = "certificate.issued", .object = cert.id, .name = name },
			e, "version 1 issued") < 0)
		die("%s", e->message);
}

/* The nth version and order of one certificate, which then says so. */
static void put_generation(struct txn *t, const char *name, long n, int64_t now, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { .issued = now,
								      .not_before = now,
								      .not_after = now + 90 * DAY };
	_cleanup_(rec_order_release) struct rec_order order = { .created = now, .finished = now };

	if (rec_cert_by_name(t, &cert, name, false, e) < 0)
		die("%s", e->message);
	cert.current = cert.newest = cert.orders = n;
	version.id = record_child_id(cert.id, n);
	order.id = record_child_id(cert.id, n);
	record_set(&version.serial, "0102030405060708");
	record_set(&order.result, "issued");
	if (rec_version_put(t, &version, e) < 0 || rec_order_put(t, &order, e) < 0 || rec_cert_put(t, &cert, e) < 0)
		die("%s", e->message);
}

/* As a former program would leave it: nothing is planned for what is there. */
static void forget_plans(struct txn *t, struct err *e)
{
	static const char *const marks[] = { "planned/expiry", "planned/live", "planned/revocation",
					     "planned/compromise", "planned/rotation" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (txn_delete(t, TABLE_meta, slice_str(marks[i]), e) < 0)
			die("%s", e->message);
}

int main(int argc, char **argv)
{
	struct store *store;
	struct err e = { 0 };
	long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	int64_t now = clock_now();

	if (count < 1)
		die("usage: fill DIRECTORY COUNT");
	if (store_open(&store, argv[1], &e) < 0)
		die("%s", e.message);
	for (long n = 0; n < count;) {
		struct txn *t;

		if (store_write(store, &t, &e) < 0)
			die("%s", e.message);
		if (!n)
			forget_plans(t, &e);
		for (long end = MIN(n + BATCH, count); n < end; n++) {
			put_cert(t, n, now, &e);
			put_generation(t, "shop-000000", n + 1, now, &e);
		}
		if (txn_commit(t, &e) < 0 || store_settle(store, &e) < 0)
			die("%s", e.message);
	}
	store_close(store);
	return 0;
}
