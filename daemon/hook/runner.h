/*
 * The runner: the process that starts scripts, with a user of its own.  It knows neither store nor keeper.  What it
 * starts are files of one directory that nobody but root or its own user can write, with no variable that decides what
 * else runs (base/variable.def): the core says which, with which arguments and environment.
 */
#ifndef DAEMON_HOOK_RUNNER_H
#define DAEMON_HOOK_RUNNER_H

/*
 * Until the other side of the channel is closed; then what still runs is killed.  tmp: $TMPDIR of scripts; NULL: none.
 */
void runner_run(int channel, const char *directory, const char *tmp);

#endif
