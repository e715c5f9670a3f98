#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "keeper/channel.h"
#include "keeper/master.h"
#include "keeper/sandbox.h"
#include "keeper/server.h"

#define STOP_MS 5000	/* then it is killed */

struct keeper {
	pid_t pid;
	int status;	/* a pipe: a struct err (ERR_NONE: ready), then its end says that the process is gone */
	int count;
	int *channel;
};

pid_t keeper_pid(const struct keeper *k)
{
	return k->pid;
}

int channel_of(const struct keeper *k, int index)
{
	if (index < 0 || index >= k->count)
		die("the keeper has %d channels, number %d was asked for", k->count, index);
	return k->channel[index];
}

/*
 * In the keeper's process.
 */

/* The daemon ends the keeper by closing the channels, after it has ended itself in good order. */
static void ignore_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_IGN);
}

static int become(const char *wanted, struct err *e)
{
	_cleanup_free_ char *name = wanted ? xstrdup(wanted) : NULL;	/* may be getpwnam()'s own memory */
	struct passwd *user;

	if (!name || geteuid() != 0)
		return 0;
	user = getpwnam(name);
	if (!user) {
		err_set(e, ERR_CONFIG, "server.user: there is no user \"%s\"", name);
		err_code(e, "server.user");
		return err_hint(e, "Make it with `useradd --system --shell /usr/sbin/nologin %s`, or name another.",
				name);
	}
	if (initgroups(name, user->pw_gid) || setgid(user->pw_gid) || setuid(user->pw_uid))
		return err_errno(e, ERR_CONFIG, "server.user: becoming user \"%s\"", name);
	if (user->pw_uid && !setuid(0))
		return err_set(e, ERR_INTERNAL, "server.user: user \"%s\" could become root again", name);
	return 0;
}

/* Dies with the thread that called keeper_start(); a change of user undoes this. */
static int follow(pid_t daemon, struct err *e)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return getppid() == daemon ? 0 : err_set(e, ERR_INTERNAL, "the daemon ended while the keeper started");
}

static int close_others(const int *channels, int count, int status, struct err *e)
{
	_cleanup_free_ int *keep = xcalloc((size_t)count + 1, sizeof(*keep));

	memcpy(keep, channels, (size_t)count * sizeof(*keep));
	keep[count] = status;
	return sandbox_close_fds(keep, (size_t)count + 1, e);
}

static int open_room(struct room *room, const struct keeper_options *o, pid_t daemon, struct err *e)
{
	unsigned char key[SEAL_KEY_SIZE];

	sandbox_hide();
	sandbox_lock_memory(room, sizeof(*room));
	if (master_load(o->master_key_file, o->may_create, key, e))
		return -1;
	if (become(o->user, e)) {
		wipe(key, sizeof(key));
		return -1;
	}
	room_init(room, key, o->master_key_file, daemon);
	wipe(key, sizeof(key));
	return 0;
}

static struct server *enter(struct room *room, const struct keeper_options *o, const int *channels, int status,
			    pid_t daemon, struct err *e)
{
	struct server *s;

	if (open_room(room, o, daemon, e))
		return NULL;
	sandbox_hide();
	if (follow(daemon, e) || close_others(channels, o->clients, status, e))
		return NULL;
	s = server_new(room, channels, o->clients, e);
	return s && !sandbox_filter(e) ? s : NULL;
}

static void NORETURN run(const struct keeper_options *o, const int *channels, int status, pid_t daemon)
{
	static struct room room;
	struct err e = { 0 };
	struct server *s;

	log_role("keeper");
	ignore_signals();
	s = enter(&room, o, channels, status, daemon, &e);
	if (write(status, &e, sizeof(e)) != (ssize_t)sizeof(e) || !s) {
		room_release(&room);
		_exit(1);
	}
	server_run(s);
}

/*
 * In the daemon.
 */

static void keeper_free(struct keeper *k)
{
	for (int i = 0; i < k->count; i++)
		cleanup_close(&k->channel[i]);
	cleanup_close(&k->status);
	free(k->channel);
	free(k);
}

/* Waits for its end; its status as of waitpid(2), 0 if someone else has it. */
static int reap(const struct keeper *k)
{
	int status = 0;

	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int await_ready(struct keeper *k, struct err *e)
{
	struct err said;
	ssize_t n;

	do
		n = read(k->status, &said, sizeof(said));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(said))
		return err_set(e, ERR_INTERNAL, "the keeper ended before it was ready");
	if (!err_is_set(&said))
		return 0;
	if (e)
		*e = said;
	return -1;
}

/* Makes the channels and the status pipe; the keeper's ends go into theirs[] and *status. */
static int connect_both(struct keeper *k, int *theirs, int *status, struct err *e)
{
	int ends[2];

	for (int i = 0; i < k->count; i++)
		if (channel_pair(&k->channel[i], &theirs[i], e))
			return -1;
	if (pipe2(ends, O_CLOEXEC))
		return err_errno(e, ERR_INTERNAL, "making a pipe to the keeper");
	k->status = ends[0];
	*status = ends[1];
	return 0;
}

static struct keeper *keeper_new(int count)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->pid = -1;
	k->status = -1;
	k->count = count;
	k->channel = xcalloc((size_t)count, sizeof(int));
	for (int i = 0; i < count; i++)
		k->channel[i] = -1;
	return k;
}

struct keeper *keeper_start(const struct keeper_options *o, struct err *e)
{
	struct keeper *k = keeper_new(o->clients);
	_cleanup_free_ int *theirs = xcalloc((size_t)o->clients, sizeof(int));
	pid_t daemon = getpid();
	int status = -1;

	memset(theirs, -1, (size_t)o->clients * sizeof(int));
	if (!connect_both(k, theirs, &status, e)) {
		k->pid = fork();
		if (k->pid == 0)
			run(o, theirs, status, daemon);
		if (k->pid < 0)
			err_errno(e, ERR_INTERNAL, "starting the keeper's process");
	}
	for (int i = 0; i < o->clients; i++)
		cleanup_close(&theirs[i]);
	cleanup_close(&status);
	if (k->pid > 0 && !await_ready(k, e))
		return k;
	if (k->pid > 0)
		reap(k);
	keeper_free(k);
	return NULL;
}

static bool is_gone(const struct keeper *k, int within_ms)
{
	struct pollfd hangup = { .fd = k->status };
	int rc;

	do
		rc = poll(&hangup, 1, within_ms);
	while (rc < 0 && errno == EINTR);
	return rc > 0;
}

void keeper_stop(struct keeper *k)
{
	int status;

	if (!k)
		return;
	for (int i = 0; i < k->count; i++) {
		close(k->channel[i]);
		k->channel[i] = -1;
	}
	if (!is_gone(k, STOP_MS)) {
		log_warn("the keeper does not end, so it is killed");
		kill(k->pid, SIGKILL);
	}
	status = reap(k);
	if (WIFSIGNALED(status))
		log_warn("the keeper was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	keeper_free(k);
}
