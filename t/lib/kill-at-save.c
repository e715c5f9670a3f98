/*
 * LD_PRELOAD: kill -9 of a program at one of the saves (LMDB commits, one for each batch) that it makes; a disk that is
 * slow, or broken.
 *
 * The file $KILL_AT_SAVE, mapped, holds seven int64: the number of saves so far, the one at which to die (0: none),
 * whether to die before it (0) or right after it (1); how many milliseconds a sync takes; whether it fails; whether it
 * waits until it is let go.  A commit
 * writes pages, fdatasync()s, then writes the meta page that puts them in force.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile struct {
	int64_t count, at, after, delay, broken, held, waiting;
} *plan;
static __thread int committing;	/* this thread has synced the pages of the save to die at */

__attribute__((constructor)) static void map(void)
{
	const char *path = getenv("KILL_AT_SAVE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		plan = p;
	if (fd >= 0)
		close(fd);
}

static void die(void)
{
	syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGKILL);	/* kill() is not the core's to use */
	for (;;)
		pause();
}

int fdatasync(int fd)
{
	static int (*real)(int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
	if (plan && __atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST) == plan->at) {
		if (!plan->after)
			die();
		committing = 1;
	}
	if (plan && plan->delay)
		usleep((useconds_t)plan->delay * 1000);
	while (plan && plan->held) {
		plan->waiting = 1;
		usleep(5000);
	}
	if (plan && plan->broken) {
		errno = EIO;
		return -1;
	}
	return real(fd);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	ssize_t done;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	done = real(fd, data, len, at);
	if (committing)
		die();
	return done;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at) __attribute__((alias("pwrite")));
