/*
 * certeractl: a thin client of the daemon's JSON API over its Unix socket.
 *
 * commands.def says everything about a command but how its answer is shown: words, request, options.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum option_type {
	OPTION_TEXT,	/* member = text */
	OPTION_LIST,	/* member = [text, ...]; may be given again */
	OPTION_FLAG,	/* member = true */
	OPTION_OFF,	/* member = false */
	OPTION_FILE,	/* member = the file's content ("-": standard input) */
	OPTION_BYTES,	/* the same, of any content: base64 unless it is PEM */
	OPTION_QUERY,	/* in the URL, with its value */
	OPTION_LOCAL,	/* ours alone, with a value */
	OPTION_SWITCH,	/* ours alone, without */
};

#define DEFAULT_SOCKET "/var/lib/certera/control/control.sock"

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
	bool as_csv;			/* of what is listed */
	bool quiet;			/* success prints nothing */
	bool printed;			/* an answer, as JSON */
	int64_t deadline;		/* of --timeout, clock_mono_ms(); 0: none */
	const struct command *command;
	char **args;			/* the positional ones */
	json_t *body, *query, *local;	/* options by member */
};

/* What follows from taking something away. */
struct facts {
	struct buf lines;
	const char *use;		/* how it is in use; NULL: it is not */
	bool needless;			/* nothing is lost, or the server refuses it anyway */
};

void facts_release(struct facts *);

struct asking {
	const char *path;		/* "": the command's own, as a dry run */
	enum { TERMINAL, SCRIPTS } who;
	void (*facts)(const struct ctl *, const json_t *answer, struct facts *);
	const char *question, *follows;
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
	const struct asking *asks;	/* NULL: nothing */
};

extern const struct command commands[];
extern const size_t commands_count;
bool command_lists(const struct command *);	/* with --csv, too */

/* One request, waited for.  The answer is a new reference, NULL on failure (e says why, as the daemon did). */
json_t *ctl_request(struct ctl *, const char *method, const char *path, const json_t *body, struct err *e);
/* The path of the command with its arguments and query filled in; owned. */
char *ctl_path(const struct ctl *);
/* Another one with its arguments, without its query; owned. */
char *ctl_path_of(const struct ctl *, const char *path);

/* Prints the error, with --json also as a problem unless an answer was printed, and returns its exit code. */
int ctl_fail(const struct ctl *, const struct err *);

/* confirm.c: before a command takes something away from people: 0, or -1 if the person does not want it after all. */
int ctl_confirm(struct ctl *, struct err *);
bool ctl_has_person(void);			/* who can be asked: standard input and error are a terminal */
bool ctl_person_agrees(const char *question);	/* says it there, and reads y or anything else */

/* facts.c: what follows from it */
void facts_account(const struct ctl *, const json_t *, struct facts *);
void facts_apikey(const struct ctl *, const json_t *, struct facts *);
void facts_bulk(const struct ctl *, const json_t *, struct facts *);
void facts_cert(const struct ctl *, const json_t *, struct facts *);
void facts_channel(const struct ctl *, const json_t *, struct facts *);
void facts_cluster(const struct ctl *, const json_t *, struct facts *);
void facts_deactivate(const struct ctl *, const json_t *, struct facts *);
void facts_key(const struct ctl *, const json_t *, struct facts *);
void facts_message(const struct ctl *, const json_t *, struct facts *);
void facts_plan(const struct ctl *, const json_t *, struct facts *);
void facts_reader(const struct ctl *, const json_t *, struct facts *);
void facts_reset(const struct ctl *, const json_t *, struct facts *);
void facts_revoke(const struct ctl *, const json_t *, struct facts *);
void facts_secret(const struct ctl *, const json_t *, struct facts *);
void facts_setting(const struct ctl *, const json_t *, struct facts *);
void facts_site(const struct ctl *, const json_t *, struct facts *);
void facts_token(const struct ctl *, const json_t *, struct facts *);
void facts_user(const struct ctl *, const json_t *, struct facts *);

/* slip.c: what was meant; NULL: nothing is near. */
const char *slip_command(const char *typed);
const char *slip_option(const struct command *, const char *typed);
/* Members of a request that an error names become the command's options. */
void slip_own_words(const struct command *, struct err *);

/* private_file.c: with a secret in it; mode 0600, also if it was there, and refused if it is somebody else's */
FILE *private_file_append(const char *path, struct err *);	/* NULL on failure */
/* Beside it, then renamed: never half a key. */
int private_file_write(const char *path, const struct buf *content, struct err *);

/* help.c */
void help_all(FILE *);
bool help_group(FILE *, const char *word);	/* the commands whose first word it is; false: there are none */
void help_command(FILE *, const struct command *);

const char *help_example(const struct command *);	/* NULL: there is none */

/* terminal.c: if a person looks */
void terminal_begin(void);
void terminal_page(void);		/* from now on, what is printed goes through a pager */
void terminal_quiet(void);		/* and nothing of it is shown */
const char *terminal_colour(const char *word);	/* "" if it has none, or nobody looks */
const char *terminal_bold(void);
const char *terminal_plain(void);

/* completion.c */
int run_completion(struct ctl *, json_t *);

/* print.c */
/* With --json: prints the answer and returns true. */
bool ctl_as_json(struct ctl *, const json_t *);
/* A column of a table, or a line: its title, and whose value it shows. */
struct column {
	const char *title;
	const char *member;
};
void print_table(const json_t *rows, const struct column *, size_t count, const char *when_empty);
/* The same of what a command lists: with a filter, an empty one says so. */
void print_found(const struct ctl *, const json_t *rows, const struct column *, size_t count, const char *when_empty);
/* "title: value" for each member that says something. */
void print_fields(const json_t *obj, const struct column *, size_t count);
void print_list(const char *title, const json_t *);
void print_error(const json_t *of);		/* its last one, with what to do; nothing if it has none */
void print_recipe(const json_t *obj);	/* what to do about its failed order, step by step */

/* cluster.c */
int show_cluster(struct ctl *, json_t *);
int show_cluster_asked(struct ctl *, json_t *);

/* site.c */
int show_sites(struct ctl *, json_t *);
int show_site(struct ctl *, json_t *);
int show_added_sites(struct ctl *, json_t *);
int wait_site(struct ctl *, json_t *);
int wait_live(struct ctl *, json_t *);

/* show.c */
int show_status(struct ctl *, json_t *);
int show_renewals(struct ctl *, json_t *);
int show_health(struct ctl *, json_t *);
int show_agenda(struct ctl *, json_t *);
int show_account(struct ctl *, json_t *);
int show_accounts(struct ctl *, json_t *);
int show_key(struct ctl *, json_t *);
int show_keys(struct ctl *, json_t *);
int show_cert(struct ctl *, json_t *);
int show_certs(struct ctl *, json_t *);
int show_orders(struct ctl *, json_t *);
int show_one_order(struct ctl *, json_t *);
int show_hooks(struct ctl *, json_t *);
int show_scripts(struct ctl *, json_t *);
int show_dry_run(struct ctl *, json_t *);
int show_decoded(struct ctl *, json_t *);
int show_material(struct ctl *, json_t *);	/* exports: to a file or standard output */
int show_imported(struct ctl *, json_t *);
int show_rolled_back(struct ctl *, json_t *);
int show_diff(struct ctl *, json_t *);
int show_relinquished(struct ctl *, json_t *);
int show_key_download(struct ctl *, json_t *);
int show_apikey(struct ctl *, json_t *);
int show_rotated(struct ctl *, json_t *);
int show_removed(struct ctl *, json_t *);
void print_revocation(const json_t *answer);	/* what the CA of a certificate says of it */
int show_added_csr(struct ctl *, json_t *);
void print_added(const json_t *);		/* a new certificate's API keys */
/* what a different key means for deploy scripts; its API keys, if it is new */
void print_key_changed(const json_t *);

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

/* events.c */
int show_events(struct ctl *, json_t *);
int follow_events(struct ctl *, json_t *);	/* until it is interrupted */
int show_search(struct ctl *, json_t *);
int show_bulk(struct ctl *, json_t *);
int show_reader(struct ctl *, json_t *);
int show_readers(struct ctl *, json_t *);

/* settings.c */
int show_setting(struct ctl *, json_t *);
int show_settings(struct ctl *, json_t *);
int wait_setting(struct ctl *, json_t *);
json_t *settings_flat(const json_t *answer);	/* of all groups, in one list */

/*
 * certerad.c: runs certerad with these arguments, ended by NULL, and takes its output.  Its exit code; -1: it had none.
 */
enum certerad_output {
	CERTERAD_ANSWER,	/* standard output; the rest goes to the terminal */
	CERTERAD_ALL,
};
int certerad_run(const char *const *args, enum certerad_output, struct buf *, struct err *);

/* restore.c, doctor.c: for when the daemon does not run, or should */
int run_restore(struct ctl *, json_t *);
int run_doctor(struct ctl *, json_t *);

/* moving/: what other programs keep, taken over */
int run_import_from(struct ctl *, json_t *);

/* declare/: what the server has, as a text, and the other way round */
int run_export(struct ctl *, json_t *);
int run_apply(struct ctl *, json_t *);

/* wait.c: with --wait, follow what was started until it ends */
void ctl_pause(void);				/* between two looks; on a terminal with a sign of life */
void ctl_put_error(const json_t *of, struct err *);	/* why it failed, as its member "error" says */
int wait_account(struct ctl *, json_t *);
int show_as_it_is(struct ctl *, json_t *);
int show_canceled(struct ctl *, json_t *);	/* when the engine has stopped it */
/* Reads an account until it is registered and no wish is left: a new reference; NULL: it failed. */
json_t *await_account(struct ctl *, const json_t *account, struct err *);
/* The certificate when its order has ended; NULL with e.  A new reference. */
json_t *wait_order(struct ctl *, const json_t *cert, struct err *);
int wait_cert_added(struct ctl *, json_t *);
int wait_cert(struct ctl *, json_t *);
int wait_check(struct ctl *, json_t *);
int wait_cert_set(struct ctl *, json_t *);
int wait_verified(struct ctl *, json_t *);
int wait_looked(struct ctl *, json_t *);
int show_checked(struct ctl *, json_t *);
int show_install(struct ctl *, json_t *);
void show_order_plan(const json_t *);
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
int wait_resent(struct ctl *, json_t *);

#endif
