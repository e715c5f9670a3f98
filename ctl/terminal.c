/* What is different if a person looks: colours, a pager, a sign of life while something is awaited. */
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/ctl.h"

#define POLL_MS 200
#define SOON_MS 1000 /* nothing is shown of a shorter wait */

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"
#define CLEAR "\r\033[K"

static bool colours;
static pid_t pager;

static bool is_terminal(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb");
}

void terminal_begin(void)
{
	const char *never = getenv("NO_COLOR"); /* https://no-color.org */

	colours = is_terminal(STDOUT_FILENO) && !(never && *never);
}

const char *terminal_colour(const char *word)
{
	static const struct {
		const char *word, *colour;
	} rows[] = {
#define COLOUR(word, colour) { word, colour },
#include "ctl/colour.def"
#undef COLOUR
	};

	for (size_t i = 0; colours && i < ARRAY_SIZE(rows); i++)
		if (str_eq(word, rows[i].word))
			return rows[i].colour;
	return "";
}

const char *terminal_bold(void)
{
	return colours ? BOLD : "";
}

const char *terminal_plain(void)
{
	return colours ? PLAIN : "";
}

static const char *pager_command(void)
{
	const char *own = getenv("CERTERA_PAGER"), *common = getenv("PAGER");
	const char *chosen = own ? own : common ? common : "less";

	return !*chosen || str_eq(chosen, "cat") ? NULL : chosen;
}

/* What fits on the screen is printed, the rest waits in it; as root it starts nothing. */
static void run_pager(const char *command, int input)
{
	dup2(input, STDIN_FILENO);
	setenv("LESS", "FRX", 0);
	setenv("LESSSECURE", "1", 1);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static void end_pager(void)
{
	fflush(stdout);
	close(STDOUT_FILENO);
	while (pager > 0 && waitpid(pager, NULL, 0) < 0)
		;
}

void terminal_page(void)
{
	const char *command = pager_command();
	int ends[2];

	if (!command || !is_terminal(STDOUT_FILENO) || !isatty(STDIN_FILENO) || pipe2(ends, O_CLOEXEC) < 0)
		return;
	fflush(stdout);
	pager = fork();
	if (pager == 0)
		run_pager(command, ends[0]);
	close(ends[0]);
	if (pager > 0) {
		dup2(ends[1], STDOUT_FILENO);
		atexit(end_pager);
	}
	close(ends[1]);
}

void terminal_quiet(void)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fflush(stdout);
	if (nowhere >= 0)
		dup2(nowhere, STDOUT_FILENO);
}

/* On standard error, and gone before anything else is printed. */
void ctl_pause(void)
{
	static const char *const marks[] = { "|", "/", "-", "\\" };
	static int64_t begin;
	static size_t turn;
	int64_t waited;
	bool shown;

	if (!begin)
		begin = clock_mono_ms();
	waited = clock_mono_ms() - begin;
	shown = waited >= SOON_MS && is_terminal(STDERR_FILENO);
	if (shown)
		fprintf(stderr, CLEAR "%s waiting, %lld s", marks[turn++ % ARRAY_SIZE(marks)],
			(long long)(waited / 1000));
	nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	if (shown)
		fputs(CLEAR, stderr);
}
