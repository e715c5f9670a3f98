/* An entry of the log (replica.h): what a batch changes, as bytes.  Tables go by name, so that an unknown one is
 * noticed. */
#ifndef STORE_DB_ENTRY_H
#define STORE_DB_ENTRY_H

#include "store/db/layer.h"
#include "base/err.h"

/* Adds the changes of the layer, but those of the table `node`.  The first layer of an entry begins it. */
void entry_add(struct buf *, const struct layer *);
/* Tells all changes, in order.  value NULL: it is gone.  ERR_STORAGE: a newer program wrote it, or it is damaged. */
typedef int entry_change_fn(void *arg, enum table, struct slice key, const struct slice *value, struct err *);
int entry_read(struct slice entry, entry_change_fn *, void *arg, struct err *);

#endif
