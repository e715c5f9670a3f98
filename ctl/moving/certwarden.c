/* Certwarden (formerly LeGo CertHub): accounts, keys, certificates and their orders in one SQLite file. */
#include "ctl/moving/moving.h"
#include "ctl/moving/sqlite.h"

static const char accounts_of[] =
	"SELECT a.id, a.name, a.email, s.directory_url, s.is_staging, k.pem FROM acme_accounts a "
	"JOIN acme_servers s ON s.id = a.acme_server_id JOIN private_keys k ON k.id = a.private_key_id "
	"WHERE a.status = 'valid' ORDER BY a.id";
/* The newest order of each that has a certificate; its key may be one the certificate no longer has. */
static const char certs_of[] =
	"SELECT c.*, a.id AS account_id, "
	"(SELECT o.pem FROM acme_orders o WHERE o.certificate_id = c.id AND o.status = 'valid' "
	"AND o.pem IS NOT NULL AND o.known_revoked = 0 ORDER BY o.valid_to DESC, o.id DESC LIMIT 1) AS chain_pem, "
	"(SELECT k.pem FROM acme_orders o JOIN private_keys k ON k.id = o.finalized_key_id "
	"WHERE o.certificate_id = c.id AND o.status = 'valid' AND o.pem IS NOT NULL AND o.known_revoked = 0 "
	"ORDER BY o.valid_to DESC, o.id DESC LIMIT 1) AS key_pem "
	"FROM certificates c JOIN acme_accounts a ON a.id = c.acme_account_id ORDER BY c.id";

static void take_account(struct moving *m, const json_t *row, json_t *by_id)
{
	json_t *account = found_account_key(m, json_str(row, "name"), json_str(row, "directory_url"),
					    json_str(row, "pem"), json_str(row, "name"));

	if (!account)
		return;
	found_contact(account, json_str(row, "email"));
	if (str_eq(json_str(row, "is_staging"), "1"))
		found_flag(account, "staging");
	json_put_str(by_id, json_str(row, "id"), json_str(account, "name"));
}

/* The challenge of a wildcard is known; of other names Certwarden's configuration says which, by domain. */
static void take_proof(const struct moving *m, json_t *cert, const json_t *row)
{
	const char *subject = json_str(row, "subject"), *others = json_str(row, "subject_alts");
	bool wildcard = (subject && strstr(subject, "*.")) || (others && strstr(others, "*."));

	found_challenge(m, cert, wildcard ? "dns-01" : NULL);
	found_note(cert,
		   wildcard
			   ? "Its DNS records were set by a provider of Certwarden: choose a script for them "
			     "(certeractl cert hooks)."
			   : "Certwarden's configuration says by domain how names are proved: here it is proved by %s.",
		   m->challenge ? m->challenge : "http-01");
}

static void take_cert(struct moving *m, const json_t *row, const json_t *by_id)
{
	const char *account = json_str(by_id, json_str(row, "account_id")),
		   *command = json_str(row, "post_processing_command");
	json_t *cert = found_cert(m, json_str(row, "name"), json_str(row, "chain_pem"), json_str(row, "key_pem"),
				  json_str(row, "name"));

	if (!cert)
		return;
	found_set(cert, "account", account);
	if (!account)
		found_note(cert, "Its account is not valid, so nothing renews it yet.");
	take_proof(m, cert, row);
	found_flag(cert, "key_reuse");
	found_set(cert, "preferred_chain", json_str(row, "preferred_root_cn"));
	found_set(cert, "profile", json_str(row, "profile"));
	found_set(cert, "note", json_str(row, "description"));
	if (command && *command)
		found_note(cert,
			   "Its post-processing was not taken: %s. Certera runs a deploy hook instead (certeractl cert "
			   "hooks --deploy).",
			   command);
	if (json_str(row, "csr_org") && *json_str(row, "csr_org"))
		found_note(
			cert,
			"The organization in its requests (%s) was not taken: CAs that validate domains leave it out.",
			json_str(row, "csr_org"));
}

int read_certwarden(struct moving *m, struct err *e)
{
	_cleanup_json_ json_t *accounts = sqlite_rows(m->path, accounts_of, e);
	_cleanup_json_ json_t *certs = accounts ? sqlite_rows(m->path, certs_of, e) : NULL;
	_cleanup_json_ json_t *by_id = json_object();
	const json_t *row;
	size_t i;

	if (!certs)
		return -1;
	json_array_foreach (accounts, i, row)
		take_account(m, row, by_id);
	json_array_foreach (certs, i, row)
		take_cert(m, row, by_id);
	found_nothing(m);
	found_left(m, "users", "Users have new passwords here: certeractl user add.");
	return 0;
}
