/* The parameter "chain" of downloads and exports: which part of an issued chain. */
#ifndef WEBUI_DOWNLOAD_CHAIN_H
#define WEBUI_DOWNLOAD_CHAIN_H

#include "base/err.h"

/* "true" (or NULL): all; "false": the leaf; "only": the others.  As certificates [from, to) of `count`. */
int chain_part(const char *word, size_t count, size_t *from, size_t *to, struct err *);

#endif
