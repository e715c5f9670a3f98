#include "base/process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/self.h"

/* What is for the core only: systemd's ear, and where secrets are. */
static bool is_ours(const char *variable)
{
	static const char *const ours[] = { "NOTIFY_SOCKET=", "WATCHDOG_", "CREDENTIALS_DIRECTORY=", "LISTEN_" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (str_starts(variable, ours[i]))
			return true;
	return false;
}

static char **environment(void)
{
	char **env = NULL;

	for (char **variable = environ; *variable; variable++)
		if (!is_ours(*variable))
			strv_add(&env, *variable);
	return env;
}

static char **command_line(const struct spawn *s)
{
	_cleanup_free_ char *name = xasprintf("certerad-%s", s->role);
	char **argv = NULL;

	strv_add(&argv, name);
	strv_add(&argv, VERSION);
	for (size_t i = 0; i < strv_len(s->arguments); i++)
		strv_add(&argv, s->arguments[i]);
	return argv;
}

const char *spawn_programs;

/* As in the folder where all was built, or as installed. */
static char *program_file(const char *role)
{
	_cleanup_free_ char *own = spawn_programs ? xstrdup(spawn_programs) : self_folder();
	char *beside = own ? xasprintf("%s/certerad-%s", own, role) : NULL;

	if (beside && access(beside, X_OK) == 0)
		return beside;
	free(beside);
	return xasprintf(LIBEXECDIR "/certera/certerad-%s", role);
}

/* Its number is out of the way of the channel's. */
int spawn_open(const char *role, struct err *e)
{
	_cleanup_free_ char *file = program_file(role);
	_cleanup_close_ int fd = open(file, O_PATH | O_CLOEXEC);
	int program = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_CHANNEL + 1);

	if (program >= 0)
		return program;
	err_errno(e, ERR_INTERNAL, "opening %s, the program of the %s's process", file, role);
	err_hint(e, "It comes with certerad: install it again, whole.");
	return -1;
}

static int change_user(const struct spawn *s)
{
	if (!s->user)
		return 0;
	return s->groups ? user_become(s->user, NULL) : user_become_bare(s->user);
}

/*
 * Between fork and exec: only what is safe there (signal-safety(7)), but for the groups, which are for callers without
 * threads.
 */
static void NORETURN execute(const struct spawn *s, int program, pid_t parent, char **argv, char **env)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	/* Ports below 1024 are bound already. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (change_user(s) < 0)
		_exit(1);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(1);
	if (s->channel == SPAWN_CHANNEL ? fcntl(s->channel, F_SETFD, 0) < 0 : dup2(s->channel, SPAWN_CHANNEL) < 0)
		_exit(1);
	close_range(SPAWN_CHANNEL + 1, ~0U, CLOSE_RANGE_CLOEXEC);	/* all of ours are; a library's may not be */
	syscall(SYS_execveat, program, "", argv, env, AT_EMPTY_PATH);
	_exit(1);
}

pid_t spawn(const struct spawn *s, struct err *e)
{
	_cleanup_strv_ char **env = environment(), **argv = command_line(s);
	_cleanup_close_ int opened = s->program ? -1 : spawn_open(s->role, e);
	int program = s->program ? s->program : opened;
	pid_t parent = getpid(), pid;

	if (program < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		execute(s, program, parent, argv, env);
	if (pid < 0)
		err_errno(e, ERR_INTERNAL, "starting the %s's process", s->role);
	return pid;
}

int spawn_await(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int spawn_end(pid_t pid)
{
	kill(pid, SIGKILL);	/* if it is ending already, its status is its own */
	return spawn_await(pid);
}

void spawn_signals(void (*handler)(int))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], handler);
}

static bool is_started_by_us(const char *role, int argc, char **argv)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (argc < 2 || getsockopt(SPAWN_CHANNEL, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET)
		log_error("certerad-%s is started by certerad itself", role);
	else if (!str_eq(argv[1], VERSION))
		log_error("certerad-%s is of version " VERSION
			  ", and was started by a certerad of version %s: install one of them whole",
			  role, argv[1]);
	else
		return true;
	return false;
}

int spawn_begin(const char *role, int argc, char **argv)
{
	_cleanup_free_ char *name = xasprintf("certerad-%s", role);

	log_role(role);
	if (!is_started_by_us(role, argc, argv))
		return -1;
	fcntl(SPAWN_CHANNEL, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, name);
	spawn_signals(SIG_IGN);
	return 0;
}
