/*
 * What a browser's form sends, as the JSON object that body_read() checks.
 *
 * Names that begin with _ are ours:
 *   _csrf     proves that the form is from a page of ours
 *   _form     which one of forms.def it is
 *   _page     path of the page it is on; shown again if something is wrong with the form, and after it if no _next is
 *   _next     path to go to afterwards; :id at its end stands for the id of what was made
 *   _method   DELETE: that is what is meant, browsers only POST
 *   _confirm  the name of the thing, typed; must be that where the form asks for it
 *   _password, _code  who sends it, where that is needed (sign_in.h)
 *   _files    names of those that came as files (made by us): they are never shown again
 *   _empty    names of texts, by blanks, that are left empty to say so; others that are empty are not there
 */
#ifndef WEBUI_PAGE_FORM_H
#define WEBUI_PAGE_FORM_H

#include "webui/http/call.h"
#include "webui/http/request.h"

/* Fields of a form that wants the password once more (view.c adds them while they are needed). */
#define FORM_PASSWORD "_password"
#define FORM_CODE "_code"

/*
 * If the body is a form (or multipart/form-data), all its texts by name are request.form afterwards.
 * -1: it is broken.
 */
int form_read(struct request *, struct err *);
/* The same of a body of this Content-Type; *form: new, also when it is broken; left alone if it is no form. */
int form_parse(json_t **form, const char *type, struct slice body, struct err *);
/* One of them; NULL: not there. */
const char *form_text(const struct request *, const char *name);
/* Did it come, at least in part, as an uploaded file? */
bool form_is_file(const struct request *, const char *name);
/* By the types of the call's members: flags from check boxes, lists from lines.  New reference. */
json_t *form_body(const struct request *, const struct api_call *);
/* Does this lead to this server, whatever a browser makes of it? */
bool form_is_path(const char *);
/* Where the browser goes after it: a path of ours, never elsewhere. */
const char *form_next(const struct request *);
/* Was the name typed that must be? */
int form_check_confirmed(const struct request *, struct err *);

#endif
