/*
 * Templates without logic: a subset of Mustache on JSON.
 *
 *	{{name}}		the value, escaped: a text, a number, true or false; nothing for null;
 *				of an object its member "text"
 *	{{~name}}		the same, of a long name: it may be broken behind its dots (<wbr>); not in attributes
 *	{{#name}}...{{/name}}	for each item of a list; else once, unless the value is nothing
 *	{{^name}}...{{/name}}	once if the value is nothing
 *	{{>name}}		the template of that name, in its place
 *	{{!text}}		a remark
 *
 * Nothing is: what is not there, null, false, 0, "", [] and {}.  There is no raw output: what is escaped is said for
 * the whole.
 *
 * A name is a member of the innermost object around it: of the section's value, of the list's item; a section whose
 * value is no object changes nothing.  What that object does not have is nothing, whatever the objects around it have:
 * these are asked by two dots before the name (..name: in the nearest that has it).  "_" is found from everywhere.  "."
 * is the section's value itself.  Dots go further in: into an object (a.b), a list by number (a.0, and a.count is how
 * many it has); behind a text, or a list of texts, stands a word, and the result is whether it is that, or has it:
 * {{#status.failed}}.
 *
 * A variable that is nowhere to be found renders as nothing, or is an error where the template is being worked on
 * (strict).  Attributes stand in double or single quotes: that is what is escaped for.
 */
#ifndef BASE_TEMPLATE_H
#define BASE_TEMPLATE_H

#include "base/buf.h"
#include "base/json.h"

struct template_env {
	/* The text of a template, NULL: there is none.  It lives until the rendering has ended. */
	const char *(*find)(void *arg, const char *name);
	void *arg;
	bool strict;
	bool plain;	/* a text, not HTML: nothing is escaped */
};

/* Adds to out; -1 and e naming template and line if it is not well-formed or, strictly, asks for what is not there. */
int template_render(struct buf *out, const char *name, json_t *value, const struct template_env *, struct err *);

#endif
