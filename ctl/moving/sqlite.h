/*
 * SQLite files, read by the system's libsqlite3, which is loaded when one is read: nothing else needs it.
 */
#ifndef CTL_MOVING_SQLITE_H
#define CTL_MOVING_SQLITE_H

#include "base/err.h"
#include "base/json.h"

/*
 * The rows of a query, as an array of objects of texts by column; NULL is left out.  A new reference; NULL: e says why.
 */
json_t *sqlite_rows(const char *file, const char *query, struct err *e);

#endif
