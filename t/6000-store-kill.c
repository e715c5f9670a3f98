/* kill -9 at any moment of writing: nothing committed is lost, nothing is half there. */
#include "t/lib/store.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/digest.h"

#define ROUNDS 20
#define CERTS 40

/* One transaction of many kinds of change: put, rename or delete a certificate, move the agenda, add an event. */
static void change(struct store *s, uint32_t number)
{
	struct txn *t = write_txn(s);
	char id[20], name[40], text[3000];
	struct event_of of = { .actor = "engine", .action = "certificate.changed", .object = id, .name = name };
	struct rec_cert c = { .staging = number % 3 == 0, .created = number + 1 };

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	snprintf(id, sizeof(id), "id%d", (int)random_below(CERTS));
	snprintf(name, sizeof(name), "name-%u", number);
	record_set(&c.id, id);
	record_set(&c.name, name);
	record_set(&c.error, text + random_below(sizeof(text)));
	if (random_below(4)) {
		OK(rec_cert_put(t, &c, &e));
		OK(agenda_set(t, AGENDA_issue, id, (int64_t)random_below(1000000), &e));
	} else {
		OK(rec_cert_delete(t, id, &e));
		OK(agenda_delete(t, AGENDA_issue, id, &e));
	}
	OK(history_add(t, &of, &e, "number %u %s", number, text + random_below(sizeof(text))));
	OK(commit_now(s, t, &e));
	rec_cert_release(&c);
}

/* Changes, and says after each commit how many events there are, until it is killed. */
static void NORETURN change_forever(int tell, int64_t events)
{
	struct store *s = open_test_store();

	for (;;) {
		change(s, (uint32_t)events++);
		if (write(tell, &events, sizeof(events)) != sizeof(events))
			_exit(1);
	}
}

/* Lets a child write for this long, kills it.  Returns what it said last, or `events` if it said nothing. */
static int64_t write_and_kill(int64_t events, int ms)
{
	int status, fds[2];
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(fds[0]);
		change_forever(fds[1], events);
	}
	close(fds[1]);
	poll(NULL, 0, ms);
	kill(child, SIGKILL);
	while (read(fds[0], &events, sizeof(events)) == sizeof(events))
		;
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	return events;
}

/* Each certificate has its row in the agenda, and no row is without its certificate. */
static int check_due(void *arg, void *rec, struct err *err)
{
	const struct rec_cert *c = rec;
	int64_t due;

	assert_int_equal(agenda_due(arg, AGENDA_issue, c->id, &due, &e), 1);
	return 0;
}

static void test_kill(void **state)
{
	int64_t events = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t said = write_and_kill(events, (int)random_below(120)), found;
		struct store *s = open_test_store();
		struct txn *t = read_txn(s);

		OK(history_verify(t, &found, &e));
		assert_in_range(found, said, said + 1);		/* it may be killed between the commit and its word */
		OK(record_each(t, &rec_cert_type, NULL, false, check_due, t, &e));
		assert_int_equal(txn_count(t, TABLE_agenda), txn_count(t, TABLE_cert));
		txn_abort(t);
		check_whole(s);
		change(s, (uint32_t)found);			/* and it can be written to */
		check_whole(s);
		store_close(s);
		events = found + 1;
	}
	assert_true(events > ROUNDS);		/* they were killed while they wrote */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kill, make_test_dir, remove_test_dir),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
