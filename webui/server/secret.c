/*
 * /api/v1/secrets: what the configuration needs and is sealed in the store, not in a file.
 * It goes in and never comes out.
 */
#include "base/clock.h"
#include "webui/http/handler.h"

#define SECRET_MOST 1000	/* bytes */

static const struct {
	const char *name, *what;
} secrets[] = {
#define SECRET(name, what) { name, what },
#include "store/secret.def"
#undef SECRET
};

static json_t *show(struct txn *t, size_t i)
{
	_cleanup_(rec_secret_release) struct rec_secret secret = { 0 };
	bool there = rec_secret_get(t, &secret, secrets[i].name, NULL) == 0;
	json_t *o = json_object();

	json_put_str(o, "name", secrets[i].name);
	json_put_str(o, "what", secrets[i].what);
	json_put_bool(o, "set", there);
	json_put_time(o, "changed", secret.changed);
	return o;
}

static json_t *list_all(struct txn *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		json_array_append_new(list, show(t, i));
	return list;
}

int page_secrets(struct request *r, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	answer = json_object();
	json_object_set_new(answer, "secrets", list_all(t));
	return reply_json(r, 200, answer);
}

/* The one that the path names.  -1: there is no such. */
static int find(const struct request *r, struct err *e)
{
	const char *name = params_get(&r->path, "name");
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (str_eq(secrets[i].name, name))
			return (int)i;
	err_set(e, ERR_MISSING, "no setting needs a secret \"%.40s\"", name);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		buf_addf(&names, "%s%s", i ? ", " : "", secrets[i].name);
	return err_hint(e, "Possible names: %s.", buf_str(&names));
}

int page_secret(struct request *r, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	int i = find(r, e);

	if (i < 0 || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	return reply_json(r, 200, show(t, (size_t)i));
}

static int sealed(struct request *r, const struct slice *field, struct err *e)
{
	_cleanup_(rec_secret_release) struct rec_secret secret = { .changed = clock_now() };
	_cleanup_txn_ struct txn *t = NULL;
	int i = find(r, e);
	json_t *answer;

	record_set(&secret.id, secrets[i].name);
	record_set_blob(&secret.sealed, field[0]);
	if (store_write(r->webui->env->store, &t, e) < 0 || rec_secret_put(t, &secret, e) < 0 ||
	    admin_event(r, t, "secret.set", secret.id, secret.id, e, "%s was changed", secrets[i].what) < 0)
		return -1;
	answer = show(t, (size_t)i);
	return admin_commit_reply(r, TAKE(t), false, 200, answer, e);
}

int page_secret_set(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	const char *value = json_str(body, "value");

	if (!body || find(r, e) < 0)
		return -1;
	if (!value) {
		err_set(e, ERR_INVALID, "the member \"value\" is missing");
		return err_field(e, "value");
	}
	if (!*value || strlen(value) > SECRET_MOST || strpbrk(value, "\r\n"))
		return body_at("value",
			       err_set(e, ERR_INVALID, "a secret must be one line of 1 to %d bytes", SECRET_MOST), e);
	return REQUEST_ASK(r, seal, -1, sealed, slice_str("config"), slice_str(params_get(&r->path, "name")),
			   slice_str(value));
}

int page_secret_delete(struct request *r, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;
	int i = find(r, e);

	if (i < 0 || store_write(r->webui->env->store, &t, e) < 0 || rec_secret_delete(t, secrets[i].name, e) < 0 ||
	    admin_event(r, t, "secret.removed", secrets[i].name, secrets[i].name, e, "%s was removed from the store",
			secrets[i].what) < 0)
		return -1;
	answer = show(t, (size_t)i);
	return admin_commit_reply(r, TAKE(t), false, 200, answer, e);
}
