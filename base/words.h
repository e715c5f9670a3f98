/*
 * Strangers' words: what CAs, DNS and mail servers, web servers, certificates and scripts say.  They end up on
 * terminals and pages, in mails and logs, so every door where they come in lets them through here: valid UTF-8,
 * bounded, and nothing that moves a cursor, ends a line or turns the direction of writing.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/buf.h"

#define WORDS_SOME 200	/* bytes: a name, a line, an excerpt */
#define WORDS_MANY 900	/* a sentence or three, with a long URL in it: what fits in err.detail */

/*
 * Adds at most `most` bytes: controls (C0, DEL, C1) and line separators as blanks, bidirectional controls and invisible
 * tags left out, U+FFFD for what is no UTF-8, "..." for what has no room.
 */
void words_add(struct buf *, const void *said, size_t len, size_t most);
/* The same, but line breaks and tabs stay: what a script printed. */
void words_add_lines(struct buf *, const void *said, size_t len, size_t most);
/* One line of its own, owned; NULL of NULL. */
char *words_line(const char *said, size_t most);

/* May this character be shown as it is?  For those who have another sign for what may not. */
bool words_fit(uint32_t point);

#endif
