/* Names with values: of a query, a form (application/x-www-form-urlencoded), a path. */
#ifndef BASE_HTTP_PARAMS_H
#define BASE_HTTP_PARAMS_H

#include "base/err.h"

struct param {
	char *name, *value;
};
struct params {
	struct param *item;
	size_t count;
};

/* Adds what the text holds.  Broken escapes, NUL, and names given twice are refused. */
int params_parse(struct params *, const char *text, size_t len, struct err *);
void params_add(struct params *, const char *name, char *value);	/* takes the value */
const char *params_get(const struct params *, const char *name);	/* NULL: not there */
void params_release(struct params *);					/* wipes: values may be secrets */

/* "/path?name=value" with the value encoded; owned. */
char *params_link(const char *path, const char *name, const char *value);

/* Decodes %XX, and + as a space in forms.  Owned; NULL: it is broken or holds NUL. */
char *params_decode(const char *text, size_t len, bool form);

#endif
