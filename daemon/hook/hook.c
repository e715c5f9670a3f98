#include "daemon/hook/hook.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/process/channel.h"
#include "base/words.h"
#include "daemon/hook/errand.h"
#include "daemon/hook/hook_script.h"

#define GRACE_MS 5000		/* between TERM and KILL */
#define SECRET_LEAST 6		/* characters: shorter ones would hide ordinary words */

struct hooks {
	struct loop *loop;
	struct barrier *barrier;
	runner_connect_fn *connect;
	void *arg;
	int channel;		/* to the runner, who starts them; -1: it is not needed yet, or has ended */
	struct outbox outbox;
	struct event *readable, *writable;
	int64_t last_number;
	struct hook *first;	/* oldest first */
	bool closed;
	unsigned char packet[CHANNEL_PACKET_MAX];
};

struct hook {
	struct hook *next;
	struct hooks *hooks;
	char *script, *lane;
	char **args, **environment, **secrets;
	int64_t timeout;
	int at_once;
	int (*prepare)(void *, char ***, struct err *);
	hook_cb *cb;
	void *arg;

	struct held held;
	bool may_begin;		/* it has passed the barrier */
	int64_t number;		/* the runner's; 0: not started, or over */
	struct event *readable;
	struct timer timer;
	bool late;
	struct buf head, tail;	/* of the output */
	size_t dropped;		/* bytes between them */
	struct err refusal;
};

static void runner_lost(struct hooks *);
static void runner_rest(struct hooks *);

struct hooks *hooks_new(struct loop *loop, struct barrier *barrier, runner_connect_fn *connect, void *arg)
{
	struct hooks *hooks = xcalloc(1, sizeof(*hooks));

	hooks->loop = loop;
	hooks->barrier = barrier;
	hooks->connect = connect;
	hooks->arg = arg;
	hooks->channel = -1;
	outbox_init(&hooks->outbox);
	return hooks;
}

void hooks_close(struct hooks *hooks)
{
	hooks->closed = true;
}

void hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return;
	runner_lost(hooks);
	free(hooks);
}

/*
 * What it printed.
 */

/* Drops what is in the middle. */
static void keep_output(struct hook *h, const char *data, size_t len)
{
	size_t half = HOOK_OUTPUT_MAX / 2;
	size_t first = MIN(len, half - h->head.len);

	buf_add(&h->head, data, first);
	buf_add(&h->tail, data + first, len - first);
	if (h->tail.len > 2 * half) {
		size_t drop = h->tail.len - half;

		memmove(h->tail.data, h->tail.data + drop, half + 1);
		h->tail.len = half;
		h->dropped += drop;
	}
}

/* Everything that is there; -1 at the end of it. */
static int read_some(struct hook *h, int fd)
{
	char data[16384];
	ssize_t got;

	for (int rounds = 0; rounds < 16; rounds++) {
		got = read(fd, data, sizeof(data));
		if (got <= 0)
			return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
		keep_output(h, data, (size_t)got);
	}
	return 0;
}

static void add_masked(struct buf *out, const char *text, char *const *secrets)
{
	while (*text) {
		size_t masked = 0;

		for (size_t i = 0; i < strv_len(secrets); i++)
			if (strlen(secrets[i]) >= SECRET_LEAST && str_starts(text, secrets[i]))
				masked = MAX(masked, strlen(secrets[i]));
		if (masked)
			buf_add_str(out, "***");
		else
			buf_add_ch(out, *text);
		text += MAX(masked, 1u);
	}
}

/*
 * Of a secret that stands where something is left out, a part is there: how long is it?
 * before: the text ends in it.
 */
static size_t part_of_secret(const char *text, size_t len, bool before, char *const *secrets)
{
	size_t longest = 0;

	for (size_t i = 0; i < strv_len(secrets); i++) {
		size_t secret = strlen(secrets[i]);

		if (secret < SECRET_LEAST)
			continue;
		for (size_t part = MIN(secret - 1, len); part > longest; part--)
			if (!memcmp(before ? text + len - part : text, before ? secrets[i] : secrets[i] + secret - part,
				    part))
				longest = part;
	}
	return longest;
}

/* NUL would end it early. */
static void without_nul(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (!b->data[i])
			b->data[i] = '?';
}

static char *printed(struct hook *h)
{
	_cleanup_buf_wipe_ struct buf all = BUF_INIT, masked = BUF_INIT;
	struct buf out = BUF_INIT;
	size_t rest = 0;

	without_nul(&h->head);
	without_nul(&h->tail);
	buf_add(&all, buf_str(&h->head), h->head.len);
	if (h->tail.len > HOOK_OUTPUT_MAX / 2) {
		size_t drop = h->tail.len - HOOK_OUTPUT_MAX / 2;

		memmove(h->tail.data, h->tail.data + drop, HOOK_OUTPUT_MAX / 2 + 1);
		h->tail.len = HOOK_OUTPUT_MAX / 2;
		h->dropped += drop;
	}
	if (h->dropped) {
		size_t first = part_of_secret(buf_str(&h->head), h->head.len, true, h->secrets);

		rest = part_of_secret(buf_str(&h->tail), h->tail.len, false, h->secrets);
		all.len -= first;
		buf_addf(&all, "\n[%zu bytes left out]\n", h->dropped + first + rest);
	}
	buf_add(&all, buf_str(&h->tail) + rest, h->tail.len - rest);
	add_masked(&masked, buf_str(&all), h->secrets);
	words_add_lines(&out, buf_str(&masked), masked.len, SIZE_MAX);
	return buf_detach(&out);
}

/*
 * Running.
 */

static void hooks_turn(struct hooks *);

static void hook_free(struct hook *h)
{
	free(h->script);
	free(h->lane);
	strv_free(h->args);
	hook_wipe_lines(h->environment);
	strv_free(h->environment);
	hook_wipe_lines(h->secrets);
	strv_free(h->secrets);
	buf_wipe(&h->head);
	buf_wipe(&h->tail);
	free(h);
}

/* The event goes before what it watches: else the loop could meet that number as somebody else's. */
static void forget_event(struct event **event)
{
	evutil_socket_t fd = *event ? event_get_fd(*event) : -1;

	if (!*event)
		return;
	event_free(TAKE(*event));
	close(fd);
}

/* Stops watching, and forgets it; the caller frees it. */
static void hook_unlink(struct hook *h)
{
	struct hook **link = &h->hooks->first;

	timer_stop(&h->timer);
	barrier_leave(&h->held);
	forget_event(&h->readable);
	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
}

static void hook_done(struct hook *h, const struct err *err, bool started)
{
	struct hooks *hooks = h->hooks;
	_cleanup_wipe_ char *output = printed(h);
	struct hook_end end = { .err = err, .started = started, .output = output };

	hook_unlink(h);
	h->cb(h->arg, &end);
	hook_free(h);
	hooks_turn(hooks);
	runner_rest(hooks);
}

static void hook_refused(void *arg)
{
	struct hook *h = arg;
	struct err err = h->refusal;

	hook_done(h, &err, false);
}

/* How it ended, as an error; false: well. */
static bool hook_judge(struct hook *h, int status, struct err *e)
{
	if (h->late) {
		err_set(e, ERR_TIMEOUT, "the hook %s did not end within %lld seconds, and was ended", h->script,
			(long long)h->timeout);
		err_hint(e, "hooks.timeout (hooks.deploy_timeout) says how long it may take.");
	} else if (WIFSIGNALED(status)) {
		err_set(e, ERR_CONFIG, "the hook %s was ended by a signal: %s", h->script, strsignal(WTERMSIG(status)));
	} else if (WEXITSTATUS(status)) {
		err_set(e, ERR_CONFIG, "the hook %s failed with exit code %d", h->script, WEXITSTATUS(status));
	} else {
		return false;
	}
	return true;
}

/* The script has ended, and all that it left running. */
static void hook_ended(struct hook *h, int status)
{
	struct err err = { 0 };
	bool failed;

	h->number = 0;
	if (h->readable)
		read_some(h, event_get_fd(h->readable));
	failed = hook_judge(h, status, &err);
	metric_add(METRIC_hooks_run, 1);
	metric_add(METRIC_hooks_failed, failed);
	if (failed && h->head.len && !err.hint[0])
		err_hint(&err, "Administrators see what the script printed, in the steps of this run.");
	hook_done(h, failed ? &err : NULL, true);
}

static void hook_printed(evutil_socket_t fd, short what, void *arg)
{
	struct hook *h = arg;

	if (read_some(h, fd) == 0)
		return;
	event_free(h->readable);
	h->readable = NULL;
	close(fd);
}

/*
 * The runner.
 */

static int runner_tell(struct hooks *hooks, enum errand_kind kind, const struct slice *fields, int fd, struct err *e)
{
	_cleanup_buf_wipe_ struct buf packet = BUF_INIT;

	tell_write(&packet, &errands, kind, fields);
	if (packet.len > CHANNEL_PACKET_MAX)
		return err_set(e, ERR_INVALID, "the hook's arguments and environment are too long: %zu bytes",
			       packet.len);
	if (outbox_send(&hooks->outbox, hooks->channel, slice_buf(&packet), fd) < 0)
		return err_errno(e, ERR_INTERNAL, "asking the runner");
	if (!outbox_empty(&hooks->outbox))
		event_add(hooks->writable, NULL);
	return 0;
}

/* What runs has ended with it: scripts are killed. */
static void runner_lost(struct hooks *hooks)
{
	if (hooks->channel < 0)
		return;
	event_free(TAKE(hooks->readable));
	event_free(TAKE(hooks->writable));
	outbox_release(&hooks->outbox);
	close(hooks->channel);
	hooks->channel = -1;
}

/*
 * With the last script, it ends.  Its cage knows the files of when it began: what is put in the place of
 * /etc/resolv.conf later would be closed to scripts for ever.
 */
static void runner_rest(struct hooks *hooks)
{
	bool busy = hooks->channel < 0 || !outbox_empty(&hooks->outbox);

	for (const struct hook *h = hooks->first; h && !busy; h = h->next)
		busy = h->number != 0;
	if (!busy)
		runner_lost(hooks);
}

static struct hook *hook_by_number(struct hooks *hooks, int64_t number)
{
	struct hook *h = hooks->first;

	while (h && (!h->number || h->number != number))
		h = h->next;
	return h;
}

static void hook_was_refused(struct hook *h, const struct tell *t)
{
	_cleanup_free_ char *kind = tell_get_text(t, 1), *message = tell_get_text(t, 2), *hint = tell_get_text(t, 3);
	struct err e = { 0 };

	h->number = 0;
	err_set(&e, err_kind_by_name(kind), "the hook %s: %s", h->script, message);
	if (*hint)
		err_hint(&e, "%s", hint);
	metric_add(METRIC_hooks_failed, 1);
	hook_done(h, &e, false);
}

/* 0, or -1 if it is not what it should be.  Of one that was cancelled, nobody wants to know. */
static int runner_said(struct hooks *hooks, const struct tell *t)
{
	int64_t number, status = 0;
	struct hook *h;

	if ((t->kind != ERRAND_ended && t->kind != ERRAND_refused) || tell_get_number(t, 0, &number) < 0 ||
	    (t->kind == ERRAND_ended && tell_get_number(t, 1, &status) < 0))
		return -1;
	h = hook_by_number(hooks, number);
	if (h && t->kind == ERRAND_ended)
		hook_ended(h, (int)status);
	else if (h)
		hook_was_refused(h, t);
	return 0;
}

static void runner_ended(struct hooks *hooks)
{
	struct err e = { 0 };

	log_error("the process that runs scripts has ended, and they with it");
	runner_lost(hooks);
	err_set(&e, ERR_INTERNAL, "the process that runs scripts has ended");
	for (struct hook *h = hooks->first, *next; h; h = next) {
		next = h->next;
		if (!h->number)
			continue;
		h->number = 0;
		h->refusal = e;
		timer_start(&h->timer, hooks->loop, 0, hook_refused, h);
	}
}

/* False: there is nothing more now. */
static bool runner_hear(struct hooks *hooks)
{
	ssize_t len = channel_recv(hooks->channel, hooks->packet, NULL, MSG_DONTWAIT);
	struct tell t;

	if (len < 0 && errno == EAGAIN)
		return false;
	if (len > 0 && tell_read(&t, &errands, slice(hooks->packet, (size_t)len), false) == 0 &&
	    runner_said(hooks, &t) == 0)
		return hooks->channel >= 0;
	runner_ended(hooks);
	return false;
}

static void runner_readable(evutil_socket_t fd, short what, void *arg)
{
	while (runner_hear(arg))
		;
}

static void runner_writable(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;

	if (outbox_flush(&hooks->outbox, hooks->channel) < 0 || outbox_empty(&hooks->outbox))
		event_del(hooks->writable);
}

/* With the first script, or the first after a rest. */
static int runner_need(struct hooks *hooks, struct err *e)
{
	if (hooks->channel >= 0)
		return 0;
	hooks->channel = hooks->connect(hooks->arg, e);
	if (hooks->channel < 0)
		return -1;
	hooks->readable =
		event_new(loop_base(hooks->loop), hooks->channel, EV_READ | EV_PERSIST, runner_readable, hooks);
	hooks->writable =
		event_new(loop_base(hooks->loop), hooks->channel, EV_WRITE | EV_PERSIST, runner_writable, hooks);
	if (!hooks->readable || !hooks->writable || event_add(hooks->readable, NULL) < 0)
		die("the runner's channel cannot be watched");
	return 0;
}

static void hook_signal(struct hook *h, int64_t signal)
{
	const struct slice fields[] = { tell_number(&h->number), tell_number(&signal) };

	if (h->number)
		runner_tell(h->hooks, ERRAND_signal, fields, -1, NULL);
}

/*
 * One run.
 */

static void hook_kill(void *arg)
{
	hook_signal(arg, SIGKILL);
}

static void hook_late(void *arg)
{
	struct hook *h = arg;

	h->late = true;
	log_warn("the hook %s did not end within %lld seconds, and is ended", h->script, (long long)h->timeout);
	hook_signal(h, SIGTERM);
	timer_start(&h->timer, h->hooks->loop, GRACE_MS, hook_kill, h);
}

static int hook_ask(struct hook *h, int out, struct err *e)
{
	_cleanup_buf_ struct buf args = BUF_INIT;
	_cleanup_buf_wipe_ struct buf env = BUF_INIT;
	int64_t number = h->hooks->last_number + 1;

	tell_add_texts(&args, h->args);
	tell_add_texts(&env, h->environment);
	if (runner_tell(h->hooks, ERRAND_run, (const struct slice[]){
		    tell_number(&number), slice_str(h->script), slice_buf(&args), slice_buf(&env) }, out, e) < 0)
		return -1;
	h->number = h->hooks->last_number = number;
	return 0;
}

static int hook_begin(struct hook *h, struct err *e)
{
	_cleanup_close_ int theirs = -1;
	int out[2] = { -1, -1 };

	if ((h->prepare && h->prepare(h->arg, &h->environment, e) < 0) || runner_need(h->hooks, e) < 0)
		return -1;
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(e, ERR_INTERNAL, "making a pipe for the hook %s", h->script);
	theirs = out[1];
	if (hook_ask(h, theirs, e) < 0) {
		close(out[0]);
		return -1;
	}
	evutil_make_socket_nonblocking(out[0]);
	h->readable = event_new(loop_base(h->hooks->loop), out[0], EV_READ | EV_PERSIST, hook_printed, h);
	if (!h->readable || event_add(h->readable, NULL) < 0)
		die("an event cannot be watched");
	timer_start(&h->timer, h->hooks->loop, h->timeout * 1000, hook_late, h);
	return 0;
}

/* Nobody before it in its lane, and room for its script? */
static bool has_room(const struct hook *h)
{
	int running = 0;

	for (const struct hook *other = h->hooks->first; other; other = other->next)
		running += other->number && str_eq(other->script, h->script);
	if (running >= h->at_once)
		return false;
	for (const struct hook *other = h->hooks->first; other != h; other = other->next)
		if (h->lane && str_eq(other->lane, h->lane))
			return false;
	return true;
}

static bool is_refused(const struct hook *h)
{
	return err_is_set(&h->refusal);
}

static void hooks_turn(struct hooks *hooks)
{
	for (struct hook *h = hooks->first; h && !hooks->closed; h = h->next) {
		if (h->number || is_refused(h) || !h->may_begin || !has_room(h))
			continue;
		if (hook_begin(h, &h->refusal) < 0)
			timer_start(&h->timer, hooks->loop, 0, hook_refused, h);
	}
}

static void passed(void *arg, const struct err *lost)
{
	struct hook *h = arg;

	h->may_begin = true;
	if (lost) {
		h->refusal = *lost;
		timer_start(&h->timer, h->hooks->loop, 0, hook_refused, h);
	}
	hooks_turn(h->hooks);
}

struct hook *hook_start(struct hooks *hooks, const struct hook_call *call, hook_cb *cb, void *arg)
{
	struct hook *h = xcalloc(1, sizeof(*h)), **link = &hooks->first;

	h->hooks = hooks;
	h->script = xstrdup(call->script ? call->script : "");
	h->lane = call->lane ? xstrdup(call->lane) : NULL;
	h->args = strv_dup(call->args);
	h->environment = strv_dup(call->environment);
	h->secrets = strv_dup(call->secrets);
	h->prepare = call->prepare;
	h->timeout = call->timeout;
	h->at_once = MAX(call->at_once, 1);
	h->cb = cb;
	h->arg = arg;
	while (*link)
		link = &(*link)->next;
	*link = h;
	barrier_pass(hooks->barrier, &h->held, passed, h);
	return h;
}

void hook_cancel(struct hook *h)
{
	struct hooks *hooks = h->hooks;

	hook_signal(h, SIGKILL);
	hook_unlink(h);
	hook_free(h);
	hooks_turn(hooks);
}
