/*
 * certeractl import-from: what other programs keep on disk, taken over.
 *
 * A source reads its files and says what it found: accounts, certificates, sites, and what stays where it is, with the
 * reason.  Nothing is asked of the server until all of it is read; then take.c has the server take it over.
 */
#ifndef CTL_MOVING_MOVING_H
#define CTL_MOVING_MOVING_H

#include "base/json.h"
#include "ctl/ctl.h"

struct moving {
	struct ctl *ctl;
	const char *path;	/* what the person gave */
	const char *challenge;	/* where a source does not say which; NULL: not said either */
	const char *directory;	/* likewise, of the CA */
	json_t *accounts;	/* {"name", "key", "from", "notes", "request": a request to add it} */
	/* {"name", "chain", "key", "from", "notes", "request": one to import it, "environment"} */
	json_t *certificates;
	json_t *sites;		/* {"name", "notes"} */
	json_t *left;		/* {"what", "why"} */
	char *unread;           /* the first directory that could not be read, with the reason; NULL: none */
};

/* The sources, by the word on the command line.  -1: nothing can be read there. */
#define SOURCE(word, read, text) int read(struct moving *, struct err *);
#include "ctl/moving/source.def"
#undef SOURCE

/*
 * What a source says.
 */

/* An account, by the path of its key.  Its request has the directory; NULL: the key cannot be read, which is said. */
json_t *found_account(struct moving *, const char *name, const char *directory, const char *key_file);
/* The same with the key itself. */
json_t *found_account_key(struct moving *, const char *name, const char *directory, const char *key, const char *from);
/* The name of the first that was found at this CA; NULL: there is none. */
const char *found_account_at(const struct moving *, const char *directory);
void found_contact(json_t *account, const char *mail);		/* also "mailto:..."; NULL is fine */
/* A certificate with its chain and key as PEM; NULL, which is said, if one is missing or no PEM. */
json_t *found_cert(struct moving *, const char *name, const char *chain, const char *key, const char *from);
/* The same from files. */
json_t *found_cert_files(struct moving *, const char *name, const char *chain_file, const char *key_file,
			 const char *from);
/* file_names(), and what cannot be read is said. */
char **found_names(struct moving *, const char *directory);
/* Its setting, a member of the request to import. */
void found_set(json_t *cert, const char *member, const char *value);	/* NULL is fine */
void found_flag(json_t *cert, const char *member);
/* How it is proved: http-01 or dns-01; NULL: the source does not say. */
void found_challenge(const struct moving *, json_t *cert, const char *type);
/* A sentence for the report, on an account or a certificate. */
void found_note(json_t *of, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Of a database: if nothing was found, what that may mean. */
void found_nothing(struct moving *);
void found_left(struct moving *, const char *what, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * files.c: what they look like.
 */

char *file_text(const char *fmt, ...) PRINTF_LIKE(1, 2);	/* owned; NULL: there is none, or it is no text */
bool file_is(const char *fmt, ...) PRINTF_LIKE(1, 2);		/* is there something by this path? */
bool file_never_was(const char *path);                          /* nor a link that leads nowhere */
const char *file_trouble(const char *path);                     /* why file_text() has nothing */
/* The names in a directory, sorted, without those that begin with a dot; NULL and errno if it cannot be read. */
char **file_names(const char *directory);
/* Lines NAME=VALUE or NAME = VALUE, of a shell or an INI file, as an object of texts; quotes are taken off. */
json_t *file_assignments(const char *text);
/* What can be a name here: other characters become "_". */
char *file_name_of(const char *text);
/* "host" or "host:port" of a URL; owned.  And its path, borrowed. */
char *url_host(const char *url);
const char *url_path(const char *url);
/* The directory of a CA that is known by this host; NULL. */
const char *known_directory(const char *host);

/* take.c: 0, or the exit code. */
int moving_take(struct moving *, struct err *);
/* report.c */
void moving_report(struct moving *, bool dry_run);

#endif
