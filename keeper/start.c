#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/channel.h"
#include "base/process/sandbox.h"
#include "base/process/spawn.h"
#include "keeper/marks.h"
#include "keeper/master.h"
#include "keeper/ops.h"
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

/* Dies with the thread that called keeper_start(); a change of user undoes this. */
static int follow(pid_t daemon, struct err *e)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return getppid() == daemon ? 0 : err_set(e, ERR_INTERNAL, "the daemon ended while the keeper started");
}

/* marks: -1 if there is no such file. */
static int close_others(const int *channels, int count, int status, int marks, struct err *e)
{
	_cleanup_free_ int *keep = xcalloc((size_t)count + 2, sizeof(*keep));

	memcpy(keep, channels, (size_t)count * sizeof(*keep));
	keep[count] = status;
	keep[count + 1] = marks < 0 ? status : marks;
	return sandbox_close_fds(keep, (size_t)count + 2, e);
}

/* Without its file the keeper knows what was over only until it ends: said, and no reason not to serve. */
static void open_marks(const struct room *room, const char *file, bool forget)
{
	struct err e = { 0 };
	size_t damaged;

	if (!file)
		return;
	if (forget)
		unlink(file);
	if (marks_open(room->marks, file, &damaged, &e) < 0)
		log_warn("%s: old passwords and API keys that are put back into the store are known only until the next start",
			 e.message);
	else if (damaged)
		log_warn("%s is damaged: %zu of its entries are lost", file, damaged);
}

static int open_room(struct room *room, const struct keeper_options *o, pid_t daemon, struct err *e)
{
	bool early = o->user && access(o->master_key_file, R_OK) == 0;
	unsigned char key[SEAL_KEY_SIZE];

	sandbox_hide();
	sandbox_lock_memory(room, sizeof(*room));
	if (early && master_load(o->master_key_file, false, key, e) < 0)
		return -1;
	if ((o->user && user_become(o->user, e) < 0) ||
	    (!early && master_load(o->master_key_file, o->may_create, key, e) < 0)) {
		wipe(key, sizeof(key));
		return -1;
	}
	room_init(room, key, o->master_key_file, daemon);
	open_marks(room, o->marks_file, o->forget_marks);
	wipe(key, sizeof(key));
	return 0;
}

static struct server *enter(struct room *room, const struct keeper_options *o, const int *channels, int status,
			    pid_t daemon, struct err *e)
{
	struct server *s;

	if (open_room(room, o, daemon, e) < 0)
		return NULL;
	sandbox_hide();
	if (follow(daemon, e) < 0 || close_others(channels, o->clients, status, marks_fd(room->marks), e) < 0)
		return NULL;
	s = server_new(room, channels, o->clients, o->roles, e);
	sandbox_close_files(SANDBOX_KEEPER);
	return s && sandbox_filter(SANDBOX_KEEPER, e) == 0 ? s : NULL;
}

static void NORETURN run(const struct keeper_options *o, const int *channels, int status, pid_t daemon)
{
	static struct room room;
	struct err e = { 0 };
	struct server *s;

	log_role("keeper");
	prctl(PR_SET_NAME, "certerad-keeper");
	spawn_signals(SIG_IGN);
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
		if (channel_pair(&k->channel[i], &theirs[i], e) < 0)
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
	if (connect_both(k, theirs, &status, e) == 0) {
		k->pid = fork();
		if (k->pid == 0)
			run(o, theirs, status, daemon);
		if (k->pid < 0)
			err_errno(e, ERR_INTERNAL, "starting the keeper's process");
	}
	for (int i = 0; i < o->clients; i++)
		cleanup_close(&theirs[i]);
	cleanup_close(&status);
	if (k->pid > 0 && await_ready(k, e) == 0)
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
