#include "daemon/process/starter.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/channel.h"
#include "base/process/sandbox.h"
#include "base/process/spawn.h"

/* A question is two bytes: what, and of which role; a start has the channel with it. */
enum { START, END };

struct started {
	struct err err;
	int status;
};

struct starter {
	pid_t pid;
	int channel;
};

/*
 * In its process.
 */

struct starting {
	const struct process_users *users;
	char **runner;		/* its command line */
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
		.arguments = role == ROLE_RUNNER ? s->runner : NULL,
		.user = users_of(s->users, role),
		.groups = role == ROLE_RUNNER,
		.channel = channel,
	}, e);
	s->pid[role] = MAX(pid, 0);
}

static void starter_answer(struct starting *s, const unsigned char *question, int fd, struct started *a)
{
	enum process role = question[1];

	if (role != ROLE_FRONT && role != ROLE_RUNNER)
		err_set(&a->err, ERR_DENIED, "only the front and the runner are started");
	else if (question[0] == START && fd >= 0)
		start_role(s, role, fd, &a->err);
	else
		a->status = end_role(s, role);
}

static void NORETURN starter_run(struct starting *s, int channel)
{
	static unsigned char question[CHANNEL_PACKET_MAX];

	for (;;) {
		_cleanup_close_ int fd = -1;
		struct started a = { 0 };

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

/* Its arguments are the runner's. */
int starter_main(int argc, char **argv)
{
	static struct process_users users;
	struct starting s = { .users = &users, .runner = argv + MIN(argc, 2) };

	log_role("starter");
	if (spawn_begin(STARTER_ROLE) < 0 || read_users(&users) < 0) {
		log_error("the starter is started by certerad itself");
		return err_exit_code(ERR_USAGE);
	}
	log_setup(LOG_LEVEL_INFO, false);	/* looks at stderr */
	sandbox_hide();
	prctl(PR_SET_NAME, "certerad-starts");	/* the kernel keeps 15 characters */
	starter_run(&s, SPAWN_CHANNEL);
}

/*
 * In the core.
 */

static int starter_ask(struct starter *s, int what, enum process role, int fd, struct started *a, struct err *e)
{
	const unsigned char question[2] = { (unsigned char)what, (unsigned char)role };
	unsigned char *packet = xmalloc(CHANNEL_PACKET_MAX);
	bool answered = channel_send(s->channel, slice(question, sizeof(question)), fd, 0) == 0 &&
			channel_recv(s->channel, packet, NULL, 0) == (ssize_t)sizeof(*a);

	if (answered)
		memcpy(a, packet, sizeof(*a));
	free(packet);
	if (!answered)
		return err_set(e, ERR_INTERNAL, "the process that starts others has ended");
	if (err_is_set(&a->err) && e)
		*e = a->err;
	return err_is_set(&a->err) ? -1 : 0;
}

int starter_start(struct starter *s, enum process role, int channel, struct err *e)
{
	struct started a;

	return starter_ask(s, START, role, channel, &a, e);
}

int starter_end(struct starter *s, enum process role)
{
	struct started a = { 0 };

	return starter_ask(s, END, role, -1, &a, NULL) < 0 ? 0 : a.status;
}

struct starter *starter_new(const struct process_users *users, char **runner, struct err *e)
{
	_cleanup_close_ int theirs = -1;
	struct starter *s = xcalloc(1, sizeof(*s));

	s->channel = -1;
	if (channel_pair(&s->channel, &theirs, e) == 0)
		s->pid = spawn(&(struct spawn){ .role = STARTER_ROLE, .arguments = runner, .channel = theirs }, e);
	if (s->pid > 0 && channel_send(s->channel, slice(users, sizeof(*users)), -1, 0) == 0)
		return s;
	if (s->pid > 0) {
		err_errno(e, ERR_INTERNAL, "telling the process that starts others whom");
		spawn_end(s->pid);
	}
	cleanup_close(&s->channel);
	free(s);
	return NULL;
}

/* It ends what it has started, then itself. */
void starter_stop(struct starter *s)
{
	if (!s)
		return;
	close(s->channel);
	spawn_await(s->pid);
	free(s);
}
