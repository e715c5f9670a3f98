/*
 * What follows from something before it is done, in facts: who uses an API key, what changes with another version, who
 * fetches the private key.  As pages they are what comes before the button, under the path that is posted to.
 */
#include "webui/download/used.h"
#include "webui/http/handler.h"

static json_t *begin(const struct rec_cert *cert)
{
	json_t *o = json_object();

	json_put_str(o, "name", cert->name);
	json_put_bool(o, "staging", cert->staging);
	return o;
}

int page_cert_apikey(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	answer = begin(&cert);
	return used_put(answer, t, cert.id, params_get(&r->path, "slot"), e) < 0 ? -1
										 : reply_json(r, 200, TAKE(answer));
}

/*
 * Another version in force.
 */

/* The names of one that the other does not have. */
static json_t *names_less(const json_t *of, const json_t *other)
{
	_cleanup_strv_ char **has = json_strv(other, "names");
	json_t *list = json_array(), *name;
	size_t i;

	json_array_foreach (json_object_get(of, "names"), i, name)
		if (!strv_has(has, json_string_value(name)))
			json_array_append(list, name);
	return list;
}

int page_cert_rollback_guard(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	const char *number = params_get(&r->path, "version");
	json_t *now, *then, *used;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	now = admin_show_version(r, t, &cert, cert.current);
	then = admin_show_version(r, t, &cert, strtoll(number, NULL, 10));
	answer = begin(&cert);
	json_object_set_new(answer, "now", now ? now : json_null());
	json_object_set_new(answer, "then", then ? then : json_null());
	if (!then)
		return err_set(e, ERR_MISSING, "the certificate %s has no version %.20s", cert.name, number);
	used = used_list(t, cert.id, 0, e);
	if (!used)
		return -1;
	json_object_set_new(answer, "used", used);
	json_object_set_new(answer, "gained", names_less(then, now));
	json_object_set_new(answer, "lost", names_less(now, then));
	json_object_set_new(answer, "deploy", admin_show_deploy(r, t, &cert));
	return reply_json(r, 200, TAKE(answer));
}

/*
 * The private key by API key.
 */

int page_cert_key_download_guard(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_json_ json_t *answer = NULL, *used = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *with_key, *one;
	size_t i;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	used = used_list(t, cert.id, 0, e);
	if (!used)
		return -1;
	answer = begin(&cert);
	with_key = json_array();
	json_object_set_new(answer, "used", with_key);
	admin_put_key_name(answer, t, cert.key_id);
	json_put_str(answer, "word", params_get(&r->path, "word"));
	json_array_foreach (used, i, one)
		if (json_bool(one, "with_key", false))
			json_array_append(with_key, one);
	return reply_json(r, 200, TAKE(answer));
}
