#include "daemon/front/front.h"

#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/process/channel.h"
#include "daemon/front/front_tell.h"
#include "daemon/front/threads.h"

struct front {
	struct loop *loop;
	int channel;
	struct outbox outbox;
	struct event *readable, *writable;
	char *hostname;
	int64_t hsts;
	struct tls *tls;
	struct doors *doors;
	struct challenges *challenges;
	struct listeners *listeners;
	int *line;
	int lines;
	struct threads *threads;	/* NULL: nobody is answered yet */
	unsigned char packet[CHANNEL_PACKET_MAX];
};

/* Without the core there is nothing to do, and what it says is never wrong but after a fault. */
static void front_end(void *arg)
{
	struct front *f = arg;

	loop_stop(f->loop);
}

static void front_say(struct front *f, enum tell_kind kind, const struct slice *fields)
{
	_cleanup_buf_ struct buf packet = BUF_INIT;

	tell_write(&packet, &front_tells, kind, fields);
	if (outbox_send(&f->outbox, f->channel, slice_buf(&packet), -1) < 0)
		front_end(f);
	else if (!outbox_empty(&f->outbox))
		event_add(f->writable, NULL);
}

static void front_beaten(void *arg)
{
	front_say(arg, TELL_beat, NULL);
}

static int keep(int *fd)
{
	int kept = *fd;

	*fd = -1;
	return kept;
}

/*
 * What it is told: 0, or -1 if it is not what it should be.
 */

static int told_metrics(struct front *f, const struct tell *t, int *fd)
{
	return metric_join(*fd);
}

/* The name of this server: TLS begins with the first one. */
static int take_hostname(struct front *f, const struct tell *t)
{
	struct err e = { 0 };
	int failed;

	free(f->hostname);
	f->hostname = tell_get_text(t, 0);
	if (f->tls) {
		failed = tls_rename(f->tls, f->hostname, &e);
	} else {
		f->tls = tls_new(f->hostname, &e);
		failed = f->tls ? 0 : -1;
	}
	if (failed)
		log_err(LOG_LEVEL_ERROR, &e);
	return f->tls ? 0 : -1;
}

static int told_settings(struct front *f, const struct tell *t, int *fd)
{
	struct doors_limits limits = { 0 };
	struct slice trusted = t->field[5];
	int64_t level, json;

	if (tell_get_number(t, 1, &f->hsts) < 0 || tell_get_number(t, 2, &limits.connections) < 0 ||
	    tell_get_number(t, 3, &limits.per_address) < 0 || tell_get_number(t, 4, &limits.per_second) < 0 ||
	    trusted.len % sizeof(struct cidr) || tell_get_number(t, 6, &level) < 0 || tell_get_number(t, 7, &json) < 0)
		return -1;
	log_setup((enum log_level)level, json);
	limits.trusted.count = trusted.len / sizeof(struct cidr);
	limits.trusted.item = trusted.len ? xmemdup(trusted.data, trusted.len) : NULL;
	doors_limit(f->doors, &limits);
	cidr_list_release(&limits.trusted);
	if (f->threads)
		threads_configure(f->threads, f->hsts);
	return take_hostname(f, t);
}

static int told_socket(struct front *f, const struct tell *t, int *fd)
{
	int64_t face, thread;

	if (tell_get_number(t, 0, &face) < 0 || tell_get_number(t, 1, &thread) < 0 ||
	    (face != FACE_HTTP && face != FACE_HTTPS) || f->threads)
		return -1;
	listeners_add(f->listeners, keep(fd), (enum face)face, (int)thread);
	return 0;
}

static int told_line(struct front *f, const struct tell *t, int *fd)
{
	int64_t thread;

	if (tell_get_number(t, 0, &thread) < 0 || thread != f->lines || f->threads)
		return -1;
	f->line = xreallocarray(f->line, (size_t)f->lines + 1, sizeof(*f->line));
	f->line[f->lines++] = keep(fd);
	return 0;
}

static int told_certificate(struct front *f, const struct tell *t, int *fd)
{
	_cleanup_free_ char *id = tell_get_text(t, 0), *name = tell_get_text(t, 4);
	_cleanup_strv_ char **names = tell_get_list(t, 1);
	struct err e = { 0 };

	if (!f->tls)
		return -1;
	if (tls_set_certificate(f->tls, id, names, t->field[2], t->field[3], &e) < 0) {
		err_prefix(&e, "serving the site certificate %s", name);
		log_err(LOG_LEVEL_ERROR, &e);
	} else {
		log_info("https is served with certificate %s", name);
	}
	return 0;
}

static int told_certificates(struct front *f, const struct tell *t, int *fd)
{
	_cleanup_strv_ char **ids = tell_get_list(t, 0);
	struct err e = { 0 };

	if (!f->tls)
		return -1;
	if (tls_keep_certificates(f->tls, ids, &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
	return 0;
}

static int told_challenge(struct front *f, const struct tell *t, int *fd)
{
	_cleanup_free_ char *token = tell_get_text(t, 0), *key_auth = tell_get_text(t, 1);

	challenges_set(f->challenges, token, key_auth);
	return 0;
}

static int told_challenge_gone(struct front *f, const struct tell *t, int *fd)
{
	_cleanup_free_ char *token = tell_get_text(t, 0);

	challenges_set(f->challenges, token, NULL);
	return 0;
}

static int told_sync(struct front *f, const struct tell *t, int *fd)
{
	front_say(f, TELL_sync, t->field);
	return 0;
}

static int told_serve(struct front *f, const struct tell *t, int *fd)
{
	struct threads_options o = {
		.count = f->lines, .line = f->line, .listeners = f->listeners, .tls = f->tls, .doors = f->doors,
		.challenges = f->challenges, .loop = f->loop, .closed = front_end, .beaten = front_beaten,
		.drained = front_end, .arg = f,
	};

	if (f->threads || !f->tls || !f->lines)
		return -1;
	f->threads = threads_start(&o, f->hsts);
	f->lines = 0;
	if (!f->threads)
		log_error("a thread cannot be started");
	return f->threads ? 0 : -1;
}

static int told_beat(struct front *f, const struct tell *t, int *fd)
{
	if (f->threads)
		threads_beat(f->threads);
	else
		front_beaten(f);
	return 0;
}

static int told_drain(struct front *f, const struct tell *t, int *fd)
{
	int64_t patience_ms;

	if (tell_get_number(t, 0, &patience_ms) < 0)
		return -1;
	if (f->threads)
		threads_drain(f->threads, patience_ms);
	else
		front_end(f);
	return 0;
}

static int (*const tolds[])(struct front *, const struct tell *, int *fd) = {
#define TELL(kind, fields, descriptor) [TELL_##kind] = told_##kind,
#include "daemon/front/tell.def"
#undef TELL
};

/* False: there is nothing more now. */
static bool front_take(struct front *f)
{
	_cleanup_close_ int fd = -1;
	ssize_t len = channel_recv(f->channel, f->packet, &fd, MSG_DONTWAIT);
	struct tell t;
	int taken;

	if (len < 0 && errno == EAGAIN)
		return false;
	if (len <= 0) {
		front_end(f);
		return false;
	}
	taken = tell_read(&t, &front_tells, slice(f->packet, (size_t)len), fd >= 0) < 0 ? -1
											: tolds[t.kind](f, &t, &fd);
	wipe(f->packet, (size_t)len);
	if (taken < 0) {
		log_error("the front was told what it does not understand");
		front_end(f);
	}
	return taken == 0;
}

static void front_readable(evutil_socket_t fd, short what, void *arg)
{
	while (front_take(arg))
		;
}

static void front_writable(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;

	if (outbox_flush(&f->outbox, f->channel) < 0)
		front_end(f);
	else if (outbox_empty(&f->outbox))
		event_del(f->writable);
}

static struct front *front_new(int channel)
{
	struct front *f = xcalloc(1, sizeof(*f));

	f->channel = channel;
	f->loop = loop_new();
	f->doors = doors_new();
	f->challenges = challenges_new();
	f->listeners = listeners_none();
	outbox_init(&f->outbox);
	f->readable = event_new(loop_base(f->loop), channel, EV_READ | EV_PERSIST, front_readable, f);
	f->writable = event_new(loop_base(f->loop), channel, EV_WRITE | EV_PERSIST, front_writable, f);
	if (!f->readable || !f->writable || event_add(f->readable, NULL) < 0)
		die("the core's channel cannot be watched");
	return f;
}

static void front_free(struct front *f)
{
	threads_stop(f->threads);
	for (int i = 0; i < f->lines; i++)
		close(f->line[i]);
	free(f->line);
	event_free(f->readable);
	event_free(f->writable);
	outbox_release(&f->outbox);
	listeners_close(f->listeners);
	challenges_free(f->challenges);
	doors_free(f->doors);
	tls_free(f->tls);
	loop_free(f->loop);
	close(f->channel);
	free(f->hostname);
	free(f);
}

void front_run(int channel)
{
	struct front *f = front_new(channel);

	log_role("front");
	loop_run(f->loop);
	front_free(f);
}
