#include "keeper/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/log.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

void sandbox_hide(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
}

void sandbox_lock_memory(const void *secret, size_t size)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	/* With a limit in place, locking the future would make a later allocation fail. */
	if (setrlimit(RLIMIT_MEMLOCK, &all) || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		mlock(secret, size);
}

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int sandbox_close_fds(int *keep, size_t count, struct err *e)
{
	unsigned from = STDERR_FILENO + 1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return err_errno(e, ERR_INTERNAL, "opening /dev/null");
	qsort(keep, count, sizeof(*keep), ascending);
	for (size_t i = 0; i <= count; i++) {
		unsigned to = i < count ? (unsigned)keep[i] : ~0U;

		if (from < to && close_range(from, i < count ? to - 1 : to, 0))
			return err_errno(e, ERR_INTERNAL, "closing what the daemon has open");
		from = to + 1;
	}
	return 0;
}

static const int allowed[] = {
	/* talking: the channels, the log, the bell of the slow threads, the peer of a connection */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(read), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* random numbers, time, threads that exist already */
	SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(futex), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(getpid), SCMP_SYS(gettid),
	/* signals and the end */
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
	SCMP_SYS(exit_group),
#ifdef SANITIZED
	/* what a sanitizer's runtime needs, above all to print its report */
	SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction), SCMP_SYS(prctl),
	SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(pipe2), SCMP_SYS(fcntl), SCMP_SYS(ioctl),
	SCMP_SYS(getrlimit), SCMP_SYS(prlimit64), SCMP_SYS(clone), SCMP_SYS(wait4), SCMP_SYS(tgkill),
	SCMP_SYS(getppid), SCMP_SYS(getdents64),
#endif
};

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(allowed); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
#ifndef SANITIZED
	/* No new code; and abort() may hit nobody else. */
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
#endif
	return rc;
}

int sandbox_filter(struct err *e)
{
	/* "No such system call" lets glibc fall back to another or do without. */
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	if (!rc)
		rc = add_rules(ctx);
	if (!rc)
		rc = seccomp_load(ctx);	/* sets PR_SET_NO_NEW_PRIVS too */
	seccomp_release(ctx);
	if (rc == -ENOSYS || rc == -EOPNOTSUPP) {	/* a kernel built without, or valgrind */
		log_warn("the keeper runs without limits on its system calls: seccomp filters are not offered here");
		return 0;
	}
	errno = -rc;
	return rc ? err_errno(e, ERR_INTERNAL, "limiting the keeper's system calls") : 0;
}
