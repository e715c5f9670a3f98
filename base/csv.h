/* Comma-separated values for spreadsheets (RFC 4180). */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/buf.h"
#include "base/json.h"

/* One value in quotes (NULL: empty).  What a spreadsheet would take for a formula is kept from that. */
void csv_add(struct buf *, const char *text);
void csv_end_line(struct buf *);
/* A member of an object: lists with spaces between, of an error its sentence. */
void csv_add_member(struct buf *, const json_t *object, const char *member);
/* The objects of an array, a line each, below the names of all members that can be shown in a cell. */
void csv_add_rows(struct buf *, const json_t *rows);

#endif
