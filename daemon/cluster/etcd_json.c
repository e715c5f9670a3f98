#include "daemon/cluster/etcd_json.h"

#include "base/encode.h"

static json_t *base64(struct slice bytes)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	base64_add(&text, bytes.data, bytes.len);
	return json_stringn(buf_str(&text), text.len);
}

static json_t *key_of(const char *key)
{
	return base64(slice_str(key));
}

static json_t *number(int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	return json_string(text);
}

json_t *etcd_put(const char *key, struct slice value, int64_t lease)
{
	return json_pack("{s:{s:o, s:o, s:o}}", "request_put", "key", key_of(key), "value", base64(value), "lease",
			 number(lease));
}

json_t *etcd_range(const char *key, const char *end, int64_t most, bool keys_only)
{
	json_t *range = json_pack("{s:o, s:o, s:b}", "key", key_of(key), "limit", number(most), "keys_only", keys_only);

	if (end)
		json_object_set_new(range, "range_end", key_of(end));
	return json_pack("{s:o}", "request_range", range);
}

json_t *etcd_delete(const char *key, const char *end)
{
	json_t *range = json_pack("{s:o}", "key", key_of(key));

	if (end)
		json_object_set_new(range, "range_end", key_of(end));
	return json_pack("{s:o}", "request_delete_range", range);
}

json_t *etcd_if_value(const char *key, const char *value)
{
	return json_pack("{s:o, s:s, s:o}", "key", key_of(key), "target", "VALUE", "value", base64(slice_str(value)));
}

json_t *etcd_if_created(const char *key, int64_t revision)
{
	return json_pack("{s:o, s:s, s:o}", "key", key_of(key), "target", "CREATE", "create_revision",
			 number(revision));
}

json_t *etcd_if_modified(const char *key, int64_t revision)
{
	return json_pack("{s:o, s:s, s:o}", "key", key_of(key), "target", "MOD", "mod_revision", number(revision));
}

static json_t *array_of(json_t *const list[])
{
	json_t *array = json_array();

	for (; list && *list; list++)
		json_array_append_new(array, *list);
	return array;
}

json_t *etcd_txn(json_t *const compare[], json_t *const success[], json_t *const failure[])
{
	return json_pack("{s:o, s:o, s:o}", "compare", array_of(compare), "success", array_of(success), "failure",
			 array_of(failure));
}

json_t *etcd_alone(json_t *op)
{
	json_t *body = json_incref(json_object_iter_value(json_object_iter(op)));

	json_decref(op);
	return body;
}

json_t *etcd_watch(const char *key, const char *end)
{
	return json_pack("{s:{s:o, s:o}}", "create_request", "key", key_of(key), "range_end", key_of(end));
}

int64_t etcd_int(const json_t *obj, const char *key)
{
	const char *text = json_str(obj, key);

	return text ? strtoll(text, NULL, 10) : json_int(obj, key, 0);
}

int64_t etcd_revision(const json_t *answer)
{
	return etcd_int(json_object_get(answer, "header"), "revision");
}

bool etcd_succeeded(const json_t *txn)
{
	return json_bool(txn, "succeeded", false);
}

const json_t *etcd_kvs(const json_t *txn, size_t response)
{
	const json_t *one = json_array_get(json_object_get(txn, "responses"), response);

	return json_object_get(json_object_get(one, "response_range"), "kvs");
}

static void decode(const json_t *kv, const char *member, struct buf *out)
{
	const char *text = json_str(kv, member);

	buf_clear(out);
	buf_add_str(out, "");
	if (text && base64_decode(out, text, strlen(text)) < 0)
		buf_clear(out);
}

void etcd_key(const json_t *kv, struct buf *out)
{
	decode(kv, "key", out);
}

void etcd_value(const json_t *kv, struct buf *out)
{
	decode(kv, "value", out);
}
