/* Certera 2, the earlier program of this name: accounts at Let's Encrypt, certificates, keys and sites in one SQLite
 * file. */
#include "ctl/moving/moving.h"
#include "ctl/moving/sqlite.h"

static const char accounts_of[] = "SELECT a.AcmeAccountId AS id, a.AcmeContactEmail AS mail, a.IsAcmeStaging AS "
				  "staging, k.Name AS name, k.RawData AS pem "
				  "FROM AcmeAccounts a JOIN Keys k ON k.KeyId = a.KeyId ORDER BY a.AcmeAccountId";
#define COMPLETED "5"
static const char certs_of[] =
	"SELECT c.*, k.RawData AS key_pem, (SELECT o.RawDataPem FROM AcmeOrders o "
	"WHERE o.AcmeCertificateId = c.AcmeCertificateId AND o.Status = " COMPLETED
	" AND o.RawDataPem IS NOT NULL ORDER BY o.DateCreated DESC, o.AcmeOrderId DESC LIMIT 1) AS chain_pem "
	"FROM AcmeCertificates c JOIN Keys k ON k.KeyId = c.KeyId ORDER BY c.AcmeCertificateId";
static const char sites_of[] = "SELECT Uri FROM Domains ORDER BY \"Order\", DomainId";

static void take_account(struct moving *m, const json_t *row, json_t *by_id)
{
	bool staging = str_eq(json_str(row, "staging"), "1");
	const char *directory = staging ? "https://acme-staging-v02.api.letsencrypt.org/directory"
					: "https://acme-v02.api.letsencrypt.org/directory";
	json_t *account = found_account_key(m, json_str(row, "name"), m->directory ? m->directory : directory,
					    json_str(row, "pem"), json_str(row, "name"));

	if (!account)
		return;
	found_contact(account, json_str(row, "mail"));
	if (staging)
		found_flag(account, "staging");
	json_put_str(by_id, json_str(row, "id"), json_str(account, "name"));
}

static void take_cert(struct moving *m, const json_t *row, const json_t *by_id)
{
	bool by_dns = str_eq(json_str(row, "ChallengeType"), "dns-01");
	json_t *cert = found_cert(m, json_str(row, "Name"), json_str(row, "chain_pem"), json_str(row, "key_pem"),
				  json_str(row, "Name"));

	if (!cert)
		return;
	found_set(cert, "account", json_str(by_id, json_str(row, "AcmeAccountId")));
	found_challenge(m, cert, by_dns ? "dns-01" : "http-01");
	found_flag(cert, "key_reuse");
	if (by_dns)
		found_note(cert, "Its DNS scripts are settings of certera.yaml here: copy them into hooks.directory, "
				 "and name them in hooks.set and "
				 "hooks.cleanup.");
}

static void take_sites(struct moving *m, const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		json_t *site;

		if (!json_str(row, "Uri"))
			continue;
		site = json_object();
		json_put_str(site, "name", json_str(row, "Uri"));
		json_object_set_new(site, "notes", json_array());
		json_array_append_new(m->sites, site);
	}
}

int read_certera(struct moving *m, struct err *e)
{
	_cleanup_json_ json_t *accounts = sqlite_rows(m->path, accounts_of, e);
	_cleanup_json_ json_t *certs = accounts ? sqlite_rows(m->path, certs_of, e) : NULL;
	_cleanup_json_ json_t *sites = certs ? sqlite_rows(m->path, sites_of, e) : NULL;
	_cleanup_json_ json_t *by_id = json_object();
	const json_t *row;
	size_t i;

	if (!sites)
		return -1;
	json_array_foreach (accounts, i, row)
		take_account(m, row, by_id);
	json_array_foreach (certs, i, row)
		take_cert(m, row, by_id);
	take_sites(m, sites);
	found_nothing(m);
	found_left(m, "users", "Users have new passwords here: certeractl user add.");
	found_left(m, "notifications", "Add a channel for alerts: certeractl channel add.");
	return 0;
}
