/* ZIP archives with files as they are, not compressed (APPNOTE 6.3): enough for a handful of small files. */
#ifndef PKI_FILE_ZIP_H
#define PKI_FILE_ZIP_H

#include "base/buf.h"

struct zip {
	struct buf files, directory;	/* what stands in front, and the list behind it */
	uint16_t count;
};
#define ZIP_INIT { BUF_INIT, BUF_INIT, 0 }
#define _cleanup_zip_ _cleanup_(zip_release)

/*
 * mode: permissions as of chmod(2).  The content is copied;
 * files are dated 1980, so that the same archive has the same bytes.
 */
void zip_add(struct zip *, const char *name, unsigned int mode, struct slice content);
void zip_finish(struct zip *, struct buf *archive);	/* appends; nothing may be added behind */
void zip_release(struct zip *);				/* wipes */

#endif
