/*
 * What is over: the newest generation of each user and of each set of API keys that the store was seen to hold for
 * good.  An older blob does not open, also if it is put back into the store.
 *
 * A blob that replaces another has the next generation.  The mark is raised when the new blob came back from the store
 * (`settled` in proto.def), never when it is made: it may get lost on its way to the disk, and then the one before it
 * counts.  So no mark is ever ahead of the store, whenever whoever is killed.
 *
 * The marks are in a file of the keeper's own (MARKS_FILE), which it opens before it locks itself in and only writes on
 * to.  What is not written yet when the power fails is learnt again from the store after the next start.  To accept a
 * store that is older, remove the file while Certera is stopped; restoring a backup does.
 */
#ifndef KEEPER_MARKS_H
#define KEEPER_MARKS_H

#include "base/buf.h"
#include "base/err.h"
#include "keeper/keeper.h"

#define MARKS_GRACE_MS 10000	/* what was asked with the blob before is still under way */

struct marks;
struct marks *marks_new(void);	/* in memory; safe from any thread */
void marks_free(struct marks *);

/*
 * Reads what is in the file, makes it if it is missing, and has it written on from now.  -1: what is learnt is
 * forgotten at the end; e says why.  *damaged: how many of its entries could not be read.
 */
int marks_open(struct marks *, const char *file, size_t *damaged, struct err *);
int marks_fd(const struct marks *);	/* -1: there is no file */

/* Ids are of the keeper's own making: 32 hex digits.  now_ms: of clock_mono_ms(). */
int marks_check(struct marks *, struct slice id, uint32_t generation, int64_t now_ms, struct err *);
void marks_raise(struct marks *, struct slice id, uint32_t generation, int64_t now_ms);

#endif
