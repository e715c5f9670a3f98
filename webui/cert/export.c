/* /api/v1/certificates/NAME/export: a version of a certificate for a local admin, in any form. */
#include "base/encode.h"
#include "webui/download/format.h"
#include "webui/http/handler.h"

struct exporting {
	char *id, *name;
	const struct format *format;
	int64_t version;
};

static void exporting_release(void *state)
{
	struct exporting *x = state;

	free(x->id);
	free(x->name);
}

/* number: of a past version, as text; NULL: the one in force. */
static int find_version(struct txn *t, const struct rec_cert *cert, const char *number, struct rec_version *version,
			int64_t *n, struct err *e)
{
	_cleanup_free_ char *id = NULL;

	*n = number ? strtoll(number, NULL, 10) : cert->current;
	if (number && (*n <= 0 || *n > cert->newest || strlen(number) > 10))
		return err_set(e, ERR_MISSING, "the certificate %s has no version %.20s", cert->name, number);
	if (!*n)
		return err_set(e, ERR_CONFLICT, "the certificate %s has not been issued yet", cert->name);
	id = record_child_id(cert->id, *n);
	return rec_version_get(t, version, id, e);
}

/* Text as it is ("pem" for PEM), bytes as base64 in "data"; "file" is a name for it. */
static json_t *show_file(const struct exporting *x, struct slice content)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;
	_cleanup_free_ char *file = xasprintf("%s.%s", x->name, x->format->extension);
	bool pem = content.len > 10 && !memcmp(content.data, "-----BEGIN", 10);
	json_t *o = json_object();

	if (pem)
		buf_add(&text, content.data, content.len);
	else
		base64_add(&text, content.data, content.len);
	json_put_str(o, pem ? "pem" : "data", buf_str(&text));
	json_put_str(o, "file", file);
	json_put_str(o, "format", x->format->word);
	json_put_int(o, "version", x->version);
	return o;
}

static int packed(struct request *r, const struct slice *field, struct err *e)
{
	const struct exporting *x = r->state;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 ||
	    admin_event(r, t, "certificate.exported", x->id, x->name, e, "version %lld exported with its key, as %s",
			(long long)x->version, x->format->word) < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)	/* no export without its event */
		return -1;
	return reply_json(r, 200, show_file(x, field[0]));
}

/* What both methods do. */
static int export(struct request *r, const struct format_wish *wish, const char *number, struct err *e)
{
	struct exporting *x = request_state(r, sizeof(*x), exporting_release);
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_buf_ struct buf file = BUF_INIT;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    find_version(t, &cert, number, &version, &x->version, e) < 0)
		return -1;
	x->format = wish->format;
	x->id = xstrdup(cert.id);
	x->name = xstrdup(cert.name);
	if (wish->format->with_key)
		return admin_confirmed(r, e) < 0 ? -1 :
			       format_pack(r, t, wish, &cert, &version, request_proof(r), packed, e);
	if (format_write(wish, &version, &file, e) < 0)
		return -1;
	return reply_json(r, 200, show_file(x, slice_buf(&file)));
}

int page_cert_export(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	struct format_wish wish;

	if (admin_query(r, &query, e) < 0 ||
	    format_choose(&wish, NULL, params_get(&query, "chain"), NULL, false, e) < 0)
		return -1;
	return export(r, &wish, params_get(&query, "version"), e);
}

int page_cert_pack(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct format_wish wish;

	if (!body || format_choose(&wish, json_str(body, "format"), json_str(body, "chain"), json_str(body, "password"),
				   json_bool(body, "legacy", false), e) < 0)
		return str_eq(e->field, "password") ? err_hint(e, "Give \"password\".") : -1;
	return export(r, &wish, json_str(body, "version"), e);
}
