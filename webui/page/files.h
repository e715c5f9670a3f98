/*
 * The templates (html/) and what browsers fetch as it is (static/): in the program,
 * or read anew where they are worked on.
 */
#ifndef WEBUI_PAGE_FILES_H
#define WEBUI_PAGE_FILES_H

#include "base/buf.h"

/* Of all files of static/ in the program; a part of their addresses, so that browsers may keep them for ever. */
extern const char *const files_digest;

struct files {
	const char *directory;	/* where html/ and static/ are read from; NULL or "": the program's own */
	struct read_file {
		char *name;
		struct buf text;
		struct read_file *next;
	} *read;
};

/* "html/page/begin.html"; NULL: there is no such file.  Lives until files_release(). */
const char *files_get(struct files *, const char *name);
void files_release(struct files *);

#endif
