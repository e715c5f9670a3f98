/*
 * The text of a mail: a letter (letter.h) in a template (webui/template.h).  Where the letter has an object of facts,
 * the template has a list of {name, value}.
 */
#ifndef DAEMON_MAIL_TEXT_H
#define DAEMON_MAIL_TEXT_H

#include "base/buf.h"
#include "base/json.h"

/*
 * name: mail.txt, or mail.html, which is escaped.  A file of that name in the directory (may be "") wins over ours; one
 * that cannot be used is said in the log, and ours is: no alert is lost for it.
 */
void mail_text(const char *directory, const char *name, const json_t *letter, struct buf *out);

#endif
