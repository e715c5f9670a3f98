#include "daemon/front/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "daemon/front/turn.h"

#define READ_MOST 16384			/* bytes at once */
#define UNSENT_MOST 65536		/* bytes of answers: then no more requests are looked at */
#define LENT_MOST 262144		/* what has grown more than that is not kept */
#define OWED_MOST (64 * 1024 * 1024)	/* bytes of answers that others do not take; of one answer, more */
#define TICK_MS 1000
#define HEADERS 128

struct conns {
	struct loop *loop;
	struct tls *tls;
	struct doors *doors;
	int threads;
	const struct conn_handler *handler;
	void *arg;
	struct timer tick;		/* while there are connections */
	bool draining;			/* what is answered now is the last answer of its connection */
	struct buf in, out;		/* lent to the connection whose turn it is */
	size_t owed;			/* by all */
	uint64_t owed_last;		/* number */
	struct {
		struct waits waits;
		int64_t open, most;
		char headers[HEADERS];
	} face[FACES];
};

/* Plain http answers nothing that has a body. */
static const size_t body_most[] = { [FACE_HTTP] = 4096, [FACE_HTTPS] = 64 * 1024, [FACE_CONTROL] = 1024 * 1024 };

static struct waits *waits_of(struct conn *c)
{
	return &c->all->face[c->face].waits;
}

/* The first in it. */
static struct conn *conn_of(struct waiting *waiting)
{
	return (struct conn *)waiting;
}

size_t turn_unsent(const struct conn *c)
{
	return c->out.len - c->sent;
}

/*
 * Buffers.  The thread has one of each; a connection has its own only while something is left between its turns.
 */

static void lend(struct buf *mine, bool *lent, struct buf *shared)
{
	*lent = !mine->data;
	if (!*lent)
		return;
	*mine = *shared;
	*shared = (struct buf)BUF_INIT;
}

/*
 * move: of its own buffer what is left goes to the front; else only once that is less than half, so that it costs
 * little.
 */
static void give_back(struct buf *mine, size_t *done, bool *lent, struct buf *shared, bool move)
{
	struct buf rest = BUF_INIT;

	if (*done == mine->len && !*lent) {
		buf_wipe(mine);
	} else if (*lent) {
		if (*done < mine->len)
			buf_add(&rest, mine->data + *done, mine->len - *done);
		if (mine->size > LENT_MOST || shared->data) {
			buf_wipe(mine);
		} else if (mine->data) {
			wipe(mine->data, mine->len);
			buf_clear(mine);
			*shared = *mine;
		}
		*mine = rest;
	} else if (move || *done > mine->len / 2) {
		memmove(mine->data, mine->data + *done, mine->len - *done + 1);
		mine->len -= *done;
	} else {
		return;
	}
	*done = 0;
	*lent = false;
}

/*
 * Its end.
 */

static void conn_free(struct conn *c)
{
	event_del(&c->readable);
	event_del(&c->writable);
	c->all->handler->gone(c);
	waits_remove(&c->waiting);
	c->all->owed -= c->owed;
	doors_leave(c->all->doors, c->door, c->face, c->unread);
	c->all->face[c->face].open--;
	if (c->tls)
		tls_conn_say_goodbye(c->tls);
	tls_conn_free(c->tls);
	buf_wipe(&c->in);
	buf_wipe(&c->out);
	close(c->fd);
	free(c);
}

/*
 * A turn.
 */

static void conn_watch(struct event *event, bool *watched, bool wanted)
{
	if (*watched == wanted)
		return;
	*watched = wanted;
	if (wanted ? event_add(event, NULL) : event_del(event))
		die("a socket cannot be watched");
}

/* Requests that are there are answered, as long as their answers are taken. */
static void work_off(struct conn *c)
{
	enum http_progress progress = HTTP_WHOLE;

	while (progress == HTTP_WHOLE && !c->dead && !c->pending && !c->ending && c->used < c->in.len) {
		size_t before = c->in.len - c->used, len = before;

		c->stalled = turn_unsent(c) > UNSENT_MOST;
		if (c->stalled)
			return;
		progress = http_read(&c->reader, &c->request, c->in.data + c->used, &len);
		c->in.len -= before - len;
		if (progress == HTTP_REFUSED)
			c->all->handler->refused(c, c->reader.refusal);
		if (progress == HTTP_CONTINUE)
			buf_add_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
		if (progress != HTTP_WHOLE)
			return;
		c->used += c->reader.at;
		http_reader_init(&c->reader, body_most[c->face]);
		c->progress = c->kept = true;
		c->all->handler->whole(c);
	}
}

static void conn_note(struct conn *c, enum tls_result result)
{
	c->blocked = result == TLS_BLOCKED;
	c->eof |= result == TLS_CLOSED;
	c->dead |= result == TLS_BROKEN;
}

static void send_out(struct conn *c)
{
	const char *data = c->out.data + c->sent;
	size_t len = turn_unsent(c), some = 0;
	ssize_t sent;

	if (!len || c->dead)
		return;
	if (c->tls) {
		conn_note(c, tls_conn_write(c->tls, slice(data, len), &some));
	} else {
		sent = send(c->fd, data, len, MSG_NOSIGNAL);
		c->dead = sent < 0 && errno != EAGAIN && errno != EINTR;
		some = sent > 0 ? (size_t)sent : 0;
	}
	c->sent += some;
	c->progress |= some > 0;
}

static enum wait wait_of(const struct conn *c)
{
	if (turn_unsent(c))
		return WAIT_READER;
	if (c->pending)
		return WAIT_ANSWER;
	if (c->ending)
		return WAIT_FAREWELL;
	if (c->face == FACE_HTTPS && (!c->tls || !tls_conn_is_open(c->tls)))
		return WAIT_HANDSHAKE;
	if (c->kept && !http_reader_has_begun(&c->reader, c->in.len))
		return WAIT_IDLE;
	return c->reader.phase < HTTP_BODY ? WAIT_HEAD : WAIT_BODY;
}

/*
 * What is not taken is memory of ours: when all of it together is too much, who has waited longest with an answer goes.
 */

static void note_owed(struct conn *c, size_t now)
{
	if (now && !c->owed)
		c->owed_as = ++c->all->owed_last;
	c->all->owed += now - c->owed;
	c->owed = now;
}

/* Not the one that has just got its answer. */
static bool give_up_slowest(struct conns *all, const struct conn *but)
{
	struct conn *slowest = NULL;

	for (enum face face = 0; face < FACES; face++)
		for (struct waiting *w = waits_first(&all->face[face].waits, WAIT_READER); w;
		     w = waits_next(&all->face[face].waits, w)) {
			struct conn *c = conn_of(w);

			if (c != but && !c->in_turn && (!slowest || c->owed_as < slowest->owed_as))
				slowest = c;
		}
	if (!slowest)
		return false;
	log_debug("an answer of %zu bytes is given up: the other side takes too long, and memory is short",
		  slowest->owed);
	metric_add(METRIC_closed_slow, 1);
	conn_free(slowest);
	return true;
}

/* Nothing can be done until something happens: what that is. */
static void settle(struct conn *c)
{
	enum wait wait = wait_of(c);
	bool unread = wait >= WAIT_HANDSHAKE && wait <= WAIT_BODY;

	if (wait != c->waiting.wait || c->progress)
		waits_move(waits_of(c), &c->waiting, wait, clock_mono_ms());
	c->progress = false;
	if (unread != c->unread)
		door_unread(c->door, c->face, unread);
	c->unread = unread;
	conn_watch(&c->readable, &c->reads, (wait != WAIT_ANSWER && wait != WAIT_READER) || c->streams);
	conn_watch(&c->writable, &c->writes, wait == WAIT_READER || c->blocked);
}

/* All is said: the other side is to see that, before what it still sends would take it away (RFC 9112 section 9.6). */
static void say_goodbye(struct conn *c)
{
	if (c->tls)
		tls_conn_say_goodbye(c->tls);
	shutdown(c->fd, SHUT_WR);
	c->lingers = false;
}

void turn_begin(struct conn *c)
{
	c->in_turn = true;
	lend(&c->in, &c->lent_in, &c->all->in);
	lend(&c->out, &c->lent_out, &c->all->out);
}

void turn_end(struct conn *c)
{
	bool over;

	do {
		work_off(c);
		send_out(c);
	} while (c->stalled && !turn_unsent(c) && !c->dead);
	give_back(&c->in, &c->used, &c->lent_in, &c->all->in, true);
	give_back(&c->out, &c->sent, &c->lent_out, &c->all->out, false);
	note_owed(c, turn_unsent(c));
	c->in_turn = false;
	over = !c->pending && !turn_unsent(c) && (c->eof || c->ending);
	if (over && c->lingers && !c->eof)
		say_goodbye(c);
	else
		c->dead |= over || (c->eof && c->streams);
	if (c->dead) {
		conn_free(c);
		return;
	}
	settle(c);
	while (c->all->owed > OWED_MOST && give_up_slowest(c->all, c))
		;
}

/*
 * What happens to it.
 */

static bool is_over(ssize_t received)
{
	return !received || (received < 0 && errno != EAGAIN && errno != EINTR);
}

static void read_plain(struct conn *c)
{
	ssize_t got = recv(c->fd, buf_reserve(&c->in, READ_MOST), READ_MOST, 0);

	c->eof = is_over(got);
	if (got > 0)
		c->in.len += (size_t)got;
}

static void read_tls(struct conn *c)
{
	char data[READ_MOST];
	ssize_t got = recv(c->fd, data, sizeof(data), 0);

	c->eof = is_over(got);
	if (got > 0 && !c->tls)
		c->tls = tls_conn_new(c->all->tls, c->fd);
	if (got > 0)
		conn_note(c, tls_conn_read(c->tls, slice(data, (size_t)got), &c->in));
}

static void take_in(struct conn *c)
{
	turn_begin(c);
	if (c->face == FACE_HTTPS)
		read_tls(c);
	else
		read_plain(c);
	turn_end(c);
}

/* Nothing is read any more, but that it ends is seen. */
static void look_for_end(struct conn *c)
{
	char waste[READ_MOST];

	if (!is_over(recv(c->fd, waste, sizeof(waste), 0)))
		return;
	turn_begin(c);
	c->dead = true;
	turn_end(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (c->waiting.wait == WAIT_FAREWELL || c->streams)
		look_for_end(c);
	else
		take_in(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	turn_begin(c);
	if (c->blocked && !turn_unsent(c))
		conn_note(c, tls_conn_read(c->tls, slice(NULL, 0), &c->in));
	turn_end(c);
}

/* Who has begun a request is told. */
static void on_late(struct conn *c)
{
	enum wait wait = c->waiting.wait;

	turn_begin(c);
	if (wait != WAIT_IDLE && wait != WAIT_FAREWELL)
		metric_add(METRIC_closed_late, 1);
	if ((wait == WAIT_HEAD || wait == WAIT_BODY) && http_reader_has_begun(&c->reader, c->in.len))
		c->all->handler->refused(c, HTTP_REFUSED_late);
	else
		c->dead = true;
	turn_end(c);
}

/*
 * All of them.
 */

static void tick(void *arg)
{
	struct conns *all = arg;
	int64_t now = clock_mono_ms(), open = 0;
	struct waiting *late;

	for (enum face face = 0; face < FACES; face++) {
		while ((late = waits_late(&all->face[face].waits, now)))
			on_late(conn_of(late));
		open += all->face[face].open;
	}
	if (open)
		timer_start(&all->tick, all->loop, TICK_MS, tick, all);
}

struct conns *conns_new(struct loop *loop, struct tls *tls, struct doors *doors, int threads,
			const struct conn_handler *handler, void *arg)
{
	struct conns *all = xcalloc(1, sizeof(*all));

	*all = (struct conns){
		.loop = loop, .tls = tls, .doors = doors, .threads = threads, .handler = handler, .arg = arg,
	};
	for (enum face face = 0; face < FACES; face++)
		waits_init(&all->face[face].waits);
	conns_configure(all, 0);
	return all;
}

void conns_configure(struct conns *all, int64_t hsts)
{
	for (enum face face = 0; face < FACES; face++)
		all->face[face].most = MAX(doors_most(all->doors, face) / all->threads, 1);
	*all->face[FACE_HTTPS].headers = '\0';
	if (hsts)
		snprintf(all->face[FACE_HTTPS].headers, HEADERS, "Strict-Transport-Security: max-age=%lld\r\n",
			 (long long)hsts);
}

void conns_free(struct conns *all)
{
	struct waiting *one;

	if (!all)
		return;
	for (enum face face = 0; face < FACES; face++)
		for (enum wait wait = 0; wait < WAITS; wait++)
			while ((one = waits_first(&all->face[face].waits, wait)))
				conn_free(conn_of(one));
	timer_stop(&all->tick);
	buf_wipe(&all->in);
	buf_wipe(&all->out);
	free(all);
}

static bool is_full(const struct conns *all, enum face face)
{
	return all->face[face].open >= all->face[face].most;
}

bool conns_have_room(struct conns *all, enum face face)
{
	return !is_full(all, face) || waits_victim(&all->face[face].waits);
}

static void make_room(struct conns *all, enum face face)
{
	struct waiting *victim = is_full(all, face) ? waits_victim(&all->face[face].waits) : NULL;

	if (!victim)
		return;
	conn_free(conn_of(victim));
	doors_tell_full(all->doors, face);
}

void conns_take(struct conns *all, enum face face, int fd, const struct address *peer)
{
	struct event_base *base = loop_base(all->loop);
	struct door *door = doors_enter(all->doors, face, peer);
	struct conn *c;

	if (!door) {
		close(fd);
		return;
	}
	make_room(all, face);
	c = xcalloc(1, sizeof(*c));
	*c = (struct conn){
		.all = all, .arg = all->arg, .headers = all->face[face].headers, .face = face, .fd = fd, .door = door,
		.unread = true,
	};
	c->request.face = face;
	c->request.peer = *peer;
	c->request.socket = face == FACE_CONTROL ? fd : -1;
	http_reader_init(&c->reader, body_most[face]);
	event_assign(&c->readable, base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	waits_add(waits_of(c), &c->waiting, wait_of(c), clock_mono_ms());
	if (!all->tick.event)
		timer_start(&all->tick, all->loop, TICK_MS, tick, all);
	all->face[face].open++;
	take_in(c);
}

void conns_drain(struct conns *all)
{
	all->draining = true;
}

bool turn_is_last(const struct conn *c)
{
	return c->all->draining;
}

bool conns_idle(struct conns *all, bool unread)
{
	for (enum face face = 0; face < FACES; face++) {
		struct waits *w = &all->face[face].waits;

		if (waits_first(w, WAIT_READER) || waits_first(w, WAIT_ANSWER))
			return false;
		if (unread &&
		    (waits_first(w, WAIT_HANDSHAKE) || waits_first(w, WAIT_HEAD) || waits_first(w, WAIT_BODY)))
			return false;
	}
	return true;
}
