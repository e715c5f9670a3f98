/* Questions and answers side by side: order, cancelling, nonsense on the wire, and the keeper's death. */
#include "t/lib/keeper.h"

#include <signal.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/process/channel.h"
#include "keeper/proto.h"
#include "t/lib/pki.h"

#define MANY 200

struct crowd {			/* many questions, and what became of them */
	struct fixture *f;
	int expected, answered, failed, deaths_seen;
	int slow_answered, slow_when_all_fast_came;
	struct err last;
};

struct one {
	struct crowd *crowd;
	int number;
	bool slow;
};

static void on_one(void *arg, const struct keeper_answer *a)
{
	struct one *one = arg;
	struct crowd *c = one->crowd;

	c->answered++;
	c->slow_answered += one->slow;
	if (a->err) {
		c->failed++;
		c->last = *a->err;
	} else if (!one->slow) {
		char expected[24];

		snprintf(expected, sizeof(expected), "number %d", one->number);
		assert_string_equal(a->field[0].data, expected);
	}
	if (c->answered - c->slow_answered == MANY && !one->slow)
		c->slow_when_all_fast_came = c->slow_answered;
	if (c->answered == c->expected)
		loop_stop(c->f->loop);
}

/* Blobs with "number N" inside, each asked back by its own question. */
static void many_at_once(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = { .f = f, .expected = MANY };
	static struct reply blob[MANY];
	static struct one one[MANY];

	for (int i = 0; i < MANY; i++) {
		char text[24];

		snprintf(text, sizeof(text), "number %d", i);
		assert_int_equal(ASK(f, &blob[i], seal, -1, S("config"), S("x"), S(text)), ERR_NONE);
	}
	for (int i = 0; i < MANY; i++) {
		one[i] = (struct one){ &crowd, i, false };
		assert_non_null(KEEPER_ASK(f->client, open, -1, on_one, &one[i], S("x"), F(&blob[i], 0)));
	}
	assert_int_equal(crowd.answered, 0);
	loop_run(f->loop);
	assert_int_equal(crowd.answered, MANY);
	assert_int_equal(crowd.failed, 0);
	for (int i = 0; i < MANY; i++)
		release_reply(&blob[i]);
}

/* More than the sockets can hold, so that both sides have to queue. */
static void large_ones(void **state)
{
	struct fixture *f = *state;
	static char text[100 * 1024];
	struct crowd crowd = { .f = f, .expected = 40 };
	struct one slow = { &crowd, 0, true };

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 40; i++)
		KEEPER_ASK(f->client, seal, -1, on_one, &slow, S("config"), S("x"), slice(text, sizeof(text)));
	loop_run(f->loop);
	assert_int_equal(crowd.answered, 40);
	assert_int_equal(crowd.failed, 0);
}

/* A question that fits, whose answer does not; then both; then a question that does not. */
static void longest_question(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct reply r = { 0 };

	text.len = KEEPER_MESSAGE_MAX - PROTO_HEADER - 3 * 5 - 7;
	memset(buf_reserve(&text, text.len), 'x', text.len);
	assert_int_equal(ASK(f, &r, seal, -1, S("config"), S("x"), slice_buf(&text)), ERR_INVALID);
	text.len -= 100;
	assert_int_equal(ASK(f, &r, seal, -1, S("config"), S("x"), slice_buf(&text)), ERR_NONE);
	text.len += 101;
	assert_int_equal(ASK(f, &r, seal, -1, S("config"), S("x"), slice_buf(&text)), ERR_INVALID);
	release_reply(&r);
}

static void slow_does_not_delay_fast(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = { .f = f, .expected = MANY + 3 };
	static struct one fast[MANY], slow[3];
	struct reply blob = { 0 };

	assert_int_equal(ASK(f, &blob, seal, -1, S("config"), S("x"), S("number 0")), ERR_NONE);
	for (int i = 0; i < 3; i++) {
		slow[i] = (struct one){ &crowd, 0, true };
		KEEPER_ASK(f->client, key_new, -1, on_one, &slow[i], S("rsa4096"), S("certificate"));
	}
	for (int i = 0; i < MANY; i++) {
		fast[i] = (struct one){ &crowd, 0, false };
		KEEPER_ASK(f->client, open, -1, on_one, &fast[i], S("x"), F(&blob, 0));
	}
	loop_run(f->loop);
	assert_int_equal(crowd.failed, 0);
	assert_int_equal(crowd.slow_answered, 3);
	assert_true(crowd.slow_when_all_fast_came < 3);
	release_reply(&blob);
}

static void signature_before_rsa(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = { .f = f, .expected = 4 };
	struct one slow = { &crowd, 0, true };
	struct reply key = { 0 }, r = { 0 };

	assert_int_equal(ASK(f, &key, key_new, -1, S("p256"), S("account")), ERR_NONE);
	for (int i = 0; i < 4; i++)
		KEEPER_ASK(f->client, key_new, -1, on_one, &slow, S("rsa4096"), S("certificate"));
	assert_int_equal(ASK(f, &r, sign, -1, F(&key, 0), F(&key, 2), S("data")), ERR_NONE);
	assert_int_equal(r.field[0].len, 64);
	assert_true(crowd.answered < 4);
	loop_run(f->loop);
	assert_int_equal(crowd.answered, 4);
	assert_int_equal(crowd.failed, 0);
	release_reply(&key);
	release_reply(&r);
}

static void must_not_come(void *arg, const struct keeper_answer *a)
{
	fail_msg("%s", "the answer to a cancelled question came");
}

static void cancelled(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };
	struct keeper_question *slow, *fast, *too_large;
	static char text[KEEPER_MESSAGE_MAX];

	slow = KEEPER_ASK(f->client, password_hash, -1, must_not_come, NULL, S("x"));
	fast = keeper_ask(f->client, KEEPER_check_new, NULL, 0, -1, must_not_come, NULL);
	too_large = KEEPER_ASK(f->client, password_hash, -1, must_not_come, NULL, slice(text, sizeof(text)));
	keeper_cancel(fast);
	keeper_cancel(slow);
	keeper_cancel(too_large);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ASK(f, &r, password_hash, -1, S("x")), ERR_NONE);
	release_reply(&r);
}

/* A PFX file with nearly as many rounds of key derivation as a key may have. */
static struct buf slow_file(const struct fixture *f)
{
	snprintf(dir, sizeof(dir), "%s", f->dir);
	SH("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=x -out c && openssl pkcs12 "
	   "-export -inkey k -in c -passout pass:x -certpbe AES-256-CBC -keypbe AES-256-CBC -iter 1900000 -nomac -out slow.pfx");
	return file_read("slow.pfx");
}

struct visit {
	struct fixture *f;
	struct keeper_question *question[24];	/* NULL: it is answered */
	int refused, read, read_before;	/* of one visitor's files; and when the others had their answers */
	int others;
};

struct file {
	struct visit *visit;
	int number;
};

static void on_file(void *arg, const struct keeper_answer *a)
{
	struct file *file = arg;
	struct visit *v = file->visit;

	v->question[file->number] = NULL;
	v->refused += a->err && a->err->kind == ERR_LIMIT;
	v->read += !a->err;
}

static void on_other(void *arg, const struct keeper_answer *a)
{
	struct visit *v = arg;

	v->read_before = v->read;
	if (!--v->others)
		loop_stop(v->f->loop);
}

/* One visitor's files stop neither passwords nor keys, other visitors' files wait for one of them, and nobody for those given up. */
static void files_take_turns(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf file = slow_file(f);
	struct visit visit = { .f = f, .others = 3 };
	struct file files[24];
	struct reply key = { 0 }, r = { 0 };
	int read;

	assert_int_equal(ASK(f, &key, key_new, -1, S("p256"), S("account")), ERR_NONE);
	for (int i = 0; i < 24; i++) {
		files[i] = (struct file){ &visit, i };
		visit.question[i] = KEEPER_ASK(f->client, inspect, -1, on_file, &files[i], slice_buf(&file), S("x"), S("eve"));
	}
	KEEPER_ASK(f->client, inspect, -1, on_other, &visit, S("no key"), S(""), S("alice"));
	KEEPER_ASK(f->client, password_hash, -1, on_other, &visit, S("x"));
	KEEPER_ASK(f->client, key_next, -1, on_other, &visit, F(&key, 0), F(&key, 1), S("p256"));
	loop_run(f->loop);
	assert_in_range(visit.refused, 7, 8);	/* sixteen wait, and one is being read or is still the first of them */
	assert_true(visit.read_before < 2);
	read = visit.read;
	for (int i = 0; i < 24; i++)
		if (visit.question[i])
			keeper_cancel(visit.question[i]);
	assert_int_equal(ASK(f, &r, inspect, -1, S("no key"), S(""), S("eve")), ERR_INVALID);
	assert_int_equal(visit.read, read);	/* none of them was answered */
	release_reply(&key);
	release_reply(&r);
}

static void garbage(void **state)
{
	struct fixture *f = *state;
	int channel = channel_of(f->keeper, 1);
	static unsigned char packet[KEEPER_MESSAGE_MAX], noise[KEEPER_MESSAGE_MAX + 1000];
	struct reply r = { 0 };
	struct message m;
	ssize_t n;

	memset(noise, 0xee, sizeof(noise));
	for (size_t len = PROTO_HEADER; len < sizeof(noise); len = len * 3 + 1) {
		assert_int_equal(channel_send(channel, slice(noise, len), len % 2 ? STDIN_FILENO : -1, 0), 0);
		n = channel_recv(channel, packet, NULL, 0);
		assert_true(n > 0);
		assert_int_equal(proto_decode(&m, slice(packet, (size_t)n), NULL), 0);
		assert_int_equal(m.id, 0xeeeeeeee);
		assert_int_equal(m.code, PROTO_ERROR);
	}
	assert_int_equal(channel_send(channel, slice(noise, sizeof(noise)), -1, 0), 0);
	assert_true(channel_recv(channel, packet, NULL, 0) > 0);
	/* Without a header there is nothing to answer: this channel ends, the other does not. */
	assert_int_equal(channel_send(channel, slice(noise, 3), -1, 0), 0);
	assert_int_equal(channel_recv(channel, packet, NULL, 0), 0);
	assert_int_equal(ASK_BARE(f, &r, check_new), ERR_NONE);
	release_reply(&r);
}

static void detach_here(void *arg, const struct keeper_answer *a)
{
	struct fixture *f = arg;

	assert_null(a->err);
	keeper_detach(TAKE(f->client));
	assert_true(a->field[0].len > 0);
	assert_int_equal(((const char *)a->field[0].data)[a->field[0].len], '\0');
	loop_stop(f->loop);
}

static void detached_in_callback(void **state)
{
	struct fixture *f = *state;

	keeper_ask(f->client, KEEPER_check_new, NULL, 0, -1, detach_here, f);
	keeper_ask(f->client, KEEPER_check_new, NULL, 0, -1, must_not_come, NULL);
	loop_run(f->loop);
	assert_null(f->client);
}

static void ask_again(void *arg, const struct keeper_answer *a)
{
	struct crowd *c = arg;

	assert_non_null(a->err);
	c->answered++;
	c->last = *a->err;
	c->deaths_seen = c->f->deaths;
	if (c->answered < 10)
		keeper_ask(c->f->client, KEEPER_check_new, NULL, 0, -1, ask_again, c);
	else
		loop_stop(c->f->loop);
}

static void death(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = { .f = f, .expected = -1 }, again = { .f = f };
	struct one one = { &crowd, 0, true };
	struct reply r = { 0 };
	struct buf out[KEEPER_FIELDS];
	struct err e;

	assert_int_equal(ASK_BARE(f, &r, check_new), ERR_NONE);
	for (int i = 0; i < 3; i++)
		KEEPER_ASK(f->client, key_new, -1, on_one, &one, S("rsa4096"), S("certificate"));
	assert_int_equal(kill(keeper_pid(f->keeper), SIGKILL), 0);
	loop_run(f->loop);
	assert_int_equal(f->deaths, 1);
	assert_int_equal(crowd.failed, 3);
	assert_int_equal(crowd.last.kind, ERR_LATER);
	assert_string_equal(crowd.last.message, "the keeper has died");

	/* Who asks now is told, later, as often as he asks. */
	keeper_ask(f->client, KEEPER_check_new, NULL, 0, -1, ask_again, &again);
	assert_int_equal(again.answered, 0);
	loop_run(f->loop);
	assert_int_equal(again.answered, 10);
	assert_int_equal(again.last.kind, ERR_LATER);
	assert_int_equal(f->deaths, 1);
	assert_int_equal(keeper_ask_now(f->keeper, 1, KEEPER_check_new, NULL, 0, out, &e), -1);
	assert_int_equal(e.kind, ERR_LATER);
	release_reply(&r);
}

/* It ends by itself, in the middle of slow work, as soon as nobody can ask any more. */
static void stops_at_once(void **state)
{
	struct fixture *f = *state;
	struct slice fields[] = { S("rsa4096"), S("certificate") };
	int64_t start;

	for (int i = 0; i < 8; i++)
		keeper_ask(f->client, KEEPER_key_new, fields, 2, -1, must_not_come, NULL);
	keeper_detach(TAKE(f->client));
	start = clock_mono_ms();
	keeper_stop(TAKE(f->keeper));
	assert_true(clock_mono_ms() - start < 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(large_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(longest_question, set_up, tear_down),
		cmocka_unit_test_setup_teardown(slow_does_not_delay_fast, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signature_before_rsa, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancelled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_take_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(garbage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(detached_in_callback, set_up, tear_down),
		cmocka_unit_test_setup_teardown(death, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stops_at_once, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keeper clients", tests, NULL, NULL);
}
