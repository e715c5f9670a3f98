/*
 * The text of a mail: a alert (alert_json.h) in a template (base/template.h).  Where the alert has an object of facts,
 * the template has a list of {name, value}.
 */
#ifndef DAEMON_NOTIFY_MAIL_TEXT_H
#define DAEMON_NOTIFY_MAIL_TEXT_H

#include "base/buf.h"
#include "base/json.h"

/*
 * name: mail.txt, or mail.html, which is escaped.  A file of that name in the directory (may be "") wins over ours; one
 * that cannot be used is said in the log, and ours is: no alert is lost for it.
 */
void mail_text(const char *directory, const char *name, const json_t *alert, struct buf *out);

#endif
