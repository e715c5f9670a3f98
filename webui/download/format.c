#include "webui/download/format.h"

#include "pki/file/pkcs7.h"
#include "webui/download/chain.h"

#define PKCS7_TYPE "application/x-pkcs7-certificates"

static const struct format formats[] = {
	{ "pem", "text/plain", NULL, "pem", false, NULL },
	{ "der", "application/pkix-cert", NULL, "cer", false, NULL },
	{ "pkcs7", PKCS7_TYPE, NULL, "p7b", false, NULL },
	{ "pfx", "text/plain", "application/x-pkcs12", "pfx", true, NULL },
	{ "bundle", "application/x-pem-file", NULL, "pem", true, NULL },
	{ "zip", "application/zip", NULL, "zip", true, NULL },
	{ "jks", NULL, NULL, NULL, false, "the format jks is not offered; Java reads pfx since version 8" },
};

static bool is_word(const struct format_wish *w, const char *word)
{
	return str_eq(w->format->word, word);
}

static int check_chain(const struct format_wish *w, struct err *e)
{
	size_t from, to;

	if (chain_part(w->chain, 1, &from, &to, e) < 0)
		return -1;
	if (is_word(w, "der") && w->chain && !str_eq(w->chain, "false"))
		return err_set(e, ERR_USAGE, "format=der is one certificate, the leaf: it goes with chain=false");
	if (w->format->with_key && str_eq(w->chain, "only"))
		return err_set(e, ERR_USAGE,
			       "format=%s is the certificate with its key: it does not go with chain=only",
			       w->format->word);
	if (is_word(w, "zip") && str_eq(w->chain, "false"))
		return err_set(e, ERR_USAGE, "format=zip always holds the chain: it does not go with chain=false");
	return 0;
}

int format_choose(struct format_wish *w, const char *word, const char *chain, const char *password, bool legacy,
		  struct err *e)
{
	*w = (struct format_wish){ .format = formats, .chain = chain, .password = password, .legacy = legacy };
	while (word && w->format < formats + ARRAY_SIZE(formats) && strcmp(w->format->word, word))
		w->format++;
	if (w->format == formats + ARRAY_SIZE(formats))
		return err_set(e, ERR_USAGE,
			       "there is no format \"%.40s\"; there are pem, der, pkcs7, pfx, bundle and zip", word);
	if (w->format->sentence)
		return err_set(e, ERR_USAGE, "%s", w->format->sentence);
	if (is_word(w, "pfx") && (!password || !*password)) {
		err_set(e, ERR_USAGE, "the format pfx needs a password");
		return err_field(e, "password");
	}
	return check_chain(w, e);
}

static int read_chain(const struct format_wish *w, const struct rec_version *version, struct chain *chain, size_t *from,
		      size_t *to, struct err *e)
{
	if (chain_parse(chain, slice_str(version->chain), e) < 0)
		return err_prefix(e, "reading version %s", version->id);
	return chain_part(w->chain, chain->count, from, to, e);
}

/* What is stored is what is sent. */
static int write_pem(const struct format_wish *w, const struct rec_version *version, struct buf *out, struct err *e)
{
	struct slice part;
	size_t from, to;

	if (chain_part(w->chain, SIZE_MAX, &from, &to, e) < 0)
		return -1;
	part = chain_pem_part(slice_str(version->chain), from, to);
	buf_add(out, part.data, part.len);
	return 0;
}

int format_write(const struct format_wish *w, const struct rec_version *version, struct buf *out, struct err *e)
{
	_cleanup_chain_ struct chain chain = { NULL, 0 };
	size_t from, to;

	if (is_word(w, "pem"))
		return write_pem(w, version, out, e);
	if (read_chain(w, version, &chain, &from, &to, e) < 0)
		return -1;
	if (is_word(w, "der"))
		buf_add(out, chain.cert[0].der.data, chain.cert[0].der.len);
	else
		pkcs7_pem(&chain, from, to, out);
	return 0;
}

int format_pack(struct request *r, struct txn *t, const struct format_wish *w, const struct rec_cert *cert,
		const struct rec_version *version, const char *proof, answer_fn *packed, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_key_version_release) struct rec_key_version material = { 0 };
	_cleanup_free_ char *id = record_child_id(version->key_id ? version->key_id : "", version->key_version);
	_cleanup_chain_ struct chain chain = { NULL, 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	bool peer = str_eq(proof, KEEPER_PROOF_PEER);
	size_t from, to;

	if (!version->key_id || !*version->key_id)
		return err_set(e, ERR_CONFLICT,
			       "Certera does not have the private key of %s: only formats without it are available",
			       cert->name);
	if (rec_key_get(t, &key, version->key_id, e) < 0 || rec_key_version_get(t, &material, id, e) < 0)
		return err_prefix(e, "the private key of %s", cert->name);
	if (read_chain(w, version, &chain, &from, &to, e) < 0)
		return -1;
	chain_pem(&chain, from, to, &pem);
	return REQUEST_ASK(r, pack, peer ? request_socket(r) : -1, packed, slice_str(key.id), slice_buf(&key.access),
			   slice_buf(&material.material), slice_str(cert->id), slice_buf(&cert->access),
			   slice_str(proof), slice_str(w->legacy && is_word(w, "pfx") ? "pfx-legacy" : w->format->word),
			   slice_buf(&pem), slice_str(cert->name), slice_str(w->password ? w->password : ""));
}
