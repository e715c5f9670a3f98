/* The rows of forms.def as templates show them: _.forms.NAME, see html/page/form.html and field.html. */
#ifndef WEBUI_PAGE_FORM_VIEW_H
#define WEBUI_PAGE_FORM_VIEW_H

#include "webui/http/request.h"

/*
 * Puts the form of this name, unless it is there, or its action cannot be filled in on this page (whose value is
 * borrowed).  A page has those that its template shows.
 */
void form_view_put(json_t *forms, const char *name, const struct request *, const json_t *page);
/* { value, label, chosen }.  New reference. */
json_t *form_view_choice(const char *value, const char *text, bool chosen);
/* Does the form of this name ask for the password itself?  NULL: no. */
bool form_view_asks(const char *form);
/* What a request calls a member has a label there. */
void form_view_own_words(const char *form, struct err *);

#endif
