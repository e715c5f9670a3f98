#include "keeper/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/channel.h"
#include "base/process/spawn.h"
#include "keeper/boot.h"

#define STOP_MS 5000	/* then it is killed */

struct keeper {
	pid_t pid;
	int status;	/* what it is started with; its end says that the process is gone */
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

static void keeper_free(struct keeper *k)
{
	for (int i = 0; i < k->count; i++)
		cleanup_close(&k->channel[i]);
	cleanup_close(&k->status);
	free(k->channel);
	free(k);
}

static int await_ready(struct keeper *k, struct err *e)
{
	unsigned char *packet = xmalloc(CHANNEL_PACKET_MAX);
	ssize_t n = channel_recv(k->status, packet, NULL, 0);
	struct err said = { 0 };

	if (n == (ssize_t)sizeof(said))
		memcpy(&said, packet, sizeof(said));
	free(packet);
	if (n != (ssize_t)sizeof(said))
		return err_set(e, ERR_INTERNAL, "the keeper ended before it was ready");
	if (!err_is_set(&said))
		return 0;
	if (e)
		*e = said;
	return -1;
}

static int copy_path(char to[PATH_MAX], const char *path, struct err *e)
{
	if (!path)
		path = "";
	if (strlen(path) >= PATH_MAX)
		return err_set(e, ERR_CONFIG, "this path is too long: %.64s...", path);
	memcpy(to, path, strlen(path) + 1);
	return 0;
}

static int fill_boot(struct boot *b, const struct keeper_options *o, struct err *e)
{
	*b = (struct boot){
		.log = log_format(),
		.become = o->user,
		.user = o->user ? *o->user : (struct system_user){ 0 },
		.admins = o->admins ? *o->admins : (struct local_admins){ .group = NO_GROUP },
		.may_create = o->may_create,
		.forget_marks = o->forget_marks,
		.roles = o->roles,
		.clients = o->clients,
	};
	return copy_path(b->master_key_file, o->master_key_file, e) < 0 ||
			       copy_path(b->marks_file, o->marks_file, e) < 0
		       ? -1
		       : copy_path(b->credentials, getenv("CREDENTIALS_DIRECTORY"), e);
}

/* A pair for each client; the keeper's end goes along. */
static int send_channel(struct keeper *k, int i, struct err *e)
{
	_cleanup_close_ int theirs = -1;

	if (channel_pair(&k->channel[i], &theirs, e) < 0)
		return -1;
	return channel_send(k->status, slice_str("c"), theirs, 0) < 0
		       ? err_errno(e, ERR_INTERNAL, "telling the keeper its channels")
		       : 0;
}

static int tell(struct keeper *k, const struct keeper_options *o, struct err *e)
{
	struct boot b;

	if (fill_boot(&b, o, e) < 0)
		return -1;
	if (channel_send(k->status, slice(&b, sizeof(b)), -1, 0) < 0)
		return err_errno(e, ERR_INTERNAL, "telling the keeper what it is for");
	for (int i = 0; i < k->count; i++)
		if (send_channel(k, i, e) < 0)
			return -1;
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

static int begin(struct keeper *k, struct err *e)
{
	_cleanup_close_ int theirs = -1;

	if (channel_pair(&k->status, &theirs, e) < 0)
		return -1;
	k->pid = spawn(&(struct spawn){ .role = "keeper", .channel = theirs }, e);
	return k->pid > 0 ? 0 : -1;
}

struct keeper *keeper_start(const struct keeper_options *o, struct err *e)
{
	struct keeper *k = keeper_new(o->clients);

	if (begin(k, e) == 0 && tell(k, o, e) == 0 && await_ready(k, e) == 0)
		return k;
	if (k->pid > 0)
		spawn_end(k->pid);
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
	status = spawn_await(k->pid);
	if (WIFSIGNALED(status))
		log_warn("the keeper was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	keeper_free(k);
}
