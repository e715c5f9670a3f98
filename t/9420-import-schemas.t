#!/usr/bin/env python3
"""import-from: what acme.sh, Certwarden and Certera 2 keep, written by their published formats around real accounts and certificates."""
import json
import os
import sys
from base64 import b64encode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.clients import *
from certera.databases import *

class Real:
    """An account and a certificate at the CA, to be put into another program's files."""

    def __init__(self, t, ca, name):
        own = Lego(t, ca, mail=f"{name}@example.org", name="real-" + name)
        self.names = [f"{name}.example", f"www.{name}.example"]
        own.issue(name, self.names)
        def read(*path):
            with open(os.path.join(own.dir, *path)) as f:
                return f.read()
        self.key, self.chain = (read("certificates", f"{name}.example.{end}") for end in ("key", "crt"))
        self.account_key = read("accounts", f"localhost_{ca.port}", own.mail, "keys", own.mail + ".key")


def acme_sh(t, ca):
    """~/.acme.sh: ca/HOST/PATH/account.key, DOMAIN/DOMAIN.conf, commands in base64."""
    real = Real(t, ca, "shell")
    coded = lambda text: "__ACME_BASE64__START_" + b64encode(text.encode()).decode() + "__ACME_BASE64__END_"
    t.write("acme.sh/account.conf", "ACCOUNT_EMAIL='shell@example.org'\nSAVED_CF_Token='secret-of-dns'\n")
    t.write("acme.sh/ca/localhost/dir/account.key", real.account_key)
    t.write("acme.sh/ca/localhost/dir/ca.conf", f"CA_KEY_HASH='x'\nACCOUNT_URL='https://localhost:{ca.port}/my-account/1'\nCA_EMAIL='shell@example.org'\n")
    conf = {"Le_Domain": "shell.example", "Le_Alt": "www.shell.example", "Le_Webroot": "dns_cf", "Le_PreHook": "", "Le_RenewHook": "", "Le_API": ca.directory,
        "Le_Keylength": "ec-256", "Le_ReloadCmd": coded("systemctl reload nginx"), "Le_NextRenewTime": "1796018618"}
    folder = "acme.sh/shell.example_ecc/"
    t.write(folder + "shell.example.conf", "".join(f"{k}='{v}'\n" for k, v in conf.items()))
    t.write(folder + "shell.example.key", real.key)
    t.write(folder + "fullchain.cer", real.chain)
    t.write("acme.sh/broken.example/broken.example.conf", "Le_Domain='broken.example'\n")
    return real, t.path("acme.sh"), "acme.sh-localhost_" + str(ca.port), "shell.example_ecc", {"challenge": "dns-01", "hook_set": "acme.sh", "key_reuse": True}, \
        ["systemctl reload nginx", "dns_cf"]


def certwarden(t, ca):
    real = Real(t, ca, "warden")
    path = database(t, "appdata.db", CERTWARDEN,
        acme_servers=[{"id": 2, "name": "own", "directory_url": ca.directory, "is_staging": 1}],
        private_keys=[{"id": 1, "name": "account", "pem": real.account_key}, {"id": 2, "name": "warden", "pem": "replaced since"}, {"id": 3, "name": "former", "pem": real.key}],
        acme_accounts=[{"id": 1, "name": "warden-account", "private_key_id": 1, "status": "valid", "email": "warden@example.org", "kid": "x", "acme_server_id": 2}],
        certificates=[{"id": 1, "private_key_id": 2, "acme_account_id": 1, "name": "warden", "description": "the shop", "subject": "warden.example",
            "subject_alts": "www.warden.example", "csr_org": "Example", "post_processing_command": "./reload.sh"}],
        acme_orders=[{"id": 1, "certificate_id": 1, "acme_location": "a", "status": "valid", "pem": real.chain, "finalized_key_id": 3, "valid_to": 2},
            {"id": 2, "certificate_id": 1, "acme_location": "b", "status": "invalid", "pem": None, "finalized_key_id": 2, "valid_to": 3}])
    return real, path, "warden-account", "warden", {"challenge": None, "note": "the shop", "staging": True, "key_reuse": True}, ["./reload.sh", "Example"]


def certera(t, ca):
    real = Real(t, ca, "former")
    path = database(t, "certera.db", CERTERA,
        Keys=[{"KeyId": 1, "Name": "acme-account", "RawData": real.account_key}, {"KeyId": 2, "Name": "former", "RawData": real.key}],
        AcmeAccounts=[{"AcmeAccountId": 1, "AcmeContactEmail": "former@example.org", "IsAcmeStaging": 0, "KeyId": 1}],
        AcmeCertificates=[{"AcmeCertificateId": 1, "Name": "former", "Subject": "former.example", "SANs": "www.former.example", "KeyId": 2, "ChallengeType": "http-01", "AcmeAccountId": 1}],
        AcmeOrders=[{"AcmeOrderId": 1, "DateCreated": "2026-01-01 00:00:00", "Status": 5, "RawDataPem": real.chain, "AcmeCertificateId": 1},
            {"AcmeOrderId": 2, "DateCreated": "2026-02-01 00:00:00", "Status": 3, "RawDataPem": None, "AcmeCertificateId": 1}],
        Domains=[{"DomainId": 1, "Uri": "https://www.former.example", "Order": 1}])
    return real, path, "acme-account", "former", {"challenge": "http-01", "key_reuse": True}, []


def main(t):
    site = Site(t, account=False, pebble={"always_valid": True})
    daemon, ca = site.daemon, site.pebble

    def take(program, path, *options):
        done = daemon.run_ctl("--json", "import-from", program, path, "--ca-file", ca.ca_file, *options)
        t.ok(done.stdout, f"{program}: it is read", done)
        return done.returncode, json.loads(done.stdout)

    for program, make in (("acme.sh", acme_sh), ("certwarden", certwarden), ("certera", certera)):
        real, path, account, name, settings, said = make(t, ca)
        options = ["--directory", ca.directory] if program == "certera" else []
        keys = t.path(program + ".api-keys")
        orders = ca.orders()
        code, answer = take(program, path, "--dry-run", *options)
        t.equal((code, daemon.ctl("cert", "list", "--search", name)["certificates"]), (0, []), f"{program}: a dry run takes nothing")
        code, answer = take(program, path, "--api-keys-file", keys, *options)
        t.equal([(a["name"], a["result"]) for a in answer["accounts"] + answer["certificates"]], [(account, "taken"), (name, "taken")], f"{program}: all is taken")
        t.equal(daemon.ctl("account", "show", account)["state"], "valid", f"{program}: the CA finds the account by its key")
        shown = daemon.cert(name)
        t.equal({k: shown[k] for k in settings}, settings, f"{program}: settings come along")
        t.equal((shown["account"], sorted(shown["names"])), (account, sorted(real.names)), f"{program}: names, and who renews it")
        notes = " ".join(answer["certificates"][0]["notes"])
        t.ok(all(part in notes for part in said), f"{program}: what does not come along is said", notes)
        t.lacks(json.dumps(answer), "secret-of-dns", f"{program}: no secret is in the report")
        t.lacks(json.dumps(answer), "PRIVATE KEY", f"{program}: and no key")
        with open(keys) as f:
            name_there, api_key = f.read().strip().split("\t")
        t.equal((name_there, os.stat(keys).st_mode & 0o777), (name, 0o600), f"{program}: the new API key is in a file of its own")
        got = daemon.download("certificate", name, api_key, format="bundle", **({"staging": "true"} if shown["staging"] else {})).text
        t.equal((chain_of(got), public_key_of_key(got)), (chain_of(real.chain), public_key_of_key(real.key)), f"{program}: with it, chain and key are fetched")
        newest = daemon.ctl("events", "--limit", "1")["events"][0]["number"]
        code, answer = take(program, path, *options)
        t.equal(({one["result"] for what in ("accounts", "certificates", "sites") for one in answer[what]}, code), ({"there"}, 0), f"{program}: the second time all is there")
        t.equal(daemon.ctl("events", "--limit", "1")["events"][0]["number"], newest, f"{program}: and nothing happens")
        t.equal(ca.orders(), orders, f"{program}: nothing is ordered")
        daemon.ctl("cert", "set", name, "--challenge", "http-01")
        daemon.ctl("cert", "issue", name, "--wait")
        t.equal((daemon.cert(name)["newest"], daemon.leaf(name).public_key), (2, public_key_of_key(real.key)), f"{program}: it renews here, with its key")
    t.equal([s["name"] for s in daemon.ctl("site", "list")["sites"]], ["www.former.example"], "certera: sites come along")

    foreign = t.write("not-a.db", "text")
    refused = daemon.run_ctl("import-from", "certera", foreign)
    t.ok(refused.returncode and b"not a database" in refused.stderr, "a file that is no database is refused", refused)
    expired(t, daemon, ca)


def expired(t, daemon, ca):
    """One that has expired is left, with what to do; one without its account comes, and is not renewed."""
    pem = open(dated(t, "old.example", -90 * 86400, -3600)).read()
    fresh = open(dated(t, "alone.example", -3600, 30 * 86400)).read()
    for name, text in (("old", pem), ("alone", fresh)):
        t.write(f"tree/live/{name}/privkey.pem", text.split("-----BEGIN CERTIFICATE")[0])
        t.write(f"tree/live/{name}/fullchain.pem", "".join(chain_of(text)))
        t.write(f"tree/renewal/{name}.conf", "[renewalparams]\naccount = gone\nserver = https://nowhere.example/dir\nauthenticator = standalone\n")
    done = daemon.run_ctl("--json", "import-from", "certbot", t.path("tree"))
    found = {c["name"]: c for c in json.loads(done.stdout)["certificates"]}
    t.equal((done.returncode, found["old"]["result"]), (1, "left"), "one that has expired is left")
    t.contains(" ".join(found["old"]["notes"]), "cert add", "with what to do")
    t.equal((found["alone"]["result"], daemon.cert("alone")["renew_at"]), ("taken", None), "one whose account is gone comes, and is not renewed")
    t.contains(" ".join(found["alone"]["notes"]), "nothing renews it", "and that is said")


run(main)
