/*
 * LD_PRELOAD: kill -9 of a program at one of the saves (LMDB commits) that it makes.
 *
 * The file $KILL_AT_SAVE, mapped, holds three int64: the number of saves so far, the one at which to die (0: none),
 * and whether to die before it (0) or right after it (1).  A commit writes pages, fdatasync()s, then writes the
 * meta page that puts them in force.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile struct {
	int64_t count, at, after;
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
	kill(getpid(), SIGKILL);
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
