#include "daemon/hook/runner.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/process/channel.h"
#include "base/process/sandbox.h"
#include "base/process/spawn.h"
#include "base/variable.h"
#include "daemon/hook/errand.h"
#include "daemon/hook/hook_script.h"

#define ERROR_FD 3	/* of the script, closed when it starts */

struct run {
	LIST_ENTRY(run) link;
	struct runner *runner;
	int64_t number;
	pid_t pid;
	int error_fd;		/* errno of a start that failed */
	struct event *exited;
};

struct runner {
	struct loop *loop;
	int channel;
	struct outbox outbox;
	struct event *readable, *writable;
	const char *directory, *tmp;
	LIST_HEAD(, run) runs;
	unsigned char packet[CHANNEL_PACKET_MAX];
};

static void runner_say(struct runner *r, enum errand_kind kind, const struct slice *fields)
{
	_cleanup_buf_ struct buf packet = BUF_INIT;

	tell_write(&packet, &errands, kind, fields);
	if (outbox_send(&r->outbox, r->channel, slice_buf(&packet), -1) < 0)
		loop_stop(r->loop);
	else if (!outbox_empty(&r->outbox))
		event_add(r->writable, NULL);
}

static void run_refuse(struct runner *r, int64_t number, const struct err *e)
{
	runner_say(r, ERRAND_refused, (const struct slice[]){
		tell_number(&number), slice_str(err_kind_name(e->kind)), slice_str(e->message), slice_str(e->hint),
	});
}

/*
 * The end of one.
 */

/* While its leader is not reaped yet, nobody else's group can have the number. */
static int end_group(const struct run *run)
{
	kill(-run->pid, SIGKILL);
	return spawn_await(run->pid);
}

static void run_free(struct run *run)
{
	if (run->exited) {
		evutil_socket_t fd = event_get_fd(run->exited);

		event_free(run->exited);
		close(fd);
	}
	cleanup_close(&run->error_fd);
	LIST_REMOVE(run, link);
	free(run);
}

/* The script has ended; what it left running ends with it. */
static void run_exited(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;
	int64_t status = end_group(run);
	int error = 0;

	if (read(run->error_fd, &error, sizeof(error)) == sizeof(error)) {
		struct err e = { 0 };

		errno = error;
		err_errno(&e, ERR_CONFIG, "the hook cannot be started");
		run_refuse(run->runner, run->number, &e);
	} else {
		runner_say(run->runner, ERRAND_ended,
			   (const struct slice[]){ tell_number(&run->number), tell_number(&status) });
	}
	run_free(run);
}

/*
 * The start of one.
 */

/* Between fork and exec: only what is safe there (signal-safety(7)). */
static void NORETURN execute(const char *directory, const char *path, char **argv, char **env, int null_fd, int out_fd,
			     int error_fd)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	spawn_signals(SIG_DFL);
	/* A right of ours is none of the script's (none before Linux 4.3). */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    dup2(null_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(out_fd, 2) < 0)
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

static void add_default(char ***env, const char *name, const char *value)
{
	_cleanup_free_ char *line = xasprintf("%s=%s", name, value);

	if (!variable_is_set(*env, line))
		strv_add(env, line);
}

static int check_environment(struct runner *r, char ***env, struct err *e)
{
	for (char **line = *env; line && *line; line++)
		if (variable_check(*line, VARIABLE_RUN, e) < 0)
			return err_prefix(e, "the environment of the hook");
	add_default(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add_default(env, "LANG", "C.UTF-8");
	if (r->tmp)
		add_default(env, "TMPDIR", r->tmp);
	return 0;
}

static int run_fork(struct run *run, const char *path, char **argv, char **env, int out, struct err *e)
{
	_cleanup_close_ int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int error[2] = { -1, -1 };

	if (null_fd < 0 || pipe2(error, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(e, ERR_INTERNAL, "making pipes for the hook");
	run->error_fd = error[0];
	run->pid = fork();
	if (run->pid == 0)
		execute(run->runner->directory, path, argv, env, null_fd, out, error[1]);
	close(error[1]);
	if (run->pid < 0)
		return err_errno(e, ERR_INTERNAL, "starting the hook");
	setpgid(run->pid, run->pid);	/* whoever of us two comes first */
	return 0;
}

static int run_watch(struct run *run, struct err *e)
{
	int pid_fd = (int)syscall(SYS_pidfd_open, run->pid, 0);

	if (pid_fd < 0) {
		err_errno(e, ERR_INTERNAL, "watching the hook");
		end_group(run);
		return -1;
	}
	run->exited = event_new(loop_base(run->runner->loop), pid_fd, EV_READ, run_exited, run);
	if (!run->exited || event_add(run->exited, NULL) < 0)
		die("an event cannot be watched");
	return 0;
}

static int run_start(struct runner *r, int64_t number, const struct tell *t, int out, struct err *e)
{
	_cleanup_free_ char *script = tell_get_text(t, 1), *path = hook_path(r->directory, script, e);
	_cleanup_strv_ char **args = tell_get_texts(t, 2), **env = tell_get_texts(t, 3), **argv = NULL;
	struct run *run;

	if (!path || check_environment(r, &env, e) < 0) {
		hook_wipe_lines(env);
		return -1;
	}
	strv_add(&argv, path);
	for (size_t i = 0; i < strv_len(args); i++)
		strv_add(&argv, args[i]);
	run = xcalloc(1, sizeof(*run));
	*run = (struct run){ .runner = r, .number = number, .error_fd = -1 };
	LIST_INSERT_HEAD(&r->runs, run, link);
	if (run_fork(run, path, argv, env, out, e) == 0 && run_watch(run, e) == 0)
		run = NULL;
	hook_wipe_lines(env);
	if (run)
		run_free(run);
	return run ? -1 : 0;
}

/*
 * What it is told: 0, or -1 if it is not what it should be.
 */

static int told_run(struct runner *r, const struct tell *t, int out)
{
	struct err e = { 0 };
	int64_t number;

	if (tell_get_number(t, 0, &number) < 0)
		return -1;
	if (run_start(r, number, t, out, &e) < 0)
		run_refuse(r, number, &e);
	return 0;
}

static int told_signal(struct runner *r, const struct tell *t, int fd)
{
	int64_t number, signal;
	struct run *run;

	if (tell_get_number(t, 0, &number) < 0 || tell_get_number(t, 1, &signal) < 0)
		return -1;
	LIST_FOREACH(run, &r->runs, link)
		if (run->number == number)
			kill(-run->pid, (int)signal);
	return 0;
}

static int (*const tolds[ERRAND_KINDS])(struct runner *, const struct tell *, int fd) = {
	[ERRAND_run] = told_run, [ERRAND_signal] = told_signal,
};

/* False: there is nothing more now. */
static bool runner_take(struct runner *r)
{
	_cleanup_close_ int fd = -1;
	ssize_t len = channel_recv(r->channel, r->packet, &fd, MSG_DONTWAIT);
	struct tell t;
	bool taken;

	if (len < 0 && errno == EAGAIN)
		return false;
	taken = len > 0 && tell_read(&t, &errands, slice(r->packet, (size_t)len), fd >= 0) == 0 && tolds[t.kind] &&
		tolds[t.kind](r, &t, fd) == 0;
	if (len > 0)
		wipe(r->packet, (size_t)len);
	if (!taken)
		loop_stop(r->loop);
	return taken;
}

static void runner_readable(evutil_socket_t fd, short what, void *arg)
{
	while (runner_take(arg))
		;
}

static void runner_writable(evutil_socket_t fd, short what, void *arg)
{
	struct runner *r = arg;

	if (outbox_flush(&r->outbox, r->channel) < 0)
		loop_stop(r->loop);
	else if (outbox_empty(&r->outbox))
		event_del(r->writable);
}

void runner_run(int channel, const char *directory, const char *tmp)
{
	struct runner *r = xcalloc(1, sizeof(*r));
	struct run *run;

	*r = (struct runner){ .loop = loop_new(), .channel = channel, .directory = directory, .tmp = tmp };
	outbox_init(&r->outbox);
	LIST_INIT(&r->runs);
	r->readable = event_new(loop_base(r->loop), channel, EV_READ | EV_PERSIST, runner_readable, r);
	r->writable = event_new(loop_base(r->loop), channel, EV_WRITE | EV_PERSIST, runner_writable, r);
	if (!r->readable || !r->writable || event_add(r->readable, NULL) < 0)
		die("the core's channel cannot be watched");
	loop_run(r->loop);
	while ((run = LIST_FIRST(&r->runs))) {
		end_group(run);
		run_free(run);
	}
	event_free(r->readable);
	event_free(r->writable);
	outbox_release(&r->outbox);
	loop_free(r->loop);
	free(r);
}
