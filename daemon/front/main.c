/* The front's process: certerad-front. */
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/sandbox.h"
#include "base/process/spawn.h"
#include "daemon/front/front.h"

#define TURN_NS 100000

/*
 * Short turns come soon (Linux 6.12): what answers a CA need not wait until the engine and the keeper have had theirs,
 * on a machine that is busy with orders.
 */
static void take_short_turns(void)
{
	struct sched_attr attr = { .size = sizeof(attr), .sched_runtime = TURN_NS };

	syscall(SYS_sched_setattr, 0, &attr, 0);
}

int main(int argc, char **argv)
{
	struct err e = { 0 };

	if (spawn_begin("front", argc, argv) < 0)
		return err_exit_code(ERR_USAGE);
	log_setup(LOG_LEVEL_INFO, false);	/* looks at stderr */
	take_short_turns();
	sandbox_hide();
	sandbox_close_files(SANDBOX_FRONT);
	if (sandbox_filter(SANDBOX_FRONT, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		return err_exit_code(e.kind);
	}
	front_run(SPAWN_CHANNEL);
	_exit(0);	/* what runs at an exit wants more than is allowed here */
}
