/* What can be done to many rows of a list at once: bulk.def. */
#ifndef WEBUI_LIST_ACTIONS_H
#define WEBUI_LIST_ACTIONS_H

#include "base/json.h"
#include "webui/http/request.h"

enum bulk_value { VALUE_GIVEN, VALUE_YES, VALUE_NONE };

struct bulk_action {
	const char *list, *word;
	enum method method;
	const char *path, *member;
	enum bulk_value value;
	const char *label, *question, *button, *done;
};

/* What a row of a list is: its record, and what a person calls one and many. */
struct bulk_list {
	const char *name, *one, *many;
	const struct record_type *type;
};

/* The one that "list" and "action" of a body mean.  NULL and e: there is none, or it is not for this visitor. */
const struct bulk_action *bulk_action(const struct request *, const json_t *body, struct err *);
bool bulk_is_export(const struct bulk_action *);
const struct bulk_list *bulk_list(const char *name);	/* NULL: there is none */
/* The actions of a list that this visitor may use: [{ word, label }].  New reference. */
json_t *bulk_actions(const struct request *, const char *list);

#endif
