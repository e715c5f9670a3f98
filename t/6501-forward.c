/* Requests that change something, at a follower: whole to the leader and back, when the follower has what they say; or a sentence. */
#include "t/lib/nodes.h"

#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/http/packet.h"
#include "daemon/cluster/forward.h"
#include "daemon/desk/inbox.h"

#define BODY_MOST (300 * 1024)

/* Who asks at a; what the leader was asked, and how it answers. */
struct asked {
	struct http_exchange exchange;	/* first */
	struct http_request request;
	int answers, status;
	struct buf body, fields;
	struct err refused;
	bool dropped, gone, here;
};

struct forwarding {
	struct two *two;
	struct forward *forward;
	struct inbox_peer peer;
	struct inbox *inbox;		/* b's */
	uint64_t applied;		/* at b */
	int seen;			/* requests at b */
	struct http_exchange *last;
	struct buf path, body, vouched, notes;
	enum face face;
	bool closed;
};

static void asked_answer(struct http_exchange *x, const struct http_answer *a)
{
	struct asked *asked = (struct asked *)x;

	asked->answers++;
	asked->status = a->status;
	buf_add(&asked->body, a->body.data, a->body.len);
	buf_add(&asked->fields, a->fields.data, a->fields.len);
}

static void asked_drop(struct http_exchange *x)
{
	((struct asked *)x)->dropped = true;
}

static bool asked_gone(struct http_exchange *x)
{
	return ((struct asked *)x)->gone;
}

static const struct http_way asked_way = { .answer = asked_answer, .drop = asked_drop, .gone = asked_gone };

static void asked_refuse(void *arg, struct http_exchange *x, const struct err *e)
{
	((struct asked *)x)->refused = *e;
}

static void asked_attend(void *arg, struct http_exchange *x)
{
	((struct asked *)x)->here = true;
}

static void asked_begin(struct asked *a, char *text, enum face face, int socket, size_t body_len)
{
	struct err e;

	*a = (struct asked){ .exchange = { &asked_way, &a->request, 0 } };
	memset(text, 'b', 64 + body_len);
	memcpy(text, "\0/api/v1/things", 16);
	text[64 + body_len] = '\0';
	a->request = (struct http_request){ .face = face, .socket = socket, .method = METHOD_POST, .text = text, .path = 1, .body = 64,
					    .body_len = body_len };
	assert_int_equal(address_parse(&a->request.peer, "192.0.2.7:99", &e), 0);
}

static void asked_end(struct asked *a)
{
	buf_release(&a->body);
	buf_release(&a->fields);
}

/*
 * The leader.
 */

static void leader_attend(void *arg, struct http_exchange *x)
{
	struct forwarding *f = arg;

	f->seen++;
	f->last = x;
	f->face = x->request->face;
	buf_clear(&f->path);
	buf_clear(&f->body);
	buf_clear(&f->vouched);
	buf_add_str(&f->path, http_path(x->request));
	buf_add(&f->body, http_body(x->request).data, http_body(x->request).len);
	buf_add_str(&f->vouched, x->request->vouched ? x->request->vouched : "");
}

static void leader_answer(struct forwarding *f, int status, size_t len)
{
	_cleanup_free_ char *body = xmalloc(len + 1);
	struct http_exchange *x = TAKE(f->last);

	memset(body, 'a', len);
	x->way->answer(x, &(struct http_answer){ .status = status, .type = "text/plain", .body = slice(body, len),
								   .fields = slice_str("Set-Cookie: a=b\r\n") });
}

static uint64_t leader_applied(const void *arg)
{
	return ((const struct forwarding *)arg)->applied;
}

static void leader_noted(void *arg, struct slice note)
{
	struct forwarding *f = arg;

	buf_add(&f->notes, note.data, note.len);
}

static void leader_closed(void *arg, struct inbox *in)
{
	((struct forwarding *)arg)->closed = true;
}

static int begin(void **state)
{
	struct forwarding *f = xcalloc(1, sizeof(*f));
	struct forward_options o;
	void *two;

	two_nodes(&two);
	f->two = two;
	o = (struct forward_options){ .loop = f->two->f->loop, .cluster = &f->two->a.cluster, .peers = f->two->a.peers,
				      .keeper = f->two->a.keeper, .refuse = asked_refuse, .attend = asked_attend };
	f->two->a.cluster.view = (struct cluster_view){ .role = CLUSTER_FOLLOWER, .id = "one", .leader = "b", .term = 1 };
	snprintf(f->two->a.cluster.view.leader_address, CLUSTER_ADDRESS, "%s", f->two->b.address);
	f->peer = (struct inbox_peer){ .keeper = f->two->b.keeper, .name = "b", .applied = leader_applied, .arg = f,
				       .noted = leader_noted, .noted_arg = f, .closed = leader_closed, .closed_arg = f };
	f->inbox = inbox_new_peer(f->two->f->loop, leader_attend, f, &f->peer);
	f->forward = forward_new(&o);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct forwarding *f = *state;
	void *two = f->two;

	forward_free(f->forward);
	inbox_free(f->inbox);
	buf_release(&f->path);
	buf_release(&f->body);
	buf_release(&f->vouched);
	buf_release(&f->notes);
	free(f);
	return no_nodes(&two);
}

static void take_line(struct forwarding *f)
{
	int fd = f->two->b.fd;

	f->two->b.fd = -1;
	inbox_connect(f->inbox, fd);
}

/* Until b has seen so many, or the one that asked has its answer. */
static void turn_until(struct forwarding *f, int seen, const struct asked *a)
{
	for (int i = 0; i < 450 && (a ? !a->answers && !err_is_set(&a->refused) : f->seen < seen); i++) {
		turn(f->two, 10);
		if (f->two->b.fd >= 0)
			take_line(f);
	}
}

static void whole_there_and_back(void **state)
{
	struct forwarding *f = *state;
	_cleanup_free_ char *text = xmalloc(BODY_MOST + 65);
	struct asked a;

	asked_begin(&a, text, FACE_HTTPS, -1, BODY_MOST);
	assert_true(forward_take(f->forward, &a.exchange));
	turn_until(f, 1, NULL);
	assert_int_equal(f->seen, 1);
	assert_string_equal(buf_str(&f->path), "/api/v1/things");
	assert_int_equal(f->body.len, BODY_MOST);
	assert_memory_equal(f->body.data, text + 64, BODY_MOST);
	assert_int_equal(f->face, FACE_HTTPS);
	assert_string_equal(buf_str(&f->vouched), "");
	leader_answer(f, 201, BODY_MOST);
	turn_until(f, 0, &a);
	assert_int_equal(a.status, 201);
	assert_int_equal(a.body.len, BODY_MOST);
	assert_string_equal(buf_str(&a.fields), "Set-Cookie: a=b\r\n");
	asked_end(&a);
}

static void the_answer_waits_for_our_store(void **state)
{
	struct forwarding *f = *state;
	char text[80];
	struct asked a, late;
	int64_t begun;

	f->applied = 7;
	f->two->a.cluster.view.applied = 6;
	asked_begin(&a, text, FACE_HTTPS, -1, 0);
	forward_take(f->forward, &a.exchange);
	turn_until(f, 1, NULL);
	leader_answer(f, 200, 3);
	turn(f->two, 300);
	assert_int_equal(a.answers, 0);
	f->two->a.cluster.view.applied = 7;
	ring(&f->two->a.cluster);
	turn_until(f, 0, &a);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.body.len, 3);

	/* Two seconds at most. */
	f->applied = 8;
	asked_begin(&late, text, FACE_HTTPS, -1, 0);
	forward_take(f->forward, &late.exchange);
	turn_until(f, 2, NULL);
	leader_answer(f, 200, 4);
	begun = clock_mono_ms();
	turn_until(f, 0, &late);
	assert_int_equal(late.body.len, 4);
	assert_in_range(clock_mono_ms() - begun, 1500, 2900);
	asked_end(&a);
	asked_end(&late);
}

/* It makes its connection, and is sent when there is one. */
static void a_note_goes_to_the_leader(void **state)
{
	struct forwarding *f = *state;

	assert_int_equal(forward_note(f->forward, slice_str("one")), 0);
	for (int i = 0; i < 100 && f->two->b.fd < 0; i++)
		turn(f->two, 10);
	turn(f->two, 50);
	assert_int_equal(forward_note(f->forward, slice_str("two")), 1);
	take_line(f);
	turn(f->two, 100);
	assert_string_equal(buf_str(&f->notes), "two");
	f->two->a.cluster.view.role = CLUSTER_WITHOUT_LEADER;
	assert_int_equal(forward_note(f->forward, slice_str("three")), 0);
	f->two->a.cluster.view.role = CLUSTER_LEADER;
	assert_int_equal(forward_note(f->forward, slice_str("four")), -1);
}

static void nobody_leads(void **state)
{
	struct forwarding *f = *state;
	int64_t begun = clock_mono_ms();
	char text[80];
	struct asked a;

	f->two->a.cluster.view.role = CLUSTER_WITHOUT_LEADER;
	snprintf(f->two->a.cluster.view.trouble, sizeof(f->two->a.cluster.view.trouble), "etcd does not answer.");
	asked_begin(&a, text, FACE_HTTPS, -1, 0);
	assert_true(forward_take(f->forward, &a.exchange));
	turn_until(f, 0, &a);	/* there was a leader just now: it is waited for the next one */
	assert_in_range(clock_mono_ms() - begun, 2500, 4000);
	turn(f->two, 100);
	asked_begin(&a, text, FACE_HTTPS, -1, 0);
	assert_true(forward_take(f->forward, &a.exchange));
	assert_int_equal(err_http_status(a.refused.kind), 503);
	assert_non_null(strstr(a.refused.message, "no server leads"));
	assert_string_equal(a.refused.hint, "etcd does not answer.");
	assert_in_range(a.refused.retry_at - clock_now(), 1, 10);

	f->two->a.cluster.view.role = CLUSTER_LEADER;
	assert_false(forward_take(f->forward, &a.exchange));
	f->two->a.cluster.view.role = CLUSTER_ALONE;
	assert_false(forward_take(f->forward, &a.exchange));

	f->two->a.cluster.view.role = CLUSTER_FOLLOWER;
	snprintf(f->two->a.cluster.view.leader_address, CLUSTER_ADDRESS, "127.0.0.1:%d", a_port());
	asked_begin(&a, text, FACE_HTTPS, -1, 0);
	assert_true(forward_take(f->forward, &a.exchange));
	turn_until(f, 0, &a);
	assert_int_equal(err_http_status(a.refused.kind), 503);
	assert_non_null(strstr(a.refused.message, "cannot reach the leader"));
}

/* The end: one that the leader has, one that it has not got yet, and one that comes too late. */
static void all_are_answered_at_the_end(void **state)
{
	struct forwarding *f = *state;
	char text[3][128];
	struct asked a[3];

	asked_begin(&a[0], text[0], FACE_HTTPS, -1, 0);
	assert_true(forward_take(f->forward, &a[0].exchange));
	turn_until(f, 1, NULL);
	f->two->a.cluster.view.term++;
	asked_begin(&a[1], text[1], FACE_HTTPS, -1, 0);
	f->two->a.cluster.view.role = CLUSTER_WITHOUT_LEADER;
	forward_take(f->forward, &a[1].exchange);
	forward_give_up(f->forward);
	assert_true(forward_idle(f->forward));
	f->two->a.cluster.view.role = CLUSTER_FOLLOWER;
	asked_begin(&a[2], text[2], FACE_HTTPS, -1, 0);
	assert_true(forward_take(f->forward, &a[2].exchange));
	assert_non_null(strstr(a[0].refused.message, "not known whether"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(err_http_status(a[i].refused.kind), 503);
	assert_non_null(strstr(a[2].refused.message, "nothing was changed"));
	assert_true(forward_idle(f->forward));
	leader_answer(f, 200, 1);	/* nobody hears it */
}

static void the_leader_goes_before_it_answers(void **state)
{
	struct forwarding *f = *state;
	struct http_exchange *left;
	char text[80];
	struct asked a, next;

	asked_begin(&a, text, FACE_HTTPS, -1, 0);
	forward_take(f->forward, &a.exchange);
	turn_until(f, 1, NULL);
	left = f->last;
	inbox_free(f->inbox);
	turn_until(f, 0, &a);
	assert_int_equal(a.answers, 0);
	assert_int_equal(err_http_status(a.refused.kind), 503);
	assert_non_null(strstr(a.refused.message, "not known whether the change was made"));
	left->way->drop(left);

	/* The next request makes a new connection. */
	f->inbox = inbox_new_peer(f->two->f->loop, leader_attend, f, &f->peer);
	asked_begin(&next, text, FACE_HTTPS, -1, 0);
	forward_take(f->forward, &next.exchange);
	turn_until(f, 2, NULL);
	leader_answer(f, 200, 1);
	turn_until(f, 0, &next);
	assert_int_equal(next.answers, 1);
	asked_end(&next);
}

static void a_new_leader_is_asked_next(void **state)
{
	struct forwarding *f = *state;
	char text[80];
	struct asked a;

	asked_begin(&a, text, FACE_HTTPS, -1, 0);
	forward_take(f->forward, &a.exchange);
	turn_until(f, 1, NULL);
	f->two->a.cluster.view.term = 2;
	ring(&f->two->a.cluster);
	turn_until(f, 0, &a);
	assert_non_null(strstr(a.refused.message, "not known"));
	turn(f->two, 100);
	assert_true(f->closed);
	f->last->way->drop(f->last);
}

/* By a node that leads no more: it has not looked at it. */
static void what_is_given_back_goes_to_the_next_leader(void **state)
{
	struct forwarding *f = *state;
	struct http_exchange *back;
	char text[80];
	struct asked a;

	asked_begin(&a, text, FACE_HTTPS, -1, 3);
	forward_take(f->forward, &a.exchange);
	turn_until(f, 1, NULL);
	back = TAKE(f->last);
	inbox_back(back);
	turn(f->two, 200);
	assert_int_equal(f->seen, 1);	/* this leader is not asked again */
	f->two->a.cluster.view.term = 2;
	ring(&f->two->a.cluster);
	turn_until(f, 2, NULL);
	assert_int_equal(f->body.len, 3);
	leader_answer(f, 200, 1);
	turn_until(f, 0, &a);
	assert_int_equal(a.status, 200);
	assert_false(forward_idle(f->forward) && !a.answers);
	asked_end(&a);
}

static void the_next_leader_is_waited_for(void **state)
{
	struct forwarding *f = *state;
	struct asked a, here;
	char text[80];

	f->two->a.cluster.view.role = CLUSTER_WITHOUT_LEADER;
	asked_begin(&a, text, FACE_HTTPS, -1, 0);
	assert_true(forward_take(f->forward, &a.exchange));
	turn(f->two, 300);
	assert_false(forward_idle(f->forward) || a.answers);
	f->two->a.cluster.view.role = CLUSTER_FOLLOWER;
	f->two->a.cluster.view.term = 2;
	ring(&f->two->a.cluster);
	turn_until(f, 1, NULL);
	leader_answer(f, 200, 1);
	turn_until(f, 0, &a);
	assert_int_equal(a.status, 200);
	assert_true(forward_idle(f->forward));
	asked_end(&a);

	/* Or it is this node. */
	f->two->a.cluster.view.role = CLUSTER_WITHOUT_LEADER;
	ring(&f->two->a.cluster);
	asked_begin(&here, text, FACE_HTTPS, -1, 0);
	assert_true(forward_take(f->forward, &here.exchange));
	f->two->a.cluster.view.role = CLUSTER_LEADER;
	ring(&f->two->a.cluster);
	turn(f->two, 100);
	assert_true(here.here);
	assert_true(forward_idle(f->forward));
}

/* A process of its own is connected to the control socket, as certeractl is. */
static int local_admin(struct forwarding *f, pid_t *child)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int listening = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", f->two->f->socket);
	assert_int_equal(bind(listening, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listening, 1), 0);
	*child = fork();
	if (*child == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
			pause();
		_exit(0);
	}
	fd = accept(listening, NULL, NULL);
	close(listening);
	return fd;
}

static void a_local_administrator_is_vouched_for(void **state)
{
	struct forwarding *f = *state;
	char text[80];
	struct asked a, stranger;
	pid_t child;
	int fd = local_admin(f, &child);

	asked_begin(&a, text, FACE_CONTROL, fd, 2);
	assert_true(forward_take(f->forward, &a.exchange));
	turn_until(f, 1, NULL);
	assert_int_equal(f->face, FACE_CONTROL);
	assert_true(str_starts(buf_str(&f->vouched), "ckw_"));	/* b's keeper's word */
	assert_int_equal(f->body.len, 2);
	leader_answer(f, 200, 1);
	turn_until(f, 0, &a);
	assert_int_equal(a.answers, 1);
	asked_end(&a);

	/* Of a socket whose other end the kernel does not name, nobody vouches. */
	asked_begin(&stranger, text, FACE_CONTROL, -1, 0);
	assert_true(forward_take(f->forward, &stranger.exchange));
	turn_until(f, 0, &stranger);
	assert_int_equal(stranger.refused.kind, ERR_DENIED);
	assert_int_equal(f->seen, 1);
	close(fd);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void a_voucher_that_is_none_is_refused(void **state)
{
	struct forwarding *f = *state;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct http_request r = { .face = FACE_CONTROL, .method = METHOD_POST, .text = "\0/x", .path = 1, .vouched = "cvo_1.x.y" };
	char in[512] = "";
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	inbox_connect(f->inbox, pair[0]);
	packet_add_request(&out, 5, &r);
	assert_int_equal(send(pair[1], out.data, out.len, 0), out.len);
	turn(f->two, 200);
	assert_int_equal(f->seen, 0);
	assert_true(recv(pair[1], in, sizeof(in), MSG_DONTWAIT) > 0);
	assert_non_null(memmem(in, sizeof(in), "no server of this cluster vouches", 33));

	/* One of its packets after another's voucher is against the rules. */
	packet_add(&out, PACKET_VOUCHER, 6, slice_str("cvo_1.x.y"));
	r.vouched = NULL;
	r.face = FACE_HTTPS;
	assert_int_equal(address_parse(&r.peer, "192.0.2.7:99", NULL), 0);
	buf_clear(&out);
	packet_add(&out, PACKET_VOUCHER, 6, slice_str("cvo_1.x.y"));
	packet_add_request(&out, 7, &r);
	assert_int_equal(send(pair[1], out.data, out.len, 0), out.len);
	turn(f->two, 100);
	assert_true(f->closed);
	assert_int_equal(f->seen, 0);
	close(pair[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(whole_there_and_back), TEST(the_answer_waits_for_our_store), TEST(a_note_goes_to_the_leader), TEST(nobody_leads),
		TEST(all_are_answered_at_the_end), TEST(the_leader_goes_before_it_answers), TEST(a_new_leader_is_asked_next),
		TEST(what_is_given_back_goes_to_the_next_leader), TEST(the_next_leader_is_waited_for),
		TEST(a_local_administrator_is_vouched_for), TEST(a_voucher_that_is_none_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
