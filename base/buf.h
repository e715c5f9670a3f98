/*
 * A growable run of bytes, and a borrowed one.
 *
 * This is a low-level primitive: it knows only allocation.  buf->data is always NUL-terminated behind len
 * (once anything was added), so it can be read as a string when it holds text.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/base.h"

struct buf {
	char *data;	/* NULL while empty and untouched */
	size_t len;	/* bytes in use, the final NUL not counted */
	size_t size;	/* bytes allocated */
};
#define BUF_INIT { NULL, 0, 0 }
#define _cleanup_buf_ _cleanup_(buf_release)
#define _cleanup_buf_wipe_ _cleanup_(buf_wipe)

void buf_add(struct buf *, const void *, size_t len);
void buf_add_str(struct buf *, const char *);
void buf_add_ch(struct buf *, char);
void buf_addf(struct buf *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for `more` bytes behind len; returns where they start.  The caller adds what it used to len. */
void *buf_reserve(struct buf *, size_t more);
void buf_clear(struct buf *);		/* len = 0, keeps the memory */
void buf_release(struct buf *);		/* frees */
void buf_wipe(struct buf *);		/* overwrites and frees: for secrets (growth wipes the old block too) */
char *buf_detach(struct buf *);		/* the caller owns the string; never NULL */
const char *buf_str(const struct buf *);/* "" while empty */

/* Borrowed bytes: whoever made it says how long they live. */
struct slice {
	const void *data;
	size_t len;
};
static inline struct slice slice(const void *data, size_t len) { return (struct slice){ data, len }; }
static inline struct slice slice_str(const char *s) { return (struct slice){ s, s ? strlen(s) : 0 }; }
static inline struct slice slice_buf(const struct buf *b) { return (struct slice){ b->data, b->len }; }
bool slice_eq(struct slice, struct slice);

#endif
