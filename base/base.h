/*
 * The first include of every file: allocation that cannot fail, cleanup of
 * locals, and a list of functions that do not compile here.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))
#define NORETURN __attribute__((noreturn))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/*
 * `_cleanup_(fn) T v` calls fn(&v) when v leaves its scope.  A module with an
 * owner type offers its own macro beside its free function.
 */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)

void cleanup_free(void *pointer_to_pointer);
void cleanup_close(const int *fd);	/* closes fds >= 0, keeps errno */
void cleanup_fclose(FILE **);

/* Hands an owned pointer on: the local becomes NULL, its cleanup a no-op. */
#define TAKE(p) \
	__extension__({ __typeof__(p) *taken_ = &(p); __typeof__(p) value_ = *taken_; *taken_ = NULL; value_; })

/* Out of memory aborts: orders resume, half-handled failures do not. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *, size_t count, size_t size);
char *xstrdup(const char *);
char *xstrndup(const char *, size_t max);
void *xmemdup(const void *, size_t size);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *xvasprintf(const char *fmt, va_list) PRINTF_LIKE(1, 0);

/* A bug, not a condition: logs the sentence and aborts. */
void die(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;

/* Overwrites a secret in a way the compiler may not remove. */
void wipe(void *, size_t size);
/* wipe() and free() of a NUL-terminated secret; NULL is fine. */
void wipe_free(char *);
#define _cleanup_wipe_ _cleanup_(cleanup_wipe_free)
void cleanup_wipe_free(char **);

/* Same bytes?  Takes the same time wherever they differ. */
bool same_secret(const void *, const void *, size_t size);

static inline bool str_eq(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* A list of owned strings, ended by NULL; NULL itself is the empty list. */
size_t strv_len(char *const *);
void strv_add(char ***, const char *);
char **strv_dup(char *const *);
bool strv_has(char *const *, const char *);
bool strv_eq(char *const *, char *const *);
/* Splits at any of `separators`, dropping empty pieces. */
char **strv_split(const char *, const char *separators);
void strv_free(char **);
#define _cleanup_strv_ _cleanup_(cleanup_strv)
void cleanup_strv(char ***);

#include "base/banned.h"

#endif
