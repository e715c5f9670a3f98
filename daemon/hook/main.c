/* The runner's process: certerad-runner. */
#include <unistd.h>

#include "base/log.h"
#include "base/process/sandbox.h"
#include "base/process/spawn.h"
#include "daemon/hook/runner.h"

/* What comes behind the version: see cage_runner(). */
enum { DIRECTORY = 2, STATE, TREES };

/* What it and the scripts may do. */
static int runner_cage(char *const *line, const char *state, const char *tmp, struct err *e)
{
	const struct sandbox_tree always[] = {
		{ "/", SANDBOX_READ },       { "/tmp", SANDBOX_WRITE }, { "/var/tmp", SANDBOX_WRITE },
		{ "/dev", SANDBOX_DEVICES }, { state, SANDBOX_WRITE },  { tmp, SANDBOX_WRITE },
	};
	_cleanup_free_ struct sandbox_tree *trees = xcalloc(ARRAY_SIZE(always) + strv_len(line), sizeof(*trees));
	_cleanup_strv_ char **hidden = NULL;
	size_t count = ARRAY_SIZE(always);

	memcpy(trees, always, sizeof(always));
	for (; *line && !str_eq(*line, "--"); line++)
		strv_add(&hidden, *line);
	for (line += *line != NULL; *line; line++)
		trees[count++] = (struct sandbox_tree){ *line, SANDBOX_WRITE };
	if (hidden)
		sandbox_open_trees(SANDBOX_RUNNER, trees, count, hidden);
	return sandbox_filter(SANDBOX_RUNNER, e);
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *tmp = NULL;
	struct err e = { 0 };

	if (spawn_begin("runner", argc, argv) < 0 || argc < TREES)
		return err_exit_code(ERR_USAGE);
	log_setup(LOG_LEVEL_INFO, false);	/* looks at stderr */
	sandbox_hide();
	tmp = xasprintf("%s/tmp", argv[STATE]);
	if (runner_cage(argv + TREES, argv[STATE], tmp, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		return err_exit_code(e.kind);
	}
	runner_run(SPAWN_CHANNEL, argv[DIRECTORY], tmp);
	_exit(0);	/* what runs at an exit wants more than is allowed here */
}
