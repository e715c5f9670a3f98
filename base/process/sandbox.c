#include "base/process/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/log.h"
#include "base/process/sanitized.h"

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

const char *const sandbox_names[] = { [SANDBOX_KEEPER] = "keeper", [SANDBOX_FRONT] = "front", [SANDBOX_CORE] = "core",
				      [SANDBOX_RUNNER] = "runner" };

/*
 * System calls.
 */

enum { NEVER, ALWAYS };
enum { IN_SANITIZED = SANITIZED };

static const struct {
	int number;
	int may[3];	/* by enum sandbox */
} calls[] = {
#undef SANITIZED
#define SANITIZED IN_SANITIZED
#define SYSCALL(call, keeper, front, core) { SCMP_SYS(call), { keeper, front, core } },
#define REFUSED(call)
#include "base/process/syscall.def"
#undef SYSCALL
#undef REFUSED
};

/* The runner's filter is also that of all scripts. */
static const int refused[] = {
#define SYSCALL(call, keeper, front, core)
#define REFUSED(call) SCMP_SYS(call),
#include "base/process/syscall.def"
#undef SYSCALL
#undef REFUSED
};

#define KEEPER (1u << SANDBOX_KEEPER)
#define FRONT (1u << SANDBOX_FRONT)
#define CORE (1u << SANDBOX_CORE)
#define SELF UINT64_MAX		/* our process */

/* Calls that may be made if an argument, of which these bits count, has this value. */
static const struct {
	unsigned who;
	int number;
	unsigned argument;
	uint64_t bits, value;
} limits[] = {
	/* No new code. */
	{ KEEPER | FRONT, SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
	{ KEEPER | FRONT, SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
	/* abort() may hit nobody else. */
	{ KEEPER | FRONT | CORE, SCMP_SYS(tgkill), 0, UINT64_MAX, SELF },
	/* A thread, but no process. */
	{ FRONT | CORE, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD },
	/* Its own limits. */
	{ FRONT, SCMP_SYS(prlimit64), 0, UINT64_MAX, 0 },
	/* Only to who is connected already: no address, no TCP Fast Open, and no pair that could send to an address. */
	{ FRONT, SCMP_SYS(sendto), 4, UINT64_MAX, 0 },
	{ FRONT, SCMP_SYS(sendmsg), 2, MSG_FASTOPEN, 0 },
	{ FRONT, SCMP_SYS(socketpair), 1, 0xf, SOCK_STREAM },
};

static int add_limits(scmp_filter_ctx ctx, enum sandbox who)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(limits); i++) {
		scmp_datum_t value = limits[i].value == SELF ? (scmp_datum_t)getpid() : limits[i].value;

		if (limits[i].who & 1u << who)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, limits[i].number, 1,
					      SCMP_CMP(limits[i].argument, SCMP_CMP_MASKED_EQ, limits[i].bits, value));
	}
	return rc;
}

static int add_rules(scmp_filter_ctx ctx, enum sandbox who)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(calls); i++)
		if (calls[i].may[who])
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i].number, 0);
	return rc || IN_SANITIZED ? rc : add_limits(ctx, who);
}

static int add_refusals(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(refused); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	return rc;
}

int sandbox_filter(enum sandbox who, struct err *e)
{
	/* "No such system call" lets glibc fall back to another or do without. */
	scmp_filter_ctx ctx = seccomp_init(who == SANDBOX_RUNNER ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS));
	int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	if (!rc)
		rc = who == SANDBOX_RUNNER ? add_refusals(ctx) : add_rules(ctx, who);
	if (!rc)
		rc = seccomp_load(ctx);	/* sets PR_SET_NO_NEW_PRIVS too */
	seccomp_release(ctx);
	if (rc == -ENOSYS || rc == -EOPNOTSUPP) {	/* a kernel built without, or valgrind */
		log_warn("the %s runs without limits on its system calls: seccomp filters are not offered here",
			 sandbox_names[who]);
		return 0;
	}
	errno = -rc;
	return rc ? err_errno(e, ERR_INTERNAL, "limiting the %s's system calls", sandbox_names[who]) : 0;
}
