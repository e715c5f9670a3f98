/* The starter's process: certerad-starter. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/channel.h"
#include "base/process/sandbox.h"
#include "base/process/spawn.h"
#include "daemon/process/starter_ask.h"
#include "daemon/process/users.h"

struct starting {
	const struct process_users *users;
	char **runner;		/* its command line */
	int program[ROLES];	/* as they were when we were started: so all are of one version */
	pid_t pid[ROLES];	/* 0: there is none */
};

static int end_role(struct starting *s, enum process role)
{
	pid_t pid = s->pid[role];

	s->pid[role] = 0;
	return pid ? spawn_end(pid) : 0;
}

static void start_role(struct starting *s, enum process role, int channel, struct err *e)
{
	pid_t pid;

	end_role(s, role);
	pid = spawn(&(struct spawn){
		.role = role_names[role],
		.program = s->program[role],
		.arguments = role == ROLE_RUNNER ? s->runner : NULL,
		.user = users_of(s->users, role),
		.groups = role == ROLE_RUNNER,
		.channel = channel,
	}, e);
	s->pid[role] = MAX(pid, 0);
}

static void starter_answer(struct starting *s, const unsigned char *question, int fd, struct starter_answer *a)
{
	enum process role = question[1];

	if (role != ROLE_FRONT && role != ROLE_RUNNER)
		err_set(&a->err, ERR_DENIED, "only the front and the runner are started");
	else if (question[0] == STARTER_START && fd >= 0)
		start_role(s, role, fd, &a->err);
	else
		a->status = end_role(s, role);
}

static void NORETURN starter_run(struct starting *s, int channel)
{
	static unsigned char question[CHANNEL_PACKET_MAX];

	for (;;) {
		_cleanup_close_ int fd = -1;
		struct starter_answer a = { 0 };

		if (channel_recv(channel, question, &fd, 0) != 2)
			break;
		starter_answer(s, question, fd, &a);
		if (channel_send(channel, slice(&a, sizeof(a)), -1, 0) < 0)
			break;
	}
	for (int role = 0; role < ROLES; role++)
		end_role(s, (enum process)role);
	_exit(0);
}

static int read_users(struct process_users *users)
{
	unsigned char *packet = xmalloc(CHANNEL_PACKET_MAX);
	bool whole = channel_recv(SPAWN_CHANNEL, packet, NULL, 0) == (ssize_t)sizeof(*users);

	if (whole)
		memcpy(users, packet, sizeof(*users));
	users->missing = NULL;
	free(packet);
	return whole ? 0 : -1;
}

static int open_programs(struct starting *s)
{
	struct err e = { 0 };

	s->program[ROLE_FRONT] = spawn_open(role_names[ROLE_FRONT], &e);
	s->program[ROLE_RUNNER] = spawn_open(role_names[ROLE_RUNNER], &e);
	if (err_is_set(&e))
		log_err(LOG_LEVEL_ERROR, &e);
	return err_is_set(&e) ? -1 : 0;
}

/* Its arguments are the runner's. */
int main(int argc, char **argv)
{
	static struct process_users users;
	struct starting s = { .users = &users, .runner = argv + MIN(argc, 2) };

	if (spawn_begin("starter", argc, argv) < 0)
		return err_exit_code(ERR_USAGE);
	if (read_users(&users) < 0 || open_programs(&s) < 0)
		return err_exit_code(ERR_INTERNAL);
	log_setup(LOG_LEVEL_INFO, false);	/* looks at stderr */
	sandbox_hide();
	prctl(PR_SET_NAME, "certerad-starts");	/* the kernel keeps 15 characters */
	starter_run(&s, SPAWN_CHANNEL);
}
