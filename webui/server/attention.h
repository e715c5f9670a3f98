/* What needs somebody, for the overview: certificates by cause, and what else of this server. */
#ifndef WEBUI_SERVER_ATTENTION_H
#define WEBUI_SERVER_ATTENTION_H

#include "webui/cert/counts.h"
#include "webui/http/handler.h"

/*
 * "causes": [{cause, text, action, status, count, first, certificates (the first few), more, ids}], by the first end;
 * of the certificates that n names.  "first": when the next of them ends, null: none does.
 */
void attention_put_causes(struct txn *, json_t *, const struct tally_numbers *n, int64_t now);
/* "also": [{what, text, path}], of what this visitor may see.  *count grows by how many of them there are. */
int attention_put_also(struct request *, struct txn *, json_t *, int64_t *count, struct err *);

#endif
