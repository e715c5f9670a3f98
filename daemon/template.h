/*
 * Texts with holes: {{name}} is a member of the values, {{#name}}...{{/name}} is there once for each item of a list, for each
 * member of an object (as {{name}} and {{value}}), or if a text is not empty.  What an item lacks is looked for around it.
 *
 * The templates are the files of contrib/templates; those of the directory notify.templates win.
 */
#ifndef DAEMON_TEMPLATE_H
#define DAEMON_TEMPLATE_H

#include "base/buf.h"
#include "base/json.h"

/* html: values are escaped.  A name that is not there is an error, as is a section without its end. */
int template_render(const char *text, const json_t *values, bool html, struct buf *out, struct err *);
/*
 * Renders a template by its file's name, *.html escaped.  One of the directory (may be empty) that cannot be used is said in the log
 * and replaced by ours: no alert is lost for it.
 */
void template_render_file(const char *directory, const char *name, const json_t *values, struct buf *out);

#endif
