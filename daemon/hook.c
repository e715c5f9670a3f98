#include "daemon/hook.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/metric.h"
#include "daemon/hook_script.h"

#define GRACE_MS 5000		/* between TERM and KILL */
#define SECRET_LEAST 6		/* characters: shorter ones would hide ordinary words */
#define ERROR_FD 3		/* of the child, closed when the script starts */

struct hooks {
	struct loop *loop;
	struct hook *first;	/* oldest first */
	bool closed;
};

struct hook {
	struct hook *next;
	struct hooks *hooks;
	char *directory, *script, *lane;
	char **args, **environment, **secrets;
	int64_t timeout;
	int at_once;
	void (*prepare)(void *, char ***);
	hook_cb *cb;
	void *arg;

	pid_t pid;		/* 0: not started, or over */
	int error_fd;		/* errno of a start that failed */
	struct event *exited, *readable;
	struct timer timer;
	bool late;
	struct buf head, tail;	/* of the output */
	size_t dropped;		/* bytes between them */
	struct err refusal;
};

struct hooks *hooks_new(struct loop *loop)
{
	struct hooks *hooks = xcalloc(1, sizeof(*hooks));

	hooks->loop = loop;
	return hooks;
}

void hooks_close(struct hooks *hooks)
{
	hooks->closed = true;
}

void hooks_free(struct hooks *hooks)
{
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
		size_t len = utf8_len(text), masked = 0;

		for (size_t i = 0; i < strv_len(secrets); i++)
			if (strlen(secrets[i]) >= SECRET_LEAST && str_starts(text, secrets[i]))
				masked = MAX(masked, strlen(secrets[i]));
		if (masked)
			buf_add_str(out, "***");
		else if (!len || ((unsigned char)*text < ' ' && *text != '\n' && *text != '\t') || *text == 0x7f)
			buf_add_ch(out, '?');
		else
			buf_add(out, text, len);
		text += masked ? masked : MAX(len, 1u);
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
	_cleanup_buf_wipe_ struct buf all = BUF_INIT;
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
	add_masked(&out, buf_str(&all), h->secrets);
	return buf_detach(&out);
}

/*
 * Running.
 */

static void hooks_turn(struct hooks *);

static void hook_free(struct hook *h)
{
	free(h->directory);
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

/* Stops watching, and forgets it; the caller frees it. */
static void hook_unlink(struct hook *h)
{
	struct hook **link = &h->hooks->first;

	timer_stop(&h->timer);
	if (h->exited) {
		close(event_get_fd(h->exited));
		event_free(h->exited);
	}
	if (h->readable) {
		close(event_get_fd(h->readable));
		event_free(h->readable);
	}
	if (h->error_fd >= 0)
		close(h->error_fd);
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
}

static void hook_refused(void *arg)
{
	struct hook *h = arg;
	struct err err = h->refusal;

	hook_done(h, &err, false);
}

/* How it ended, as an error; false: well. */
static bool judge(struct hook *h, int status, struct err *e)
{
	int error = 0;

	if (read(h->error_fd, &error, sizeof(error)) == sizeof(error)) {
		errno = error;
		err_errno(e, ERR_CONFIG, "the hook %s cannot be started", h->script);
	} else if (h->late) {
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

/* While its leader is not reaped yet, nobody else's group can have the number. */
static int end_group(struct hook *h)
{
	int status = 0;

	kill(-h->pid, SIGKILL);
	while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
		;
	h->pid = 0;
	return status;
}

/* The script has ended; what it left running ends with it. */
static void hook_exited(evutil_socket_t fd, short what, void *arg)
{
	struct hook *h = arg;
	int status = end_group(h);
	struct err err = { 0 };
	bool failed;

	if (h->readable)
		read_some(h, event_get_fd(h->readable));
	failed = judge(h, status, &err);
	metric_add(METRIC_hooks_failed, failed);
	if (failed && h->head.len) {
		_cleanup_wipe_ char *output = printed(h);

		err_detail(&err, "%.900s", output);
	}
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

static void hook_kill(void *arg)
{
	struct hook *h = arg;

	kill(-h->pid, SIGKILL);
}

static void hook_late(void *arg)
{
	struct hook *h = arg;

	h->late = true;
	log_warn("the hook %s did not end within %lld seconds, and is ended", h->script, (long long)h->timeout);
	kill(-h->pid, SIGTERM);
	timer_start(&h->timer, h->hooks->loop, GRACE_MS, hook_kill, h);
}

/* Between fork and exec: only what is safe there (signal-safety(7)). */
static void NORETURN run_script(const char *directory, const char *path, char **argv, char **env, int null_fd,
				int out_fd, int error_fd)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	/* A right of ours, like that to bind port 80, is none of the script's (none before Linux 4.3). */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    signal(SIGPIPE, SIG_DFL) == SIG_ERR || dup2(null_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(out_fd, 2) < 0)
		goto failed;
	if (error_fd != ERROR_FD && dup3(error_fd, ERROR_FD, O_CLOEXEC) < 0)
		goto failed;
	error_fd = ERROR_FD;
	/* All of ours are close-on-exec; a library's may not be. */
	syscall(SYS_close_range, ERROR_FD + 1, ~0U, 0);
	if (chdir(directory) < 0)
		goto failed;
	execve(path, argv, env);
failed:
	error = errno;
	if (write(error_fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

static char **make_argv(const struct hook *h, const char *path)
{
	char **argv = NULL;

	strv_add(&argv, path);
	for (size_t i = 0; i < strv_len(h->args); i++)
		strv_add(&argv, h->args[i]);
	return argv;
}

static void add_default(char ***env, const char *name, const char *value)
{
	_cleanup_free_ char *line = xasprintf("%s%s", name, value);

	for (char **given = *env; given && *given; given++)
		if (str_starts(*given, name))
			return;
	strv_add(env, line);
}

static char **make_environment(const struct hook *h)
{
	char **env = NULL;

	for (size_t i = 0; i < strv_len(h->environment); i++)
		strv_add(&env, h->environment[i]);
	add_default(&env, "PATH=", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add_default(&env, "LANG=", "C.UTF-8");
	return env;
}

static int spawn(struct hook *h, const char *path, int out[2], int error[2], struct err *e)
{
	_cleanup_strv_ char **argv = make_argv(h, path), **env = make_environment(h);
	_cleanup_close_ int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;
	int pid_fd;

	if (null_fd < 0)
		return err_errno(e, ERR_INTERNAL, "opening /dev/null");
	pid = fork();
	if (pid == 0)
		run_script(h->directory, path, argv, env, null_fd, out[1], error[1]);
	hook_wipe_lines(env);
	if (pid < 0)
		return err_errno(e, ERR_INTERNAL, "starting the hook %s", h->script);
	setpgid(pid, pid);	/* whoever of us two comes first */
	h->pid = pid;
	pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pid_fd < 0) {
		err_errno(e, ERR_INTERNAL, "watching the hook %s", h->script);
		end_group(h);
		return -1;
	}
	h->exited = event_new(loop_base(h->hooks->loop), pid_fd, EV_READ, hook_exited, h);
	if (!h->exited || event_add(h->exited, NULL) < 0)
		die("an event cannot be watched");
	return 0;
}

static int begin(struct hook *h, struct err *e)
{
	_cleanup_free_ char *path = hook_path(h->directory, h->script, e);
	int out[2] = { -1, -1 }, error[2] = { -1, -1 };
	int failed;

	if (!path)
		return -1;
	if (h->prepare)
		h->prepare(h->arg, &h->environment);
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0) {
		err_errno(e, ERR_INTERNAL, "making pipes for the hook %s", h->script);
		cleanup_close(&out[0]);
		cleanup_close(&out[1]);
		return -1;
	}
	failed = spawn(h, path, out, error, e);
	close(out[1]);
	close(error[1]);
	if (failed) {
		close(out[0]);
		close(error[0]);
		return -1;
	}
	h->error_fd = error[0];
	evutil_make_socket_nonblocking(out[0]);
	evutil_make_socket_nonblocking(error[0]);
	h->readable = event_new(loop_base(h->hooks->loop), out[0], EV_READ | EV_PERSIST, hook_printed, h);
	if (!h->readable || event_add(h->readable, NULL) < 0)
		die("an event cannot be watched");
	timer_start(&h->timer, h->hooks->loop, h->timeout * 1000, hook_late, h);
	return 0;
}

/* Nobody before it in its lane, and room for its script? */
static bool may_begin(const struct hook *h)
{
	int running = 0;

	for (const struct hook *other = h->hooks->first; other; other = other->next)
		running += other->pid && str_eq(other->script, h->script);
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
		if (h->pid || is_refused(h) || !may_begin(h))
			continue;
		if (begin(h, &h->refusal) < 0)
			timer_start(&h->timer, hooks->loop, 0, hook_refused, h);
	}
}

struct hook *hook_start(struct hooks *hooks, const struct hook_call *call, hook_cb *cb, void *arg)
{
	struct hook *h = xcalloc(1, sizeof(*h)), **link = &hooks->first;

	h->hooks = hooks;
	h->directory = xstrdup(call->directory);
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
	h->error_fd = -1;
	while (*link)
		link = &(*link)->next;
	*link = h;
	hooks_turn(hooks);
	return h;
}

void hook_cancel(struct hook *h)
{
	struct hooks *hooks = h->hooks;

	if (h->pid)
		end_group(h);
	hook_unlink(h);
	hook_free(h);
	hooks_turn(hooks);
}
