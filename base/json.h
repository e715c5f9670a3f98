/* jansson, with limits and shorthands.  json_t is common vocabulary; see jansson's own manual for it. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "base/err.h"

#define _cleanup_json_ _cleanup_(cleanup_json)
void cleanup_json(json_t **);

/* Parses one JSON value of at most 1 MiB and a depth of 32, duplicates and NUL refused.  NULL and e on failure. */
json_t *json_read(const void *, size_t len, struct err *e);
/* The same with another bound than 1 MiB, for who sends what we asked for. */
json_t *json_read_most(const void *, size_t len, size_t most, struct err *e);
char *json_write(const json_t *);		/* compact, keys in insertion order; owned */
char *json_write_pretty(const json_t *);	/* for people; owned */

/* A member, or the default if it is absent or of another type.  obj may be NULL.  Strings are borrowed from obj. */
const char *json_str(const json_t *obj, const char *key);		/* NULL by default */
int64_t json_int(const json_t *obj, const char *key, int64_t otherwise);
bool json_bool(const json_t *obj, const char *key, bool otherwise);

/* Sets a member; a NULL string sets null. */
void json_put_str(json_t *obj, const char *key, const char *value);
void json_put_int(json_t *obj, const char *key, int64_t value);
void json_put_bool(json_t *obj, const char *key, bool value);
void json_put_time(json_t *obj, const char *key, int64_t t);		/* RFC 3339; 0 sets null */
void json_put_strv(json_t *obj, const char *key, char *const *);
char **json_strv(const json_t *obj, const char *key);			/* owned; NULL if none */

/* An RFC 9457 problem document of an error (new reference), and back. */
json_t *json_problem(const struct err *);
void json_problem_read(const json_t *, struct err *);

#endif
