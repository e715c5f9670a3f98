/* An entry of the log (replica.h): what a batch changes, as bytes.  Tables go by name, so that an unknown one is noticed. */
#ifndef STORE_DB_ENTRY_H
#define STORE_DB_ENTRY_H

#include "store/db/layer.h"
#include "base/err.h"

struct txn;

/* Adds the changes of the layer, but those of the table `node`.  The first layer of an entry begins it. */
void entry_add(struct buf *, const struct layer *);
/* All of it becomes changes of the transaction.  ERR_STORAGE: a newer program wrote it, or it is damaged. */
int entry_apply(struct slice entry, struct txn *, struct err *);

#endif
