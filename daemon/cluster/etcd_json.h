/* What requests to etcd are made of, and answers read by.  What is made here is a new reference, and what is put into
 * it is taken over. */
#ifndef DAEMON_CLUSTER_ETCD_JSON_H
#define DAEMON_CLUSTER_ETCD_JSON_H

#include "base/buf.h"
#include "base/json.h"

/* Of a transaction.  lease 0: none. */
json_t *etcd_put(const char *key, struct slice value, int64_t lease);
/* end NULL: the one key; else all from key on and before end.  most 0: all. */
json_t *etcd_range(const char *key, const char *end, int64_t most, bool keys_only);
json_t *etcd_delete(const char *key, const char *end);
json_t *etcd_if_value(const char *key, const char *value);
json_t *etcd_if_created(const char *key, int64_t revision); /* 0: it is not there */
json_t *etcd_if_modified(const char *key, int64_t revision); /* last; 0: it is not there */
/* Each is a list ended by NULL, or NULL. */
json_t *etcd_txn(json_t *const compare[], json_t *const success[], json_t *const failure[]);
/* The body of a request of its own for one of them. */
json_t *etcd_alone(json_t *op);
/* Watches a range. */
json_t *etcd_watch(const char *key, const char *end);

/* Of answers.  All are borrowed. */
int64_t etcd_int(const json_t *obj, const char *key); /* 0: it is not there */
int64_t etcd_revision(const json_t *answer);          /* of its header */
bool etcd_succeeded(const json_t *txn);
const json_t *etcd_kvs(const json_t *txn,
		       size_t response); /* of the range that was asked for there: an array, or NULL */
/* Of one of these; owned, NUL-terminated. */
void etcd_key(const json_t *kv, struct buf *);
void etcd_value(const json_t *kv, struct buf *);

#endif
