/*
 * certeractl doctor: everything an administrator would be asked to check.  Each row of doctor.def is a function
 * doctor_NAME(), which says what it found: fine, a warning or a fault, where, and what to do.
 */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "ctl/ctl.h"

struct doctor {
	struct ctl *ctl;
	const char *check;	/* the one under way */
	json_t *findings;
	/* of the server, by group: { "server": { "hostname": "..." } }; empty: it does not answer */
	json_t *settings;
	json_t *status;		/* likewise */
};

void doctor_fine(struct doctor *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What to do is one or several sentences; it may be too long for a line. */
void doctor_warn(struct doctor *, const char *what_to_do, const char *fmt, ...) PRINTF_LIKE(3, 4);
void doctor_fault(struct doctor *, const char *what_to_do, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A setting in force; "" if it is not known. */
const char *doctor_setting(const struct doctor *, const char *group, const char *key);
/* The file that was named, or that of the server that runs; NULL: the usual one. */
const char *doctor_configuration_of(const struct doctor *);
/* The name by which browsers and CAs reach the server. */
const char *doctor_host(const struct doctor *);
/* An answer of the server; NULL: an error, which is a finding, unless it may be missing and is. */
json_t *doctor_ask(struct doctor *, const char *path, bool may_be_missing);

#define CHECK(name, needs, text) void doctor_##name(struct doctor *);
#include "ctl/doctor.def"
#undef CHECK

#endif
