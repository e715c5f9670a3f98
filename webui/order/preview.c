#include "webui/order/preview.h"

#include <stdarg.h>

#include "base/clock.h"
#include "pki/identifier.h"
#include "store/ledger.h"
#include "webui/cert/challenge.h"
#include "webui/cert/companion.h"

/* What else the name could be proved by; with the type that was chosen for it alone. */
static json_t *show_ways(const char *name, const char *type, bool own)
{
	static const char *const types[] = { "http-01", "dns-01", "dns-account-01" };
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (proof_fits(name, types[i]) && (own || !str_eq(types[i], type)))
			json_array_append_new(list, json_pack("{s:s, s:b}", "challenge", types[i], "chosen",
							      str_eq(types[i], type)));
	return list;
}

static json_t *show_proof(const struct rec_cert *cert, const char *name)
{
	const char *type = proof_type(cert, name), *base = identifier_base(name);
	_cleanup_free_ char *shown = identifier_display(name);
	_cleanup_free_ char *record = xasprintf("_acme-challenge.%s", base);
	_cleanup_free_ char *url = xasprintf(strchr(base, ':') ? "http://[%s]/.well-known/acme-challenge/"
							       : "http://%s/.well-known/acme-challenge/",
					     base);
	json_t *o = json_object();

	json_put_str(o, "name", name);
	json_put_str(o, "name_shown", shown);
	json_put_str(o, "challenge", type);
	json_put_bool(o, "own", proof_is_own(cert, name));
	json_object_set_new(o, "ways", show_ways(name, type, proof_is_own(cert, name)));
	json_put_str(o, "url", str_eq(type, "http-01") ? url : NULL);
	json_put_str(o, "record", str_eq(type, "dns-01") ? record : NULL);
	return o;
}

static json_t *offers(const struct rec_cert *cert)
{
	_cleanup_strv_ char **list = companions_of(cert->names);
	json_t *o = json_object();
	json_t *value;

	json_put_strv(o, "list", list);
	value = json_incref(json_object_get(o, "list"));
	json_decref(o);
	return value;
}

static void find(json_t *findings, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void find(json_t *findings, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	json_array_append_new(findings, json_vsprintf(fmt, args));
	va_end(args);
}

static void look_at_account(const struct rec_account *account, int64_t now, json_t *findings)
{
	char until[CLOCK_RFC3339_SIZE];

	if (!str_eq(account->state, "valid"))
		find(findings, "The account %s is not ready: its state is \"%s\".", account->name, account->state);
	if (account->held_until > now)
		find(findings, "The CA or the account %s has trouble: no new order before %s.", account->name,
		     clock_rfc3339(until, account->held_until));
	if (account->staging)
		find(findings, "The account %s is for testing: browsers do not trust what it issues.", account->name);
}

/* TXT records want somebody who sets them. */
static void look_at_script(const struct rec_cert *cert, const char *dns_hook, json_t *findings)
{
	bool own = cert->hook_set && *cert->hook_set;

	if (cert->by_hand || own || *dns_hook)
		return;
	for (char **name = cert->names; *name; name++)
		if (proof_needs_record(cert, *name)) {
			find(findings,
			     "No script sets DNS records, so %s cannot be validated. An administrator can set "
			     "hooks.set in "
			     "certera.yaml or choose a script for this certificate; or you publish the records by "
			     "hand.",
			     *name);
			return;
		}
}

/* CAs count those of the names that the version in force has otherwise. */
static bool is_renewal(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id ? cert->id : "", cert->current);
	bool same;

	if (!cert->current || rec_version_get(t, &version, id, NULL) < 0)
		return false;
	same = strv_len(version.names) == strv_len(cert->names);
	for (size_t i = 0; same && i < strv_len(cert->names); i++)
		same = strv_has(version.names, cert->names[i]);
	return same;
}

int preview_put(json_t *answer, struct txn *t, const struct rec_cert *cert, const char *dns_hook, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	struct ledger_order order = { .account_id = cert->account_id, .names = cert->names };
	json_t *proofs = json_array(), *findings = json_array();
	struct ledger_answer when;
	int64_t now = clock_now();

	json_object_set_new(answer, "proofs", proofs);
	json_object_set_new(answer, "findings", findings);
	json_object_set_new(answer, "offers", offers(cert));
	for (char **name = cert->names; *name; name++)
		json_array_append_new(proofs, show_proof(cert, *name));
	if (rec_account_get(t, &account, cert->account_id, e) < 0)
		return -1;
	order.directory = account.directory;
	order.renewal = is_renewal(t, cert);
	look_at_account(&account, now, findings);
	look_at_script(cert, dns_hook, findings);
	if (ledger_ask(t, &order, now, 0, &when, e) < 0)
		return -1;
	json_object_set_new(answer, "limits", ledger_order_json(t, &order, now));
	json_put_time(answer, "order_at", MAX(when.when, account.held_until));
	if (when.when > now)
		find(findings, "It would have to wait: %s.", when.why);
	return 0;
}
