/*
 * The download API of deploy scripts: /api/certificate/NAME and /api/key/NAME.  A key that is fetched fits the
 * certificate in force: the one in the parameter "certificate", or all that have the key, else none is handed out.
 *
 * Nothing about a name is told before one of its API keys is shown: the keeper is always asked, with an
 * empty access blob for a name we do not have, and what else is wrong with the request is said afterwards.
 */
#include <ctype.h>

#include "base/digest.h"
#include "base/encode.h"
#include "base/http/date.h"
#include "base/http/validator.h"
#include "base/metric.h"
#include "store/key/sharing.h"
#include "webui/download/consumer.h"
#include "webui/download/format.h"
#include "webui/http/call.h"
#include "webui/http/name.h"
#include "webui/http/reply.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

struct download {
	struct params params;
	struct err mistake;		/* in them */
	char *id, *name;		/* of what is asked for; NULL: there is none */
	struct buf access;
	int slot;			/* the API key shown */
	int64_t version;
	struct format_wish wish;
	bool binary;			/* it asked for bytes, not base64 */
	char etag[96], modified[HTTP_DATE_SIZE];
};

static const struct format key_formats[] = {
	{ "pem", "text/plain", NULL, "key", true, NULL },
	{ "der", "text/plain", NULL, "b64", true, NULL },
};

static void download_release(void *state)
{
	struct download *d = state;

	params_release(&d->params);
	free(d->id);
	free(d->name);
	buf_release(&d->access);
}

/* The same for a name we do not have and for a wrong API key. */
static int unauthorized(struct err *e)
{
	err_set(e, ERR_AUTH, "no such name, or not one of its API keys");
	return err_hint(e, "Send one of its two API keys in the header apiKey.");
}

static const char *param_or(const struct download *d, const char *name, const char *otherwise)
{
	const char *value = params_get(&d->params, name);

	return value ? value : otherwise;
}

/* Of a body nothing is echoed: a password may be anywhere in it. */
static int read_body(struct request *r, struct params *params, struct err *e)
{
	const char *type = request_header(r, HTTP_content_type);
	struct err why = { 0 };

	if (!request_body(r).len)
		return 0;
	if (r->route->method != METHOD_POST) {
		err_set(e, ERR_USAGE, "a GET request has parameters in its URL, and this one has a body");
		return err_hint(e, "Send it as POST (curl -d without -X GET), or put the parameters into the URL.");
	}
	if (type && strncasecmp(type, FORM_TYPE, strlen(FORM_TYPE))) {
		err_set(e, ERR_MEDIA, "the parameters are not sent as a form");
		return err_hint(e, "Send them as " FORM_TYPE " (curl -d \"format=pem\"), or in the URL.");
	}
	return request_form(r, params, &why) == 0 ? 0 :
		       err_set(e, ERR_USAGE, "the body is not encoded as a form, or has a parameter twice");
}

static void lower(char *word)
{
	for (; *word; word++)
		*word = (char)tolower((unsigned char)*word);
}

/*
 * The names as api.def has them, and words in lower case, as whoever calls us writes them: PowerShell makes "True" of a
 * boolean.  Names of certificates and passwords stay as they are.
 */
static int take_params(struct request *r, struct params *given, struct params *to, bool of_body, struct err *e)
{
	const struct api_call *call = call_of(r->route);

	for (struct param *p = given->item; p < given->item + given->count; p++) {
		const struct call_item *item = call_item_any_case(call, p->name);

		if (!item)
			return of_body ? err_set(e, ERR_USAGE,
						 "there is a parameter in the body that is not known here")
				       : err_set(e, ERR_USAGE, "there is no parameter \"%.40s\" here", p->name);
		if (params_get(to, item->name))
			return err_set(e, ERR_USAGE, "the parameter %s is given twice", item->name);
		if (item->type == ITEM_FLAG || str_eq(item->name, "format") || str_eq(item->name, "chain"))
			lower(p->value);
		params_add(to, item->name, TAKE(p->value));
	}
	return 0;
}

static int read_params(struct request *r, struct params *params, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 }, body = { NULL, 0 };

	if (request_query(r, &query, e) < 0 || take_params(r, &query, params, false, e) < 0 ||
	    read_body(r, &body, e) < 0)
		return -1;
	return take_params(r, &body, params, true, e);
}

static struct download *begin(struct request *r)
{
	struct download *d = request_state(r, sizeof(*d), download_release);

	read_params(r, &d->params, &d->mistake);
	return d;
}

static void found(struct download *d, const char *id, const char *name, const struct buf *access)
{
	d->id = xstrdup(id);
	d->name = xstrdup(name);
	record_set_blob(&d->access, slice_buf(access));
}

/* Asks also where nothing was found; a store that cannot be read is said by e. */
static int check_key(struct request *r, struct download *d, answer_fn *checked, struct err *e)
{
	const char *api_key = request_header(r, HTTP_apikey);

	if (err_is_set(e) && e->kind != ERR_MISSING && e->kind != ERR_INVALID)
		return -1;
	if (!api_key)
		return unauthorized(e);
	return REQUEST_ASK(r, access_check, -1, checked, slice_str(d->id ? d->id : ""), slice_buf(&d->access),
			   slice_str(api_key));
}

/* The first thing every answer of the keeper's check leads to. */
static int admit(struct download *d, const struct slice *field, struct err *e)
{
	d->slot = (int)strtol(field[0].data, NULL, 10);
	if (!d->slot || !d->id)
		return unauthorized(e);
	if (!err_is_set(&d->mistake))
		return 0;
	*e = d->mistake;
	return -1;
}

/* Sets the validators.  True: the client has it, and was told so. */
static bool is_unchanged(struct request *r, struct download *d, int64_t modified)
{
	reply_header(r, "ETag", d->etag);
	reply_header(r, "Last-Modified", http_date(d->modified, modified));
	return validator_unchanged(request_header(r, HTTP_if_none_match), request_header(r, HTTP_if_modified_since),
				   d->etag, modified);
}

static void record_use(struct request *r, const struct download *d, const char *action)
{
	struct consumer_use use = {
		.id = d->id, .slot = d->slot, .name = d->name, .version = d->version,
		.address = r->from, .action = action,
	};

	metric_add(METRIC_downloads, 1);
	consumers_used(r->webui->consumers, &use);
}

static int not_modified(struct request *r, const struct download *d)
{
	record_use(r, d, NULL);
	return reply_empty(r, 304);
}

static int hand_out(struct request *r, const struct download *d, const char *action, const struct buf *body)
{
	_cleanup_free_ char *file = xasprintf("attachment; filename=\"%s.%s\"", d->name,
					       d->wish.format->extension);

	record_use(r, d, r->head ? NULL : action);
	reply_header(r, "Content-Disposition", file);
	return reply(r, 200, d->binary ? d->wish.format->binary : d->wish.format->type, slice_buf(body));
}

/*
 * Certificates.
 */

static int check_cert_params(struct request *r, struct download *d, struct err *e)
{
	static const char *const flags[] = { "staging", "pfxLegacy" };
	const char *accept = request_header(r, HTTP_accept);

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const char *value = param_or(d, flags[i], "false");

		if (!str_eq(value, "true") && !str_eq(value, "false"))
			return err_set(e, ERR_USAGE, "%s=%.40s is not understood; it is true or false", flags[i],
				       value);
	}
	if (format_choose(&d->wish, params_get(&d->params, "format"), params_get(&d->params, "chain"),
			  params_get(&d->params, "pfxPassword"), str_eq(params_get(&d->params, "pfxLegacy"), "true"),
			  e) < 0)
		return str_eq(e->field, "password") ? err_hint(e, "Give pfxPassword.") : -1;
	d->binary = accept && d->wish.format->binary && strstr(accept, d->wish.format->binary);
	return 0;
}

static int read_version(struct txn *t, struct download *d, struct rec_cert *cert, struct rec_version *version,
			struct err *e)
{
	_cleanup_free_ char *id = NULL;

	if (rec_cert_get(t, cert, d->id, e) < 0)
		return -1;
	if (!cert->current)
		return err_set(e, ERR_MISSING, "the certificate %s has not been issued yet", d->name);
	d->version = cert->current;
	id = record_child_id(cert->id, cert->current);
	return rec_version_get(t, version, id, e);
}

static int cert_packed(struct request *r, const struct slice *field, struct err *e)
{
	_cleanup_buf_wipe_ struct buf body = BUF_INIT;
	struct download *d = r->state;

	if (d->wish.format->binary && !d->binary) {
		base64_add(&body, field[0].data, field[0].len);
		buf_add_ch(&body, '\n');
	} else {
		buf_add(&body, field[0].data, field[0].len);
	}
	return hand_out(r, d, "certificate.key_fetched", &body);
}

static int cert_key_checked(struct request *r, const struct slice *field, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_txn_ struct txn *t = NULL;
	struct download *d = r->state;

	if (admit(d, field, e) < 0 || check_cert_params(r, d, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    read_version(t, d, &cert, &version, e) < 0)
		return -1;
	/* A file with a key in it is another each time: the version and the form are what the ETag is of. */
	snprintf(d->etag, sizeof(d->etag), "\"%.40s-%s%s-%s\"", version.fingerprint, d->wish.format->word,
		 d->wish.legacy ? "-legacy" : "", param_or(d, "chain", "true"));
	if (is_unchanged(r, d, version.issued))
		return not_modified(r, d);
	if (d->wish.format->with_key)
		return format_pack(r, t, &d->wish, &cert, &version, request_header(r, HTTP_apikey), cert_packed, e);
	if (format_write(&d->wish, &version, &body, e) < 0)
		return -1;
	return hand_out(r, d, "certificate.fetched", &body);
}

/* Who has a key of the one beside it is told which there is; NULL access, as for any name, if there is neither. */
static void find_cert(struct txn *t, struct download *d, const char *name, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	bool staging = str_eq(params_get(&d->params, "staging"), "true");
	struct err none = { 0 };

	if (rec_cert_by_name(t, &cert, name, staging, e) == 0) {
		found(d, cert.id, cert.name, &cert.access);
	} else if (e->kind == ERR_MISSING && rec_cert_by_name(t, &cert, name, !staging, &none) == 0) {
		found(d, cert.id, cert.name, &cert.access);
		if (err_is_set(&d->mistake))
			return;
		err_set(&d->mistake, ERR_MISSING, "the certificate %s has %s version", name,
			staging ? "no staging" : "only a staging");
		err_hint(&d->mistake, staging ? "Leave staging=true out." : "Ask for it with staging=true.");
	}
}

int page_fetch_certificate(struct request *r, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	const char *name = params_get(&r->path, "name");
	struct download *d = begin(r);

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (name_check(name, e) == 0)
		find_cert(t, d, name, e);
	return check_key(r, d, cert_key_checked, e);
}

/*
 * Keys.
 */

static int read_key(struct request *r, struct download *d, struct rec_key *key, struct rec_key_version *version,
		    struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *id = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || rec_key_get(t, key, d->id, e) < 0 ||
	    sharing_generation(t, key, params_get(&d->params, "certificate"),
			       str_eq(param_or(d, "staging", "false"), "true"), &d->version, e) < 0)
		return -1;
	id = record_child_id(key->id, d->version);
	return rec_key_version_get(t, version, id, e);
}

static int key_exported(struct request *r, const struct slice *field, struct err *e)
{
	_cleanup_buf_wipe_ struct buf body = BUF_INIT;
	struct download *d = r->state;

	if (str_eq(d->wish.format->word, "der"))
		base64_add(&body, field[0].data, field[0].len);
	else
		buf_add(&body, field[0].data, field[0].len);
	return hand_out(r, d, "key.fetched", &body);
}

static int choose_key_format(struct download *d, struct err *e)
{
	const char *word = param_or(d, "format", key_formats->word);

	for (size_t i = 0; i < ARRAY_SIZE(key_formats); i++) {
		d->wish.format = &key_formats[i];
		if (str_eq(word, key_formats[i].word))
			return 0;
	}
	return err_set(e, ERR_USAGE, "there is no format \"%.40s\" of keys; there are pem and der", word);
}

static int key_key_checked(struct request *r, const struct slice *field, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	unsigned char hash[SHA256_SIZE];
	_cleanup_free_ char *hex = NULL;
	struct download *d = r->state;

	if (admit(d, field, e) < 0 || choose_key_format(d, e) < 0 ||
	    read_key(r, d, &key, &version, e) < 0)
		return -1;
	sha256(version.spki.data, version.spki.len, hash);
	hex = hex_str(hash, sizeof(hash));
	snprintf(d->etag, sizeof(d->etag), "\"%.40s-%s\"", hex, d->wish.format->word);
	if (is_unchanged(r, d, version.created))
		return not_modified(r, d);
	return REQUEST_ASK(r, key_export, -1, key_exported, slice_str(key.id), slice_buf(&key.access),
			   slice_buf(&version.material), slice_str(request_header(r, HTTP_apikey)),
			   slice_str(d->wish.format->word));
}

int page_fetch_key(struct request *r, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	const char *name = params_get(&r->path, "name");
	struct download *d = begin(r);

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (name_check(name, e) == 0 && rec_key_by_name(t, &key, name, e) == 0)
		found(d, key.id, key.name, &key.access);
	return check_key(r, d, key_key_checked, e);
}
