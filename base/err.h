/*
 * One error, as a person will read it.
 *
 * The place that fails calls err_set(); each caller on the way up may put
 * what it was doing in front with err_prefix(); only the edge (a log line, a
 * page, certeractl) prints.  An error owns nothing, so it is copied by `=`.
 *
 * Its words may be strangers': each field holds only what base/words.h lets through, and says "..." where it is full.
 *
 * All functions accept e == NULL (the caller does not care) and return -1,
 * so that `return err_set(...)` reads well.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

enum err_kind {
#define ERR_KIND(kind, http, code, title) ERR_##kind,
#include "base/err.def"
#undef ERR_KIND
};

struct err {
	enum err_kind kind;
	char message[512];	/* "renewing www: asking the CA for an order: ..." */
	char detail[1024];	/* what the other side said, word for word; may have several lines */
	char hint[512];		/* what a person can do about it */
	char code[64];		/* machine word: ACME problem type without its URN, config key, ... */
	int64_t retry_at;	/* unix seconds before which trying again is pointless; 0 = not said */
	char parts[1024];	/* what is wrong with which name: see err_part() */
	char field[64];		/* the member or parameter of a request that is at fault; "": none in particular */
};

/* Starts a new error; clears all that was said before. */
int err_set(struct err *, enum err_kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As err_set(), with ": " and strerror(errno) behind the sentence. */
int err_errno(struct err *, enum err_kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "fmt: " in front of the message. */
int err_prefix(struct err *, const char *fmt, ...) PRINTF_LIKE(2, 3);
int err_detail(struct err *, const char *fmt, ...) PRINTF_LIKE(2, 3);
int err_hint(struct err *, const char *fmt, ...) PRINTF_LIKE(2, 3);
int err_code(struct err *, const char *code);
/* Unless a place nearer to the fault has named one already. */
int err_field(struct err *, const char *field);
/*
 * One of several things that are wrong, with the name it is wrong with: a line "name TAB code TAB detail" in parts.
 * What has no room any more is left out.
 */
int err_part(struct err *, const char *name, const char *code, const char *detail);
/* A message as a sentence of its own: with a capital, and a full stop unless a name or an address is last.  Owned. */
char *err_sentence(const char *message);
/* All of `from` in message and hint by `to`: what a request calls a member, a face calls an option or a field. */
void err_reword(struct err *, const char *from, const char *to);
void err_clear(struct err *);
static inline bool err_is_set(const struct err *e) { return e->kind != ERR_NONE; }

int err_http_status(enum err_kind);
int err_exit_code(enum err_kind);
const char *err_title(enum err_kind);
const char *err_kind_name(enum err_kind);	/* "MISSING" */
enum err_kind err_kind_by_name(const char *);	/* ERR_INTERNAL if unknown */

#endif
