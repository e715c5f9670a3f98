/*
 * Messages between two of our processes, one a packet (channel.h).  What there is to say is a table of each pair, a
 * *.def: a row a kind, with the number of its fields, and whether a descriptor comes along.
 */
#ifndef BASE_PROCESS_TELL_H
#define BASE_PROCESS_TELL_H

#include "base/buf.h"

#define TELL_FIELDS 8

struct tell_row {
	size_t fields;
	bool descriptor;
};

struct tell_table {
	const struct tell_row *rows;
	unsigned count;
};

struct tell {
	unsigned kind;		/* the row's number */
	struct slice field[TELL_FIELDS];
};

/* As many fields as the row of the kind says. */
void tell_write(struct buf *, const struct tell_table *, unsigned kind, const struct slice *fields);
/* has_fd: a descriptor came along.  -1: it is no message.  The fields refer to the packet. */
int tell_read(struct tell *, const struct tell_table *, struct slice packet, bool has_fd);

static inline struct slice tell_number(const int64_t *number) { return slice(number, sizeof(*number)); }
int tell_get_number(const struct tell *, size_t field, int64_t *number);	/* -1: it is none */
/* Owned.  It ends where the field does, or at a NUL in it. */
char *tell_get_text(const struct tell *, size_t field);
char **tell_get_list(const struct tell *, size_t field);	/* its lines; owned; NULL: it is empty */
/* Texts that may have several lines: a NUL behind each. */
void tell_add_texts(struct buf *, char *const *texts);
char **tell_get_texts(const struct tell *, size_t field);	/* owned; NULL: there are none */

#endif
