#!/usr/bin/env python3
"""What the forms of certificates, keys and CA accounts can say that only certeractl could: sent as browsers do, it is done."""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t)
    add_user(daemon, "root")
    root = Person(daemon)
    root.sign_in("root")
    root.page("/overview")
    imported(t, daemon, root)
    versions(t, daemon, root)
    hooks(t, daemon, root)
    key(t, daemon, root)
    account(t, daemon, root)
    channel(t, daemon, root)


def self_signed(t, name):
    cert, key = t.path("c.pem"), t.path("c.key")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", f"/CN={name}",
        "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", cert)
    with open(cert) as c, open(key) as k:
        return c.read(), k.read()


def fields(root, path):
    """Those of the forms of a page."""
    return root.page(path).text


def imported(t, daemon, root):
    daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir")
    page = fields(root, "/new/import")
    t.ok('name="renew_before"' in page and 'name="staging"' in page, "an import can be for testing, and say when it is renewed")
    root.submit("/new/import", "/new/import", name="trial", file="".join(self_signed(t, "trial.example")), staging="true")
    t.equal(daemon.ctl("cert", "show", "trial")["staging"], True, "one for testing")
    root.submit("/new/import", "/new/import", name="shop", file="".join(self_signed(t, "shop.example")), account="ca", challenge="http-01", renew_before="20")
    shop = daemon.cert("shop")
    t.equal((shop["staging"], shop["renew_before"]), (False, 20 * 86400), "one that is renewed 20 days before its end")


def versions(t, daemon, root):
    root.submit("/certificates/shop/import", "/certificates/shop/settings", file="".join(self_signed(t, "shop.example")))
    t.equal(daemon.cert("shop")["current"], 2, "a second version")
    page = fields(root, "/certificates/shop/settings")
    t.ok('id="certificate_export-version"' in page and 'id="certificate_export-chain"' in page, "a download can be of an earlier version, with or without its chain")
    got = {number: Certificate(root.form("/certificates/shop/export", "/certificates/shop/settings", format="pem", chain="false", version=number).text).serial for number in ("", "1", "2")}
    t.ok(got["1"] != got["2"] == got[""], "the version that is named is downloaded, without a name the one in force", got)
    answer = root.submit("/certificates/shop/revoke", "/certificates/shop/settings", version="7", reason="superseded", account="ca", _confirm="shop")
    t.ok("version &quot;7&quot;" in answer.text, "a version that is not there cannot be revoked", re.sub(r"<[^>]*>", " ", answer.text.split("<main")[-1])[:1500])
    t.ok('href="/certificates/shop/rollback/1?staging=false"' in fields(root, "/certificates/shop"), "the page of a certificate has the way back to the version before")


def hooks(t, daemon, root):
    daemon.ctl("cert", "add", "dns", "--names", "*.dns.example", "--account", "ca", "--challenge", "dns-01", "--no-issue")
    chosen = '<option value="off" selected>'
    t.lacks(fields(root, "/certificates/dns/hooks"), chosen, "records are waited for")
    root.submit("/certificates/dns/hooks", "/certificates/dns/hooks", propagation="off")
    t.equal(daemon.cert("dns")["no_propagation"], True, "or not")
    t.contains(fields(root, "/certificates/dns/hooks"), chosen, "which the page then shows")
    answer = root.form("/hooks/test/dns", "/certificates/dns/settings", _next="/hooks/trials/:id")
    t.matches(answer.header("Location"), r"^/hooks/trials/\w+$", "the scripts are tested")
    page = root.page(answer.header("Location")).text
    t.ok("Test of the DNS scripts for dns.example" in page and 'href="/certificates/dns?staging=false"' in page, "on a page of its own")
    t.equal(root.submit("/certificates/dns/relinquish", "/certificates/dns/settings").status, 409, "what the CA has no authorization for cannot be dropped")


def key(t, daemon, root):
    root.confirm()
    root.submit("/keys", "/new/key", name="k", rotate_after="30")
    t.equal(daemon.ctl("key", "show", "k")["rotate_after"], 30 * 86400, "a new key with a reminder")


def account(t, daemon, root):
    own = self_signed(t, "account.example")[1]
    root.submit("/accounts", "/new/account", name="own", directory="https://localhost:1/dir", key_pem=own, only_existing="true")
    root.submit("/accounts", "/new/account", name="new", directory="https://localhost:1/dir", key_type="p384")
    types = {name: daemon.ctl("key", "show", daemon.ctl("account", "show", name)["key"])["type"] for name in ("own", "new")}
    t.equal(types, {"own": "p256", "new": "p384"}, "an account with a key of one's own, and with one of another type")
    t.ok(daemon.ctl("account", "show", "own")["only_existing"], "which is only looked for")
    root.submit("/accounts/new", "/accounts/new", key_type="rsa2048")
    t.equal(daemon.ctl("key", "show", daemon.ctl("account", "show", "new")["key"])["type"], "rsa2048", "and corrected")


def channel(t, daemon, root):
    daemon.ctl("channel", "add", "ops", "--kind", "webhook", "--url-file", t.write("url", "http://127.0.0.1:1/"))
    t.equal(daemon.ctl("channel", "show", "ops")["signed"], False, "what a channel sends is not signed")
    root.submit("/channels/ops", "/channels/ops", secret="sixteen characters")
    t.equal(daemon.ctl("channel", "show", "ops")["signed"], True, "then it is")


run(main)
