/* The keeper's process, certerad-keeper, from its first line to where it answers. */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/process/channel.h"
#include "base/process/sandbox.h"
#include "base/process/spawn.h"
#include "keeper/boot.h"
#include "keeper/keeper.h"
#include "keeper/marks.h"
#include "keeper/master.h"
#include "keeper/ops.h"
#include "keeper/server.h"

/* Dies with the thread that called keeper_start(); a change of user has undone this. */
static int follow(pid_t daemon, struct err *e)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return getppid() == daemon ? 0 : err_set(e, ERR_INTERNAL, "the daemon ended while the keeper started");
}

/* Without its file the keeper knows what was over only until it ends: said, and no reason not to serve. */
static void open_marks(const struct room *room, const char *file, bool forget)
{
	struct err e = { 0 };
	size_t damaged;

	if (!*file)
		return;
	if (forget)
		unlink(file);
	if (marks_open(room->marks, file, &damaged, &e) < 0)
		log_warn("%s: old passwords and API keys that are put back into the store are known only until the "
			 "next start",
			 e.message);
	else if (damaged)
		log_warn("%s is damaged: %zu of its entries are lost", file, damaged);
}

static int open_room(struct room *room, const struct boot *b, pid_t daemon, struct err *e)
{
	bool early = b->become && access(b->master_key_file, R_OK) == 0;
	unsigned char key[SEAL_KEY_SIZE];

	sandbox_hide();
	sandbox_lock_memory(room, sizeof(*room));
	if (early && master_load(b->master_key_file, false, key, e) < 0)
		return -1;
	if ((b->become && user_become(&b->user, e) < 0) ||
	    (!early && master_load(b->master_key_file, b->may_create, key, e) < 0)) {
		wipe(key, sizeof(key));
		return -1;
	}
	room_init(room, key, b->master_key_file, daemon);
	room->admins = b->admins;
	open_marks(room, b->marks_file, b->forget_marks);
	wipe(key, sizeof(key));
	return 0;
}

static int read_boot(struct boot *b, struct err *e)
{
	unsigned char *packet = xmalloc(CHANNEL_PACKET_MAX);
	ssize_t n = channel_recv(SPAWN_CHANNEL, packet, NULL, 0);
	bool whole = n == (ssize_t)sizeof(*b);

	if (whole)
		memcpy(b, packet, sizeof(*b));
	free(packet);
	if (!whole || b->clients < 1 || b->clients > BOOT_CLIENTS)
		return err_set(e, ERR_INTERNAL, "the keeper was not told what it is for");
	if (*b->credentials)
		setenv("CREDENTIALS_DIRECTORY", b->credentials, 1);
	return 0;
}

static int read_channels(int *channels, int count, struct err *e)
{
	unsigned char *packet = xmalloc(CHANNEL_PACKET_MAX);
	int got = 0;

	while (got < count && channel_recv(SPAWN_CHANNEL, packet, &channels[got], 0) > 0 && channels[got] >= 0)
		got++;
	free(packet);
	return got == count ? 0 : err_set(e, ERR_INTERNAL, "the keeper has %d of its %d channels", got, count);
}

static struct server *enter(struct room *room, struct boot *b, pid_t daemon, struct err *e)
{
	int channels[BOOT_CLIENTS];
	struct server *s;

	if (read_boot(b, e) < 0 || read_channels(channels, b->clients, e) < 0)
		return NULL;
	log_setup(b->log.least, b->log.as_json);
	if (open_room(room, b, daemon, e) < 0)
		return NULL;
	sandbox_hide();
	if (follow(daemon, e) < 0)
		return NULL;
	s = server_new(room, channels, b->clients, b->roles, e);
	sandbox_close_files(SANDBOX_KEEPER);
	return s && sandbox_filter(SANDBOX_KEEPER, e) == 0 ? s : NULL;
}

int main(int argc, char **argv)
{
	static struct room room;
	static struct boot boot;
	pid_t daemon = getppid();
	struct err e = { 0 };
	struct server *s;

	if (spawn_begin("keeper", argc, argv) < 0)
		return err_exit_code(ERR_USAGE);
	s = enter(&room, &boot, daemon, &e);
	if (channel_send(SPAWN_CHANNEL, slice(&e, sizeof(e)), -1, 0) < 0 || !s) {
		room_release(&room);
		_exit(1);
	}
	server_run(s);
}
