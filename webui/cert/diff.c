#include "webui/cert/diff.h"

#include "pki/file/decode.h"

/* What is compared, in the words of decode_show(). */
static const struct {
	const char *member, *what;
} rows[] = {
	{ "subject", "Subject" },	 { "issuer", "Issuer" },	    { "not_before", "Valid from" },
	{ "not_after", "Valid until" },	 { "key", "Key type" },		    { "spki_pin", "Pin of the key" },
	{ "signature", "Signature" },	 { "serial", "Serial number" },	    { "sha256", "SHA-256" },
	{ "usages", "Key usage" },	 { "extended_usages", "For" },	    { "policies", "Policies" },
	{ "ocsp", "OCSP" },		 { "crl", "CRL" },
};

json_t *diff_chain(const struct rec_version *version, struct err *e)
{
	_cleanup_decoded_ struct decoded decoded = { 0 };

	/* It was judged before it was stored. */
	return decode_add(&decoded, slice_str(version->chain), e) < 0 ? NULL : decode_show_certs(&decoded);
}

static json_t *text_of(const json_t *value)
{
	struct buf out = BUF_INIT;
	const json_t *item;
	json_t *text;
	size_t i;

	if (!json_is_array(value))
		return value ? json_incref((json_t *)value) : json_null();
	json_array_foreach (value, i, item)
		buf_addf(&out, "%s%s", i ? ", " : "", json_string_value(item) ? json_string_value(item) : "");
	text = json_string(buf_str(&out));
	buf_release(&out);
	return text;
}

static void add_row(json_t *list, const char *what, json_t *from, json_t *to)
{
	json_t *o = json_object();

	json_put_str(o, "what", what);
	json_put_bool(o, "same", json_equal(from, to));
	json_object_set_new(o, "from", from);
	json_object_set_new(o, "to", to);
	json_array_append_new(list, o);
}

/* Those above the leaf, by their names. */
static json_t *issuers_of(const json_t *chain)
{
	json_t *list = json_array(), *text;

	for (size_t i = 1; i < json_array_size(chain); i++)
		json_array_append(list, json_object_get(json_array_get(chain, i), "subject"));
	text = text_of(list);
	json_decref(list);
	return text;
}

static void put_names(json_t *diff, char *const *from, char *const *to)
{
	_cleanup_strv_ char **kept = NULL, **added = NULL, **removed = NULL;

	for (char *const *name = from; name && *name; name++)
		strv_add(to && strv_has(to, *name) ? &kept : &removed, *name);
	for (char *const *name = to; name && *name; name++)
		if (!from || !strv_has(from, *name))
			strv_add(&added, *name);
	json_put_strv(diff, "kept", kept);
	json_put_strv(diff, "added", added);
	json_put_strv(diff, "removed", removed);
}

int diff_versions(json_t **diff, const struct rec_version *from, const struct rec_version *to, struct err *e)
{
	_cleanup_json_ json_t *a = diff_chain(from, e), *b = a ? diff_chain(to, e) : NULL;
	const json_t *x = json_array_get(a, 0), *y = json_array_get(b, 0);
	json_t *list;

	if (!a || !b)
		return -1;
	*diff = json_object();
	list = json_array();
	json_put_int(*diff, "from", record_child_number(from->id));
	json_put_int(*diff, "to", record_child_number(to->id));
	put_names(*diff, from->names, to->names);
	json_put_bool(*diff, "same_key", json_equal(json_object_get(x, "spki_pin"), json_object_get(y, "spki_pin")));
	json_object_set_new(*diff, "rows", list);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		add_row(list, rows[i].what, text_of(json_object_get(x, rows[i].member)),
			text_of(json_object_get(y, rows[i].member)));
	add_row(list, "Chain", issuers_of(a), issuers_of(b));
	return 0;
}
