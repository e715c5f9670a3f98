/* Programs that read the audit log as a queue: each has a name of its own, and says how far it is. */
#ifndef STORE_EVENT_READER_H
#define STORE_EVENT_READER_H

#include "store/record/record.h"

char *reader_id(const char *whose, const char *name);		/* owned */
const char *reader_name(const struct rec_reader *);
/* Those of a user or a token that is removed. */
int reader_forget(struct txn *, const char *whose, struct err *);

#endif
