/*
 * certeractl: a thin client of the daemon's JSON API over its Unix socket.
 *
 * commands.def says everything about a command but how its answer is shown: words, request, options.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/err.h"
#include "base/json.h"

enum option_type {
	OPTION_TEXT,	/* member = text */
	OPTION_LIST,	/* member = [text, ...]; may be given again */
	OPTION_FLAG,	/* member = true */
	OPTION_FILE,	/* member = the file's content ("-": standard input) */
	OPTION_BYTES,	/* the same, of any content: base64 unless it is PEM */
	OPTION_QUERY,	/* in the URL, with its value */
	OPTION_LOCAL,	/* ours alone, with a value */
	OPTION_SWITCH,	/* ours alone, without */
};

#define DEFAULT_SOCKET "/var/lib/certera/control.sock"

struct option_row {
	const char *name;		/* without the two dashes */
	enum option_type type;
	const char *member;		/* of the request, or of ctl->local */
	const char *value;		/* what the help calls its value; NULL for flags */
	const char *text;		/* one sentence */
};

struct ctl {
	const char *socket;
	bool as_json;
	const struct command *command;
	char **args;			/* the positional ones */
	json_t *body, *query, *local;	/* options by member */
};

struct command {
	const char *words;		/* "cert add" */
	const char *args;		/* "NAME"; members of the body, in lower case, where the path takes them not */
	const char *method, *path;	/* {1} is the first positional argument */
	const struct option_row *options;
	size_t options_count;
	/* Shows the answer; may wait for more.  Returns the exit code. */
	int (*show)(struct ctl *, json_t *answer);
	const char *text;		/* one sentence */
};

extern const struct command commands[];
extern const size_t commands_count;

/* One request, waited for.  The answer is a new reference, NULL on failure (e says why, as the daemon did). */
json_t *ctl_request(struct ctl *, const char *method, const char *path, const json_t *body, struct err *e);
/* The path of the command with its arguments and query filled in; owned. */
char *ctl_path(const struct ctl *);

/* Prints the error and returns its exit code. */
int ctl_fail(const struct err *);

/* help.c */
void help_all(FILE *);
bool help_group(FILE *, const char *word);	/* the commands whose first word it is; false: there are none */
void help_command(FILE *, const struct command *);

/* print.c */
/* With --json: prints the answer and returns true. */
bool ctl_as_json(const struct ctl *, const json_t *);
/* A column of a table, or a line: its title, and whose value it shows. */
struct column {
	const char *title;
	const char *member;
};
void print_table(const json_t *rows, const struct column *, size_t count, const char *when_empty);
/* "title: value" for each member that says something. */
void print_fields(const json_t *obj, const struct column *, size_t count);
void print_list(const char *title, const json_t *);
void print_error(const json_t *of);		/* its last one, with what to do; nothing if it has none */

/* site.c */
int show_sites(struct ctl *, json_t *);
int show_site(struct ctl *, json_t *);
int show_added_sites(struct ctl *, json_t *);
int wait_site(struct ctl *, json_t *);
int wait_live(struct ctl *, json_t *);

/* show.c */
int show_status(struct ctl *, json_t *);
int show_health(struct ctl *, json_t *);
int show_agenda(struct ctl *, json_t *);
int show_account(struct ctl *, json_t *);
int show_accounts(struct ctl *, json_t *);
int show_key(struct ctl *, json_t *);
int show_keys(struct ctl *, json_t *);
int show_cert(struct ctl *, json_t *);
int show_certs(struct ctl *, json_t *);
int show_hooks(struct ctl *, json_t *);
int show_dry_run(struct ctl *, json_t *);
int show_decoded(struct ctl *, json_t *);
int show_events(struct ctl *, json_t *);
int show_material(struct ctl *, json_t *);	/* exports: to a file or standard output */
int show_imported(struct ctl *, json_t *);
int show_rolled_back(struct ctl *, json_t *);
int show_relinquished(struct ctl *, json_t *);
int show_key_download(struct ctl *, json_t *);
int show_rotated(struct ctl *, json_t *);
int show_removed(struct ctl *, json_t *);
void print_revocation(const json_t *answer);	/* what the CA of a certificate says of it */
int show_added_csr(struct ctl *, json_t *);
void print_added(const json_t *);		/* a new certificate's API keys */

/* people.c */
int show_user(struct ctl *, json_t *);
int show_users(struct ctl *, json_t *);
int show_plan(struct ctl *, json_t *);
int show_plans(struct ctl *, json_t *);
int show_token(struct ctl *, json_t *);
int show_tokens(struct ctl *, json_t *);
int show_owner(struct ctl *, json_t *);

/* setup.c: takes the status, and does the rest */
int run_setup(struct ctl *, json_t *);

/* wait.c: with --wait, follow what was started until it ends */
int wait_account(struct ctl *, json_t *);
/* Reads an account until it is registered and no wish is left: a new reference; NULL: it failed. */
json_t *await_account(struct ctl *, const json_t *account, struct err *);
int wait_cert_added(struct ctl *, json_t *);
int wait_cert(struct ctl *, json_t *);
int wait_check(struct ctl *, json_t *);
int wait_cert_set(struct ctl *, json_t *);
int wait_verified(struct ctl *, json_t *);
int wait_trial(struct ctl *, json_t *);
int wait_revoked(struct ctl *, json_t *);
int wait_deployed(struct ctl *, json_t *);
int wait_revocation(struct ctl *, json_t *);
int wait_upkeep(struct ctl *, json_t *);

/* notify.c */
int show_channel(struct ctl *, json_t *);
int show_channels(struct ctl *, json_t *);
int show_outbox(struct ctl *, json_t *);
int show_secrets(struct ctl *, json_t *);
int show_secret(struct ctl *, json_t *);
int show_message(struct ctl *, json_t *);
int show_message_removed(struct ctl *, json_t *);
int wait_tested(struct ctl *, json_t *);

#endif
