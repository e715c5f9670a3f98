/* Numbers as people read them. */
#ifndef WEBUI_PAGE_NUMBER_H
#define WEBUI_PAGE_NUMBER_H

#include "base/json.h"

/* The member, and member_shown: "14,668". */
void number_put(json_t *, const char *member, int64_t);
/* "14,668"; owned. */
char *number_text(int64_t);

#endif
