/*
 * Certificates for keys we do not have: a person sends the request (PKCS#10), and renewals send it again until there is
 * another one (POST /api/v1/certificates/NAME/csr).
 */
#include "pki/csr.h"
#include "pki/identifier.h"
#include "webui/admin.h"

int admin_read_csr(struct rec_cert *cert, const char *text, struct err *e)
{
	_cleanup_csr_ struct csr csr = { 0 };
	char **names;
	enum key_type type;

	if (csr_parse(&csr, slice_str(text), e) < 0 || spki_check(slice_buf(&csr.spki), e) < 0 ||
	    spki_type(slice_buf(&csr.spki), &type, e) < 0)
		return err_prefix(e, "\"csr\"");
	if (!csr.names)
		return err_set(e, ERR_INVALID,
			       "\"csr\" has no names in it: neither subject alternative names nor a common name");
	names = identifier_list_of(csr.names, e);
	if (!names)
		return err_prefix(e, "\"csr\"");
	strv_free(cert->names);
	cert->names = names;
	cert->own_csr = true;
	record_set_blob(&cert->csr, slice_buf(&csr.der));
	record_set(&cert->key_type, key_type_word(type));
	return 0;
}

/* Why this certificate may not get another request now. */
static int check_fits(const struct rec_cert *cert, struct err *e)
{
	if (!cert->own_csr)
		return err_set(e, ERR_CONFLICT, "the key of the certificate %s is made here, and so are its requests",
			       cert->name);
	if (!cert->open_order)
		return 0;
	err_set(e, ERR_CONFLICT, "the certificate %s is being ordered with the request it has", cert->name);
	return err_hint(e, "Send the new one when that order is over.");
}

int page_cert_csr(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (!body || store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    check_fits(&cert, e) < 0 || body_at("csr", admin_read_csr(&cert, json_str(body, "csr"), e), e) < 0 ||
	    body_at("csr", admin_check_names(r, cert.names, e), e) < 0 || rec_cert_put(t, &cert, e) < 0 ||
	    admin_event(r, t, "certificate.request", cert.id, cert.name, e,
			"its next order has another request, for %s and %zu more",
			cert.names[0], strv_len(cert.names) - 1) < 0)
		return -1;
	answer = admin_show_cert(&cert, NULL, NULL);
	admin_put_account_name(answer, t, cert.account_id);
	return admin_commit_reply(r, TAKE(t), false, 200, answer, e);
}

int admin_check_profile(const struct rec_account *account, const char *profile, struct err *e)
{
	_cleanup_buf_ struct buf offered = BUF_INIT;

	if (!profile)
		return 0;
	for (char **line = account->profiles; line && *line; line++) {
		size_t len = strcspn(*line, ":");

		if (strlen(profile) == len && !strncmp(*line, profile, len))
			return 0;
		buf_addf(&offered, "%s%.*s", offered.len ? ", " : "", (int)len, *line);
	}
	if (!offered.len)
		return err_set(e, ERR_INVALID, "the CA of account %s offers no profiles", account->name);
	err_set(e, ERR_INVALID, "the CA of account %s has no profile \"%.40s\"; it offers %s", account->name, profile,
		buf_str(&offered));
	return err_hint(e, "If the CA has new ones: account check %s.", account->name);
}
