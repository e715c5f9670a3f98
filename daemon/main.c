/* certerad, from its command line on: as the daemon (core.c), or to look at, restore and print something. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/config/config.h"
#include "daemon/core.h"
#include "daemon/libraries.h"
#include "daemon/privileged.h"
#include "daemon/process/state.h"
#include "daemon/restore.h"
#include "daemon/selfcheck.h"
#include "keeper/keeper.h"

#define DEFAULT_FILE SYSCONFDIR "/certera/certera.yaml"

static void complain(void *arg, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static void warn(void *arg, const char *line)
{
	log_warn("%s", line);
}

static void set_up_log(const struct config *config)
{
	log_setup(config_log_level(config), str_eq(config->log_format, "json"));
}

/* Before there are threads: the environment is not theirs to change. */
static void set_up_zone(const struct config *config)
{
	if (*config->renewal_zone)
		setenv("TZ", config->renewal_zone, 1);
	tzset();
}

static char lost_page[512];

/* The store is read through memory: what the file does not have, or the disk does not give, comes as a signal. */
static void cannot_read(int signal)
{
	ssize_t written = write(STDERR_FILENO, lost_page, strlen(lost_page));

	(void)written;
	(void)signal;
	_exit(err_exit_code(ERR_STORAGE));
}

static void watch_store(const struct config *config, const char *backup)
{
	_cleanup_free_ char *directory = backup ? xstrdup(backup) : config_store(config);
	struct sigaction action = { .sa_handler = cannot_read };

	snprintf(lost_page, sizeof(lost_page),
		 "%scerterad: reading the store in %s: a part of data.mdb is missing or cannot be "
		 "read | hint: The file is not complete, or its disk fails: see the kernel log. Restore a backup.\n",
		 getenv("JOURNAL_STREAM") ? "<3>" : "", directory);
	sigaction(SIGBUS, &action, NULL);
}

/* -r: the backup is opened by the user who calls us, who may have put it where only he can read. */
static int open_backup(const struct config *config, const char *directory, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s/data.mdb", directory);
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	err_errno(e, ERR_MISSING, "opening the backup %s", file);
	if (!*e->hint)
		err_hint(e,
			 "Name the directory of a backup; without a directory of their own, backups are in %s/backups.",
			 config->server_state_directory);
	return -1;
}

static json_t *restore(const struct config *config, struct privileged *p, struct restore *r, struct err *e)
{
	r->fd = open_backup(config, r->from, e);
	if (r->fd < 0 || privileged_start(p, config, false, !r->only_check, e) < 0 || privileged_leave(p, e) < 0)
		return NULL;
	r->keeper = p->keeper;
	return restore_run(r, e);
}

static int main_restore(const struct config *config, const char *from, bool only_check)
{
	_cleanup_free_ char *store = config_store(config);
	struct privileged p = { .keeper = NULL };
	struct restore r = { .from = from, .fd = -1, .client = 0, .only_check = only_check, .directory = store };
	struct err e = { 0 };
	_cleanup_json_ json_t *done = restore(config, &p, &r, &e);
	_cleanup_free_ char *text = done ? json_write_pretty(done) : NULL;

	if (text)
		puts(text);
	else
		fprintf(stderr, "certerad: %s\n%s%s%s", e.message, e.hint[0] ? "  " : "", e.hint,
			e.hint[0] ? "\n" : "");
	cleanup_close(&r.fd);
	privileged_end(&p);
	return done ? 0 : err_exit_code(e.kind);
}

/* -p: for a service that is started without the right to change owners. */
static int main_prepare(const struct config *config)
{
	struct process_users users = { .change = false };
	struct err e = { 0 };
	int failed = users_find(&users, config, &e) < 0 || state_prepare(config, &users, &e) < 0;

	if (failed)
		fprintf(stderr, "certerad: %s\n%s%s%s", e.message, *e.hint ? "  " : "", e.hint, *e.hint ? "\n" : "");
	users_release(&users);
	return failed ? err_exit_code(e.kind) : 0;
}

static void usage(FILE *out)
{
	fputs("usage: certerad [-t] [-p] [-f FILE] [-r DIR] [-x example|manual] [-V] [-h]\n\n"
	      "  -f FILE        the configuration (default: " DEFAULT_FILE "; without it, all defaults)\n"
	      "  -t             check the configuration and exit\n"
	      "  -r DIR         replace the store by the backup in DIR and exit; with -t: only check the backup\n"
	      "  -p             make the state directory ready, each part for its user, and exit; needs root\n"
	      "  -x example     print the commented example configuration and exit\n"
	      "  -x manual      print the settings section of certera.yaml(5) and exit\n"
	      "  -V, --version  print the version, and those of the libraries, and exit\n"
	      "  -h, --help     print this text and exit\n",
	      out);
}

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int print_document(const char *which)
{
	if (str_eq(which, "example"))
		config_print_example(stdout);
	else if (str_eq(which, "manual"))
		config_print_manual(stdout);
	else
		return fprintf(stderr, "certerad: there is no document \"%s\" to print\n", which), usage(stderr),
		       err_exit_code(ERR_USAGE);
	return 0;
}

static void print_version(void)
{
	puts("certerad " VERSION);
	libraries_print(stdout);
}

struct options {
	const char *file;	/* NULL: none */
	const char *backup;	/* -r */
	bool only_check;
	bool only_prepare;	/* -p */
	bool done;		/* something was printed; the exit code is in `code` */
	int code;
};

static void options_end(struct options *o, int code)
{
	o->done = true;
	o->code = code;
}

static void read_options(struct options *o, int argc, char **argv)
{
	int option;

	while (!o->done && (option = getopt_long(argc, argv, "f:r:tpx:Vh", long_options, NULL)) != -1) {
		switch (option) {
		case 'f':
			o->file = optarg;
			break;
		case 'r':
			o->backup = optarg;
			break;
		case 't':
			o->only_check = true;
			break;
		case 'p':
			o->only_prepare = true;
			break;
		case 'x':
			options_end(o, print_document(optarg));
			break;
		case 'V':
			options_end(o, (print_version(), 0));
			break;
		case 'h':
			options_end(o, (usage(stdout), 0));
			break;
		default:
			options_end(o, (usage(stderr), err_exit_code(ERR_USAGE)));
		}
	}
	if (!o->done && optind < argc) {
		fprintf(stderr, "certerad: \"%s\" is one argument too many: only options are possible\n", argv[optind]);
		options_end(o, (usage(stderr), err_exit_code(ERR_USAGE)));
	}
}

/* -t, or what comes before each start: how many mistakes there are. */
static int main_check(struct config *config, const struct options *o)
{
	int mistakes = config_read(config, o->file, complain, NULL);

	if (o->only_check && !o->backup && !mistakes)
		mistakes = selfcheck(config, o->file, complain, NULL);
	if (o->only_check && !o->backup && !mistakes)
		printf("%s is fine\n", o->file ? o->file : "the default configuration");
	return mistakes;
}

static int main_run(struct config *config, const struct options *o)
{
	int code;

	set_up_log(config);
	set_up_zone(config);
	signal(SIGPIPE, SIG_IGN);
	watch_store(config, o->backup);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (!o->only_prepare && !o->backup) {
		log_role("engine");
		selfcheck(config, o->file, warn, NULL);
		return core_run(config, o->file);
	}
	code = o->only_prepare ? main_prepare(config) : main_restore(config, o->backup, o->only_check);
	config_release(config);
	return code;
}

int main(int argc, char **argv)
{
	struct options o = { .file = access(DEFAULT_FILE, F_OK) == 0 ? DEFAULT_FILE : NULL };
	struct config config;
	int mistakes;

	read_options(&o, argc, argv);
	if (o.done)
		return o.code;
	mistakes = main_check(&config, &o);
	if (!mistakes && (!o.only_check || o.backup))
		return main_run(&config, &o);
	config_release(&config);
	return mistakes ? err_exit_code(ERR_CONFIG) : 0;
}
