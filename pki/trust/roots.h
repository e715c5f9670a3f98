/* The root certificates that scans trust: a file, read again when it has changed. */
#ifndef PKI_TRUST_ROOTS_H
#define PKI_TRUST_ROOTS_H

#include "pki/trust/judge.h"

struct roots;
struct roots *roots_new(void);
void roots_free(struct roots *);
/*
 * Those in the file (empty: the system's), NULL if they cannot be read; what is wrong goes to the log.  Cheap: it looks
 * at the file once a minute.  What it returned before is gone when it returns another.
 */
struct trust *roots_get(struct roots *, const char *file);
/* All of such a file. */
int roots_read(const char *path, struct buf *text, struct err *);
/* The file with the system's; NULL: it has none where systems have them. */
const char *roots_of_system(void);

#endif
