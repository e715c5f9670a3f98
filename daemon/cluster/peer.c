#include "daemon/cluster/peer.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/net.h"
#include "base/process/frames.h"
#include "daemon/cluster/peer_socket.h"
#include "daemon/cluster/peer_tls.h"

#define PROVE_MS 5000		/* from the first packet to the proof */
#define STRANGERS_MOST 64	/* connections that have proved nothing yet */
#define BUFFER_MOST (256 * 1024)	/* bytes on their way through, in each direction */
#define TELL_AGAIN_MS 60000

enum peer_phase { PEER_CONNECTING, PEER_SHAKING, PEER_PROVING, PEER_OPEN };

struct peer {
	LIST_ENTRY(peer) link;
	struct peers *peers;
	struct peer_call *call;		/* of who connected; NULL: it is answered, or the other node connected */
	bool accepted;
	enum peer_phase phase;
	int fd, inside;			/* the network's, and our end of the socket that is handed out */
	struct peer_tls *tls;
	struct hello hello;
	struct keeper_question *question;
	void (*proved)(struct peer *, const char *mac, struct err *);
	struct buf in, out;		/* from the network, and to it */
	bool ended;			/* nothing more comes from the network */
	struct event *read, *write, *inside_read, *inside_write;
	struct timer timer;
	char who[ADDRESS_TEXT];		/* its address, until it has said its name */
};

struct peers {
	struct peers_options o;
	struct peer_identity *identity;
	struct event *listening;
	LIST_HEAD(, peer) list;
	struct peer_calls *calls;
	size_t strangers;
	int64_t told_ms;		/* when one was last worth a line of the log; 0: never */
};

static void peer_pump(struct peer *);

/*
 * The end of one.
 */

static void event_drop(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

static void peer_free(struct peer *p)
{
	LIST_REMOVE(p, link);
	p->peers->strangers -= p->phase < PEER_OPEN;
	timer_stop(&p->timer);
	if (p->question)
		keeper_cancel(p->question);
	event_drop(&p->read);
	event_drop(&p->write);
	event_drop(&p->inside_read);
	event_drop(&p->inside_write);
	peer_tls_free(p->tls);
	cleanup_close(&p->fd);
	cleanup_close(&p->inside);
	buf_wipe(&p->in);
	buf_wipe(&p->out);
	free(p);
}

/* One without the master key is worth a line, but no more than one a minute. */
static void log_stranger(const struct peer *p, const struct err *e)
{
	int64_t now = clock_mono_ms();
	struct err said = *e;
	bool told = e->kind != ERR_DENIED || (p->peers->told_ms && now - p->peers->told_ms < TELL_AGAIN_MS);

	err_prefix(&said, "a connection with %s as a server of the cluster", p->who);
	log_err(told ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, &said);
	if (!told)
		p->peers->told_ms = now;
}

static void peer_fail(struct peer *p, const struct err *e)
{
	if (p->call)
		peer_call_fail(TAKE(p->call), e);
	else if (p->phase < PEER_OPEN)
		log_stranger(p, e);
	else
		log_debug("the connection to the server %s has ended: %s", p->who, e->message);
	peer_free(p);
}

static void peer_late(void *arg)
{
	struct err e;

	err_set(&e, ERR_TIMEOUT, "the other server did not answer in time");
	peer_fail(arg, &e);
}

/*
 * The proof.
 */

/* For good: its socket is handed out, and bytes go through. */
static void peer_open(struct peer *p, struct err *e)
{
	const char *node = p->accepted ? p->hello.connected.name : p->hello.accepted.name;
	int pair[2];

	if (frames_pair(pair, e) < 0)
		return;
	timer_stop(&p->timer);
	p->peers->strangers--;
	p->phase = PEER_OPEN;
	snprintf(p->who, sizeof(p->who), "%s", node);
	p->inside = pair[0];
	if (p->call)
		peer_call_succeed(TAKE(p->call), pair[1]);
	else
		p->peers->o.came(p->peers->o.arg, p->hello.use, node, pair[1]);
}

static void peer_macked(void *arg, const struct keeper_answer *a)
{
	struct peer *p = arg;
	_cleanup_free_ char *mac = a->err ? NULL : hex_str(a->field[0].data, a->field[0].len);
	struct err e = { 0 };

	p->question = NULL;
	if (a->err) {
		peer_fail(p, a->err);
		return;
	}
	p->proved(p, mac, &e);
	if (err_is_set(&e))
		peer_fail(p, &e);
	else
		peer_pump(p);
}

/* The keeper's MAC over what one side states goes to `proved`. */
static void peer_ask_mac(struct peer *p, bool accepted, void (*proved)(struct peer *, const char *mac, struct err *))
{
	_cleanup_buf_ struct buf statement = BUF_INIT;

	hello_statement(&p->hello, accepted, &statement);
	p->proved = proved;
	p->question = KEEPER_ASK(p->peers->o.keeper, node_mac, -1, peer_macked, p, slice_buf(&statement));
}

static int check_mac(const char *mac, const char *shown, struct err *e)
{
	if (strlen(shown) == HELLO_MAC && same_secret(mac, shown, HELLO_MAC))
		return 0;
	err_set(e, ERR_DENIED, "the two servers do not have the same master key");
	return err_hint(e, "Copy the file of the master key (keeper.master_key) from a server of the cluster to the "
			   "new one, before its first start.");
}

/* A copy of the store is for nodes that have no cluster yet, too. */
static int check_cluster(const struct peer *p, struct err *e)
{
	if (p->hello.use == PEER_copy || str_eq(p->hello.accepted.cluster, p->hello.connected.cluster))
		return 0;
	return err_set(e, ERR_DENIED, "the two servers are of different clusters");
}

/* Said before the connection ends, as far as the socket takes it. */
static void refuse_in_words(struct peer *p, const struct err *e)
{
	struct err ignored;
	size_t sent;

	hello_refuse(e, &p->out);
	peer_tls_write(p->tls, slice_buf(&p->out), &sent, &ignored);
}

static void accepted_proved(struct peer *p, const char *mac, struct err *e)
{
	snprintf(p->hello.accepted.mac, sizeof(p->hello.accepted.mac), "%s", mac);
	hello_welcome(&p->hello, &p->out);
	peer_open(p, e);
}

static void accepted_judged(struct peer *p, const char *mac, struct err *e)
{
	if (check_mac(mac, p->hello.connected.mac, e) < 0 || check_cluster(p, e) < 0) {
		refuse_in_words(p, e);
		return;
	}
	peer_ask_mac(p, true, accepted_proved);
}

static void connected_judged(struct peer *p, const char *mac, struct err *e)
{
	if (check_mac(mac, p->hello.accepted.mac, e) == 0 && check_cluster(p, e) == 0)
		peer_open(p, e);
}

static void connected_proved(struct peer *p, const char *mac, struct err *e)
{
	snprintf(p->hello.connected.mac, sizeof(p->hello.connected.mac), "%s", mac);
	hello_say(&p->hello, &p->out);
}

static int peer_take_line(struct peer *p, const char *line, struct err *e)
{
	if (p->accepted) {
		if (hello_read(&p->hello, line, e) < 0)
			return -1;
		peer_ask_mac(p, false, accepted_judged);
	} else if (!*p->hello.answered) {
		if (hello_read_greeting(&p->hello, line, e) < 0)
			return -1;
		hello_nonce(p->hello.answered);
		peer_ask_mac(p, false, connected_proved);
	} else {
		if (hello_read_welcome(&p->hello, line, e) < 0)
			return -1;
		peer_ask_mac(p, true, connected_judged);
	}
	return 0;
}

/* What stands behind the line is the beginning of what goes through. */
static int peer_take_lines(struct peer *p, struct err *e)
{
	const char *end = p->in.len ? memchr(p->in.data, '\n', p->in.len) : NULL;
	_cleanup_free_ char *line = NULL;
	size_t len;

	if (p->question)
		return 0;
	if (!end)
		return p->in.len > HELLO_LINE_MOST
			       ? err_set(e, ERR_PROTOCOL, "what answers there is no server of a cluster")
			       : 0;
	len = (size_t)(end - p->in.data);
	line = xstrndup(p->in.data, len);
	memmove(p->in.data, end + 1, p->in.len - len - 1);
	p->in.len -= len + 1;
	return peer_take_line(p, line, e);
}

/*
 * Bytes.
 */

static void watch(struct event *event, bool on)
{
	if (on ? event_add(event, NULL) : event_del(event))
		die("a connection to a server cannot be watched");
}

static void drop_front(struct buf *b, size_t len)
{
	if (len)
		memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
}

/* From the network to the inside. */
static void hand_in(struct peer *p)
{
	ssize_t sent = 0;
	size_t done = 0;

	while (done < p->in.len &&
	       (sent = send(p->inside, p->in.data + done, p->in.len - done, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		done += (size_t)sent;
	drop_front(&p->in, done);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {	/* nobody listens there any more */
		p->ended = true;
		buf_clear(&p->in);
	}
}

/* -1: the inside is closed, and so nothing more will come from there. */
static int take_out(struct peer *p)
{
	ssize_t got = 1;

	while (p->out.len < BUFFER_MOST && got > 0) {
		got = recv(p->inside, buf_reserve(&p->out, BUFFER_MOST), BUFFER_MOST, MSG_DONTWAIT);
		if (got > 0)
			p->out.len += (size_t)got;
	}
	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR) ? -1 : 0;
}

/* Until there is no more, or the inside takes no more: what TLS has read already shows no event. */
static void take_in(struct peer *p, struct err *e)
{
	enum peer_tls_result read = PEER_TLS_DONE;

	while (!p->ended && read == PEER_TLS_DONE && p->in.len < BUFFER_MOST) {
		read = peer_tls_read(p->tls, &p->in, BUFFER_MOST, e);
		p->ended |= read >= PEER_TLS_CLOSED;
		if (p->phase == PEER_OPEN)
			hand_in(p);
	}
}

static int peer_move(struct peer *p, struct err *e)
{
	enum peer_tls_result written;
	bool inside_closed = p->phase == PEER_OPEN && take_out(p) < 0;
	size_t sent;

	if (p->phase == PEER_OPEN)
		hand_in(p);
	take_in(p, e);
	written = peer_tls_write(p->tls, slice_buf(&p->out), &sent, e);
	drop_front(&p->out, sent);
	if (written >= PEER_TLS_CLOSED || (inside_closed && !p->out.len) || (p->ended && !p->in.len))
		return err_is_set(e) ? -1 : err_set(e, ERR_NETWORK, "it was closed");
	watch(p->read, !p->ended && p->in.len < BUFFER_MOST);
	watch(p->write, written == PEER_TLS_WANTS_WRITE);
	if (p->phase == PEER_OPEN) {
		watch(p->inside_read, !inside_closed && p->out.len < BUFFER_MOST);
		watch(p->inside_write, p->in.len > 0);
	}
	return 0;
}

static int peer_shake(struct peer *p, struct err *e)
{
	enum peer_tls_result result = peer_tls_handshake(p->tls, e);

	if (result >= PEER_TLS_CLOSED)
		return -1;
	watch(p->read, result == PEER_TLS_WANTS_READ || result == PEER_TLS_DONE);
	watch(p->write, result == PEER_TLS_WANTS_WRITE);
	if (result != PEER_TLS_DONE)
		return 0;
	p->phase = PEER_PROVING;
	peer_tls_print(p->tls, p->hello.print);
	if (!p->accepted)
		return 0;
	hello_nonce(p->hello.asked);
	hello_greet(&p->hello, &p->out);
	return 0;
}

static void peer_inside(evutil_socket_t fd, short what, void *arg)
{
	peer_pump(arg);
}

static void peer_watch_inside(struct peer *p)
{
	struct event_base *base = loop_base(p->peers->o.loop);

	if (p->phase != PEER_OPEN || p->inside_read)
		return;
	p->inside_read = event_new(base, p->inside, EV_READ | EV_PERSIST, peer_inside, p);
	p->inside_write = event_new(base, p->inside, EV_WRITE | EV_PERSIST, peer_inside, p);
	if (!p->inside_read || !p->inside_write)
		die("out of memory for an event");
}

static int peer_step(struct peer *p, struct err *e)
{
	if (p->phase == PEER_SHAKING && peer_shake(p, e) < 0)
		return -1;
	if (p->phase == PEER_SHAKING)
		return 0;
	peer_watch_inside(p);
	if (peer_move(p, e) < 0)
		return -1;
	return p->phase == PEER_PROVING ? peer_take_lines(p, e) : 0;
}

/* As far as it gets now. */
static void peer_pump(struct peer *p)
{
	struct err e = { 0 };

	if (peer_step(p, &e) < 0)
		peer_fail(p, &e);
}

/*
 * Its beginning.
 */

static void peer_ready(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	struct err e = { 0 };
	int failed = 0;
	socklen_t len = sizeof(failed);

	if (p->phase == PEER_CONNECTING) {
		if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &failed, &len) < 0 || failed) {
			errno = failed;
			err_errno(&e, ERR_NETWORK, "connecting to the server at %s", p->who);
			peer_fail(p, &e);
			return;
		}
		p->phase = PEER_SHAKING;
		timer_start(&p->timer, p->peers->o.loop, PROVE_MS, peer_late, p);
	}
	peer_pump(p);
}

static void set_side(struct peers *ps, struct hello_side *side)
{
	struct cluster_view view;

	cluster_look(ps->o.cluster, &view);
	snprintf(side->name, sizeof(side->name), "%s", cluster_name(ps->o.cluster));
	snprintf(side->cluster, sizeof(side->cluster), "%s", view.id);
}

static struct peer *peer_new(struct peers *ps, int fd, bool accepted, const char *who)
{
	struct event_base *base = loop_base(ps->o.loop);
	struct peer *p = xcalloc(1, sizeof(*p));

	p->peers = ps;
	p->accepted = accepted;
	p->phase = accepted ? PEER_SHAKING : PEER_CONNECTING;
	p->fd = fd;
	p->inside = -1;
	snprintf(p->who, sizeof(p->who), "%s", who);
	set_side(ps, accepted ? &p->hello.accepted : &p->hello.connected);
	peer_socket_notice_silence(fd);
	p->tls = peer_tls_new(ps->identity, fd, accepted);
	p->read = event_new(base, fd, EV_READ | EV_PERSIST, peer_ready, p);
	p->write = event_new(base, fd, EV_WRITE | EV_PERSIST, peer_ready, p);
	if (!p->read || !p->write)
		die("out of memory for an event");
	watch(accepted ? p->read : p->write, true);
	timer_start(&p->timer, ps->o.loop, PROVE_MS, peer_late, p);
	LIST_INSERT_HEAD(&ps->list, p, link);
	ps->strangers++;
	return p;
}

static void peers_accept(evutil_socket_t listening, short what, void *arg)
{
	struct address from = { .len = sizeof(from.sa) };
	struct peers *ps = arg;
	char who[ADDRESS_TEXT];
	int fd = accept4(ps->o.fd, (struct sockaddr *)&from.sa, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (ps->strangers >= STRANGERS_MOST) {
		log_debug("too many connections as servers have proved nothing yet: one more is closed");
		close(fd);
		return;
	}
	peer_new(ps, fd, true, address_text(who, &from));
}

/* To one of the addresses of a node. */
static void connect_call(void *arg, struct peer_call *c, const struct address *to, int64_t ms)
{
	struct peers *ps = arg;
	struct err e = { 0 };
	struct peer *p;
	int fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || (connect(fd, (const struct sockaddr *)&to->sa, to->len) < 0 && errno != EINPROGRESS)) {
		err_errno(&e, ERR_NETWORK, "connecting to the server at %s", peer_call_address(c));
		cleanup_close(&fd);
		peer_call_fail(c, &e);
		return;
	}
	p = peer_new(ps, fd, false, peer_call_address(c));
	p->hello.use = peer_call_use(c);
	p->call = c;
	if (ms)
		timer_start(&p->timer, ps->o.loop, ms, peer_late, p);
}

struct peer_call *peers_call(struct peers *ps, const char *address, enum peer_use use, struct loop *on, peer_fn *fn,
			     void *arg)
{
	return peer_calls_begin(ps->calls, address, use, on, fn, arg);
}

int peers_listen(const char *address, struct err *e)
{
	return peer_socket_listen(address, e);
}

struct peers *peers_new(const struct peers_options *o, struct err *e)
{
	struct peers *ps = xcalloc(1, sizeof(*ps));

	ps->o = *o;
	LIST_INIT(&ps->list);
	ps->calls = peer_calls_new(&(struct peer_calls_options){ o->loop, connect_call, ps });
	ps->identity = peer_identity_new(e);
	if (!ps->identity) {
		peers_free(ps);
		return NULL;
	}
	if (o->fd < 0)
		return ps;
	ps->listening = event_new(loop_base(o->loop), o->fd, EV_READ | EV_PERSIST, peers_accept, ps);
	if (!ps->listening || event_add(ps->listening, NULL) < 0)
		die("the socket for other servers cannot be watched");
	return ps;
}

void peers_free(struct peers *ps)
{
	if (!ps)
		return;
	event_drop(&ps->listening);
	while (!LIST_EMPTY(&ps->list))
		peer_free(LIST_FIRST(&ps->list));
	peer_calls_free(ps->calls);
	peer_identity_free(ps->identity);
	cleanup_close(&ps->o.fd);
	free(ps);
}
