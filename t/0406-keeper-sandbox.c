/* What the keeper's process may not, and what the daemon's does not hold. */
#include "t/lib/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/encode.h"
#include "base/process/sandbox.h"

/* Sanitizers need more system calls, and so much memory that reading it takes minutes. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif

#define HEX 64
#define UNABLE 3	/* to look into the memory of another process */

/* The number behind "name:" in /proc/PID/status. */
static long status_of(pid_t pid, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/status", pid);
	_cleanup_fclose_ FILE *file = fopen(path, "r");
	size_t len = strlen(name);
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) && line[len] == ':')
			return strtol(line + len + 1, NULL, 10);
	fail_msg("no %s in %s", name, path);
	return -1;
}

static void limited(void **state)
{
	struct fixture *f = *state;
	pid_t pid = keeper_pid(f->keeper);
	struct rlimit core;

	assert_int_equal(status_of(pid, "Seccomp"), 2);
	assert_int_equal(status_of(pid, "NoNewPrivs"), 1);
	assert_int_equal(prlimit(pid, RLIMIT_CORE, NULL, &core), 0);
	assert_int_equal(core.rlim_max, 0);
}

/* The filter is for all threads: those for the slow work existed before it. */
static void all_threads_limited(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = xasprintf("/proc/%d/task", keeper_pid(f->keeper));
	DIR *dir = opendir(path);
	struct dirent *d;
	int threads = 0;

	assert_non_null(dir);
	while ((d = readdir(dir))) {
		if (*d->d_name == '.')
			continue;
		assert_int_equal(status_of((pid_t)strtol(d->d_name, NULL, 10), "Seccomp"), 2);
		threads++;
	}
	closedir(dir);
	assert_true(threads > 1);
}

/* Of a process that is not dumpable, /proc belongs to root. */
static void not_dumpable(void **state)
{
	struct fixture other = { 0 };
	struct system_user user;
	struct keeper_options o = {
		.master_key_file = other.key_file, .may_create = true, .user = &user, .clients = 1
	};
	_cleanup_free_ char *path = NULL;
	struct passwd *nobody = getpwnam("nobody");
	struct stat st;
	struct err e;

	if (geteuid() != 0 || !nobody)
		SKIP("needs root");
	assert_int_equal(user_find(&user, "nobody", &e), 0);
	make_dir(&other);
	assert_int_equal(chown(other.dir, user.uid, user.gid), 0);
	other.keeper = keeper_start(&o, &e);
	assert_non_null(other.keeper);
	assert_int_equal(status_of(keeper_pid(other.keeper), "Uid"), nobody->pw_uid);
	assert_int_equal(status_of(keeper_pid(other.keeper), "Gid"), nobody->pw_gid);
	path = xasprintf("/proc/%d/environ", keeper_pid(other.keeper));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	keeper_stop(other.keeper);
	remove_dir(&other);
}

static void few_descriptors(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = xasprintf("/proc/%d/fd", keeper_pid(f->keeper));
	DIR *dir = opendir(path);
	struct dirent *d;
	int sockets = 0, others = 0;

	if (!dir)
		SKIP("needs root");
	while ((d = readdir(dir))) {
		char target[256];
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = '\0';
		if (str_starts(target, "socket:") && strtol(d->d_name, NULL, 10) > STDERR_FILENO)
			sockets++;
		else if (strtol(d->d_name, NULL, 10) <= STDOUT_FILENO)
			assert_string_equal(target, "/dev/null");
		else
			others++;
	}
	closedir(dir);
	assert_int_equal(sockets, 3);	/* the channels, and the one it was started with */
	assert_int_equal(others, 2);	/* stderr, the bell of the slow threads */
}

/* In a process of its own, limited in the same way: what does not belong to the keeper's work fails. */
static void forbidden(void **state)
{
	int status;
	pid_t pid;

	if (SANITIZED)
		SKIP("the filter is wider for sanitizers");
	pid = fork();
	if (pid == 0) {
		struct err e;

		if (sandbox_filter(SANDBOX_KEEPER, &e))
			_exit(1);
		if (open("/etc/passwd", O_RDONLY) >= 0 || errno != ENOSYS)
			_exit(2);
		if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != ENOSYS)
			_exit(3);
		if (fork() >= 0 || errno != ENOSYS)
			_exit(4);
		if (execl("/bin/true", "true", NULL) != -1 || errno != ENOSYS)
			_exit(5);
		if (kill(getpid(), 0) == 0 || errno != ENOSYS)
			_exit(6);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void signals_do_not_end_it(void **state)
{
	struct fixture *f = *state;
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct reply r = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		assert_int_equal(kill(keeper_pid(f->keeper), signals[i]), 0);
	assert_int_equal(ASK_BARE(f, &r, check_new), ERR_NONE);
	release_reply(&r);
}

/* Is it in the other process's writable memory? */
static bool memory_has(pid_t pid, const void *needle, size_t len)
{
	_cleanup_free_ char *maps_path = xasprintf("/proc/%d/maps", pid), *mem_path = xasprintf("/proc/%d/mem", pid);
	_cleanup_fclose_ FILE *maps = fopen(maps_path, "r");
	_cleanup_close_ int mem = open(mem_path, O_RDONLY | O_CLOEXEC);
	static char chunk[1 << 20];
	unsigned long from, to;
	char line[512], mode[8];

	if (!maps || mem < 0)
		_exit(UNABLE);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w')
			continue;
		for (unsigned long at = from; at < to; at += sizeof(chunk) - len) {
			ssize_t n = pread(mem, chunk, MIN(sizeof(chunk), to - at), (off_t)at);

			if (n > 0 && memmem(chunk, (size_t)n, needle, len))
				return true;
		}
	}
	return false;
}

/* Runs where the master key may be known: in a child, which looks into us.  1: found, 0: not. */
static int search(const struct fixture *f, pid_t pid, const char *known)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;
	int fd = open(f->key_file, O_RDONLY);
	char hex[HEX + 1] = "";

	if (known)
		return memory_has(pid, known, strlen(known));
	if (fd < 0 || read(fd, hex, HEX) != HEX || hex_decode(&raw, hex))
		return UNABLE;
	return memory_has(pid, hex, HEX) || memory_has(pid, raw.data, raw.len);
}

static int search_in_child(const struct fixture *f, const char *known)
{
	pid_t us = getpid(), pid = fork();
	int status;

	if (pid == 0)
		_exit(search(f, us, known));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void daemon_does_not_know(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *known = xstrdup("a text that is in this process");
	int found = SANITIZED ? UNABLE : search_in_child(f, known);

	if (found == UNABLE)
		SKIP("the memory cannot be read here");
	assert_int_equal(found, 1);
	assert_int_equal(search_in_child(f, NULL), 0);
}

static void goes_with_its_parent(void **state)
{
	struct fixture *f = *state;
	struct fixture other = { 0 };
	int tell[2], status;
	pid_t daemon, orphan = 0;
	char c;

	make_dir(&other);
	assert_int_equal(pipe(tell), 0);
	daemon = fork();
	if (daemon == 0) {
		struct keeper *k = start_keeper(&other, 1);

		orphan = keeper_pid(k);
		if (write(tell[1], &orphan, sizeof(orphan)) != sizeof(orphan))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(tell[0], &orphan, sizeof(orphan)), sizeof(orphan));
	close(tell[1]);
	assert_int_equal(waitpid(daemon, &status, 0), daemon);
	assert_true(orphan > 0 && orphan != keeper_pid(f->keeper));
	/* The pipe has no other writer left: the keeper closed its copy at start. */
	assert_int_equal(read(tell[0], &c, 1), 0);
	for (int i = 0; i < 500 && !kill(orphan, 0); i++) {
		_cleanup_free_ char *path = xasprintf("/proc/%d/stat", orphan);
		_cleanup_fclose_ FILE *file = fopen(path, "r");
		char mode = 0;

		/* Where nobody reaps orphans it stays as a zombie. */
		if (!file || (fscanf(file, "%*d (%*[^)]) %c", &mode) == 1 && mode == 'Z'))
			break;
		usleep(10 * 1000);
		assert_int_not_equal(i, 499);
	}
	close(tell[0]);
	remove_dir(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limited), cmocka_unit_test(all_threads_limited),
		cmocka_unit_test(not_dumpable), cmocka_unit_test(few_descriptors),
		cmocka_unit_test(forbidden), cmocka_unit_test(signals_do_not_end_it),
		cmocka_unit_test(daemon_does_not_know), cmocka_unit_test(goes_with_its_parent),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keeper sandbox", tests, set_up, tear_down);
}
