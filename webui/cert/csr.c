/*
 * Certificates for keys we do not have: a person sends the request (PKCS#10), and renewals send it again until there is
 * another one (POST /api/v1/certificates/NAME/csr).
 */
#include "base/clock.h"
#include "pki/csr.h"
#include "pki/identifier.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/ledger.h"
#include "webui/http/handler.h"
#include "webui/http/upload.h"
#include "webui/order/dry.h"

int admin_read_csr(const struct request *r, struct rec_cert *cert, const char *text, struct err *e)
{
	_cleanup_csr_ struct csr csr = { 0 };
	_cleanup_buf_ struct buf file = BUF_INIT;
	char **names;
	enum key_type type;

	if (upload_read(&file, "csr", text, e) < 0)
		return -1;
	if (csr_parse(&csr, slice_buf(&file), e) < 0 || spki_check(slice_buf(&csr.spki), e) < 0 ||
	    spki_type(slice_buf(&csr.spki), &type, e) < 0)
		return err_prefix(e, "\"csr\"");
	if (!csr.names)
		return err_set(e, ERR_INVALID,
			       "\"csr\" has no names in it: neither subject alternative names nor a common name");
	names = identifier_list_of(csr.names, e);
	if (!names)
		return err_prefix(e, "\"csr\"");
	admin_take_names(r, cert, names);
	cert->own_csr = true;
	record_set_blob(&cert->csr, slice_buf(&csr.der));
	record_set(&cert->key_type, key_type_word(type));
	return 0;
}

int admin_check_csr(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_csr_ struct csr csr = { 0 };

	return csr_parse(&csr, slice_buf(&cert->csr), e) < 0 ? -1 : admin_check_key(t, slice_buf(&csr.spki), e);
}

/* One with a compromised key waited for this. */
static int order_if_compromised(struct txn *t, struct rec_cert *cert, struct err *e)
{
	if (!cert->compromised || cert->disabled)
		return 0;
	return MIN(cert_wish(t, cert, e), 0);
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
	return err_hint(e, "Send the new request when the order has ended.");
}

int admin_check_other_names(char *const *before, char *const *names, bool meant, struct err *e)
{
	_cleanup_buf_ struct buf said = BUF_INIT;

	for (char *const *name = before; name && *name; name++)
		if (!strv_has(names, *name))
			buf_addf(&said, ", without %s", *name);
	for (char *const *name = names; *name; name++)
		if (!strv_has(before, *name))
			buf_addf(&said, ", with %s", *name);
	if (!said.len || meant)
		return 0;
	err_set(e, ERR_CONFLICT, "the file is for other names than the certificate has%.300s", buf_str(&said));
	err_hint(e, "To accept the new names, set \"other_names\".");
	return err_field(e, "other_names");
}

int page_cert_csr(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_strv_ char **before = NULL;
	_cleanup_free_ char *names = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;
	bool dry;

	if (!body || dry_read(r, &dry, e) < 0 || admin_write(r, &t, e) < 0 ||
	    admin_find_cert(r, t, &cert, e) < 0 || check_fits(&cert, e) < 0)
		return -1;
	before = strv_dup(cert.names);
	if (body_at("csr", admin_read_csr(r, &cert, json_str(body, "csr"), e), e) < 0 ||
	    body_at("csr", admin_check_names(r, cert.names, e), e) < 0 ||
	    admin_check_other_names(before, cert.names, json_bool(body, "other_names", false), e) < 0 ||
	    body_at("csr", admin_check_csr(t, &cert, e), e) < 0 || order_if_compromised(t, &cert, e) < 0 ||
	    rec_cert_put(t, &cert, e) < 0 ||
	    admin_event(r, t, "certificate.request", cert.id, cert.name, e,
			"the next order uses a new request, for %s", names = ledger_names(cert.names)) < 0)
		return -1;
	if (dry)
		return dry_reply(r, t, &cert, strv_eq(before, cert.names) ? "request" : "request, names", cert.wanted,
				 e);
	answer = admin_show_cert(&cert, NULL, NULL);
	admin_put_account_name(answer, t, cert.account_id);
	return admin_commit_reply(r, TAKE(t), true, 200, answer, e);
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
	return err_hint(e, "If the CA has new profiles, check the account %s at the CA first.", account->name);
}
