#include "daemon/desk/outside.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/process/channel.h"
#include "base/process/frames.h"

#define SERVES 0	/* the number of the sync that follows outside_serve() */
#define BEAT_MS 5000
#define BEATS_MISSED 4	/* then it is ended */
#define YOUNG_MS 5000	/* one that ends before is not started again at once */
#define AGAIN_MS 1000
#define STOP_MS 5000	/* beyond the patience: then it is killed */

struct outside {
	struct outside_options o;
	int channel;			/* -1: there is no front */
	struct outbox outbox;
	struct event *readable, *writable;
	int metrics;			/* memory to count in */
	struct desks *desks;
	bool started;			/* there is one */
	bool serves;			/* it was told to */
	bool has_served;		/* one did */
	bool draining;			/* it is to end, and no other follows */
	int missed;			/* beats in a row that it did not answer */
	int64_t started_ms;
	struct timer beat, again;
	unsigned char packet[CHANNEL_PACKET_MAX];
};

static void outside_lost(struct outside *o)
{
	if (o->channel < 0)
		return;
	event_free(TAKE(o->readable));
	event_free(TAKE(o->writable));
	outbox_release(&o->outbox);
	close(o->channel);
	o->channel = -1;
}

/* It lacks something now, and for ever.  So it ends, which shows when the loop turns; the next one is told all. */
static void outside_give_up(struct outside *o)
{
	if (errno != EPIPE && errno != ECONNRESET)
		log_error("telling the front something failed, so a new one is started: %s", strerror(errno));
	shutdown(o->channel, SHUT_RDWR);
}

/* Certificates come with their keys. */
void outside_tell(struct outside *o, enum tell_kind kind, const struct slice *fields, int fd)
{
	_cleanup_buf_wipe_ struct buf packet = BUF_INIT;

	if (o->channel < 0)
		return;
	tell_write(&packet, &front_tells, kind, fields);
	if (packet.len > CHANNEL_PACKET_MAX)
		log_error("a message to the front is too long: it has %zu bytes", packet.len);
	else if (outbox_send(&o->outbox, o->channel, slice_buf(&packet), fd) < 0)
		outside_give_up(o);
	else if (!outbox_empty(&o->outbox))
		event_add(o->writable, NULL);
}

static void outside_writable(evutil_socket_t fd, short what, void *arg)
{
	struct outside *o = arg;

	if (outbox_flush(&o->outbox, o->channel) < 0 || outbox_empty(&o->outbox))
		event_del(o->writable);
}

/*
 * What it says.
 */

static int hear(struct outside *o, const struct tell *t)
{
	int64_t number;

	if (t->kind == TELL_beat) {
		o->missed = 0;
		return 0;
	}
	if (t->kind != TELL_sync || tell_get_number(t, 0, &number) < 0)
		return -1;
	if (number == SERVES) {
		o->has_served = true;
		o->o.serves(o->o.arg);
	} else {
		o->o.synced(o->o.arg, number);
	}
	return 0;
}

static void start_again(void *arg)
{
	struct outside *o = arg;
	struct err e = { 0 };

	if (outside_start(o, o->desks, &e) == 0)
		return;
	log_err(LOG_LEVEL_ERROR, &e);
	outside_lost(o);
	timer_start(&o->again, o->o.loop, AGAIN_MS, start_again, o);
}

/*
 * Its channel is closed: what is under way in the engine and at the desks goes on, and a new one takes its sockets
 * over.
 */
static void outside_ended(struct outside *o)
{
	int status = starter_end(o->o.starter, ROLE_FRONT);
	bool young = clock_mono_ms() - o->started_ms < YOUNG_MS;

	o->started = false;
	outside_lost(o);
	timer_stop(&o->beat);
	if (o->draining)
		return;
	if (WIFSIGNALED(status))
		log_error("the front was ended by a signal: %s", strsignal(WTERMSIG(status)));
	else
		log_error("the front has ended with exit code %d", WEXITSTATUS(status));
	if (o->has_served)
		timer_start(&o->again, o->o.loop, young ? AGAIN_MS : 0, start_again, o);
	else
		o->o.ended(o->o.arg);
}

/* False: there is nothing more now. */
static bool hear_one(struct outside *o)
{
	ssize_t len = channel_recv(o->channel, o->packet, NULL, MSG_DONTWAIT);
	struct tell t;

	if (len < 0 && errno == EAGAIN)
		return false;
	if (len > 0 && tell_read(&t, &front_tells, slice(o->packet, (size_t)len), false) == 0 && hear(o, &t) == 0)
		return true;
	if (len > 0)
		log_error("the front says what it must not");
	outside_ended(o);
	return false;
}

static void outside_readable(evutil_socket_t fd, short what, void *arg)
{
	while (hear_one(arg))
		;
}

/*
 * Its start.
 */

void outside_configure(struct outside *o)
{
	const struct config *c = o->o.config;
	_cleanup_free_ char *hostname = config_hostname(c);
	const struct cidr_list *trusted = &c->access_trusted_proxies;
	int64_t level = config_log_level(c), json = str_eq(c->log_format, "json");

	OUTSIDE_TELL(o, settings, slice_str(hostname), tell_number(&c->listen_hsts),
		     tell_number(&c->limits_connections), tell_number(&c->limits_per_address),
		     tell_number(&c->limits_per_second), slice(trusted->item, trusted->count * sizeof(*trusted->item)),
		     tell_number(&level), tell_number(&json));
}

static void hand_over_sockets(struct outside *o)
{
	enum face face;
	int fd, thread;

	for (size_t i = 0; (fd = listeners_fd(o->o.listeners, i, &face, &thread)) >= 0; i++) {
		int64_t number = face, whose = thread;

		if (face != FACE_CONTROL)
			outside_tell(o, TELL_socket, (struct slice[]){ tell_number(&number), tell_number(&whose) }, fd);
	}
}

static int hand_over_lines(struct outside *o, struct desks *desks, struct err *e)
{
	for (int64_t thread = 0; thread < o->o.threads; thread++) {
		int line[2];

		if (frames_pair(line, e) < 0)
			return -1;
		desks_connect(desks, (int)thread, line[0]);
		outside_tell(o, TELL_line, (struct slice[]){ tell_number(&thread) }, line[1]);
		close(line[1]);
	}
	return 0;
}

static int outside_connect(struct outside *o, struct err *e)
{
	_cleanup_close_ int theirs = -1;

	if (channel_pair(&o->channel, &theirs, e) < 0 || starter_start(o->o.starter, ROLE_FRONT, theirs, e) < 0) {
		cleanup_close(&o->channel);
		o->channel = -1;
		return -1;
	}
	o->started = true;
	o->readable = event_new(loop_base(o->o.loop), o->channel, EV_READ | EV_PERSIST, outside_readable, o);
	o->writable = event_new(loop_base(o->o.loop), o->channel, EV_WRITE | EV_PERSIST, outside_writable, o);
	if (!o->readable || !o->writable || event_add(o->readable, NULL) < 0)
		die("the front's channel cannot be watched");
	return 0;
}

/* A front that is stuck answers nobody. */
static void outside_beat(void *arg)
{
	struct outside *o = arg;

	if (o->missed++ < BEATS_MISSED) {
		outside_tell(o, TELL_beat, NULL, -1);
		timer_start(&o->beat, o->o.loop, BEAT_MS, outside_beat, o);
		return;
	}
	log_error("the front does not answer, and is ended");
	outside_ended(o);
}

int outside_start(struct outside *o, struct desks *desks, struct err *e)
{
	if (outside_connect(o, e) < 0)
		return -1;
	o->desks = desks;
	o->started_ms = clock_mono_ms();
	o->missed = 0;
	o->serves = false;
	outside_beat(o);
	outside_tell(o, TELL_metrics, NULL, o->metrics);
	outside_configure(o);
	hand_over_sockets(o);
	if (hand_over_lines(o, desks, e) < 0)
		return -1;
	o->o.begun(o->o.arg);
	return 0;
}

void outside_serve(struct outside *o)
{
	if (o->serves || o->draining)
		return;
	o->serves = true;
	outside_tell(o, TELL_serve, NULL, -1);
	outside_sync(o, SERVES);
}

void outside_sync(struct outside *o, int64_t number)
{
	OUTSIDE_TELL(o, sync, tell_number(&number));
}

struct outside *outside_new(const struct outside_options *options, struct err *e)
{
	struct outside *o = xcalloc(1, sizeof(*o));

	o->o = *options;
	o->channel = -1;
	outbox_init(&o->outbox);
	o->metrics = metric_share(e);
	if (o->metrics >= 0)
		return o;
	free(o);
	return NULL;
}

/* Until its end of the channel is closed; what it says meanwhile is for nobody. */
static void outside_await_end(struct outside *o, int64_t until_ms)
{
	struct pollfd channel = { .fd = o->channel, .events = POLLIN };
	int64_t left;

	while ((left = until_ms - clock_mono_ms()) > 0) {
		int there = poll(&channel, 1, (int)left);

		if (there > 0 && channel_recv(o->channel, o->packet, NULL, MSG_DONTWAIT) == 0)
			return;
		if (there < 0 && errno != EINTR)
			return;
	}
	log_warn("the front does not end, so it is killed");
}

void outside_drain(struct outside *o, int64_t patience_ms)
{
	o->draining = true;
	timer_stop(&o->beat);
	timer_stop(&o->again);
	OUTSIDE_TELL(o, drain, tell_number(&patience_ms));
}

bool outside_drained(const struct outside *o)
{
	return !o->started;
}

/* The loop runs no more: what could not be sent is not. */
void outside_stop(struct outside *o, int64_t patience_ms)
{
	if (!o)
		return;
	timer_stop(&o->beat);
	timer_stop(&o->again);
	OUTSIDE_TELL(o, drain, tell_number(&patience_ms));
	if (o->channel >= 0 && outbox_empty(&o->outbox))
		outside_await_end(o, clock_mono_ms() + patience_ms + STOP_MS);
	if (o->started)
		starter_end(o->o.starter, ROLE_FRONT);
	o->started = false;
	outside_lost(o);
}

void outside_free(struct outside *o)
{
	if (!o)
		return;
	cleanup_close(&o->metrics);
	free(o);
}
