/* What is in a version of a certificate, and how two differ. */
#ifndef WEBUI_CERT_DIFF_H
#define WEBUI_CERT_DIFF_H

#include "base/json.h"
#include "store/record/record.h"

/* The certificates of its chain, leaf first, as decode_show() shows them; a new reference.  NULL: it cannot be read. */
json_t *diff_chain(const struct rec_version *, struct err *);
/*
 * {from, to, kept, added, removed, same_key, rows: [{what, from, to, same}]}; a new reference.  -1: a chain cannot be
 * read.
 */
int diff_versions(json_t **diff, const struct rec_version *from, const struct rec_version *to, struct err *);

#endif
