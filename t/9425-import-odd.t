#!/usr/bin/env python3
"""import-from on what real houses have: broken links, names that differ in case only, files nobody may read, databases in use or not whole.

What can be taken is; the rest is named with its reason, and the exit status says so."""
import json
import os
import shutil
import sqlite3
import sys
from base64 import b64encode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.databases import *

NOWHERE = "https://127.0.0.1:1/directory"
NOBODY = 65534


def made(t, *names):
    """Key and chain for these names, of a CA of nobody."""
    path = t.path("made-" + names[0].replace("*", "any"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60", "-subj", "/CN=Nobody",
        "-keyout", path + ".key", "-out", path + ".pem", "-addext", "subjectAltName=" + ",".join("DNS:" + n for n in names))
    with open(path + ".key") as key, open(path + ".pem") as chain:
        return key.read(), chain.read()


class Look:
    """One import, and its report."""

    def __init__(self, daemon, program, path, *options, user=None):
        other = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups"] if user else []
        done = run_command(*other, os.path.join(BUILD, "certeractl"), "--socket", daemon.socket, "--json", "import-from", program, path, *options)
        self.code, self.error = done.returncode, done.stderr.decode()
        said = json.loads(done.stdout) if done.stdout.startswith(b"{") and b'"left"' in done.stdout else {}
        self.certs = {c["name"]: c for c in said.get("certificates", [])}
        self.left = {os.path.basename(one["what"]): one["why"] for one in said.get("left", [])}

    def results(self):
        return {name: c["result"] for name, c in self.certs.items()}

    def notes(self, name):
        return " ".join(self.certs[name]["notes"])


def lineage(t, name, key, chain, conf="authenticator = standalone"):
    t.write(f"bot/renewal/{name}.conf", f"[renewalparams]\n{conf}\n")
    t.write(f"bot/live/{name}/privkey.pem", key)
    t.write(f"bot/live/{name}/fullchain.pem", chain)


def certbot(t, daemon):
    shop, other = made(t, "shop.example"), made(t, "other.example")
    lineage(t, "Shop", *shop)
    lineage(t, "shop", *other)
    lineage(t, "wrong-key", other[0], shop[1])
    lineage(t, "locked", openssl("ec", "-aes128", "-passout", "pass:words", "-in", t.path("made-shop.example.key")), shop[1])
    lineage(t, "old-style", *made(t, "old.example"), conf="server = " + NOWHERE)
    os.makedirs(t.path("bot/live/broken"))
    for file in ("privkey", "fullchain"):
        os.symlink(f"../../archive/broken/{file}1.pem", t.path(f"bot/live/broken/{file}.pem"))
        for number in (2, 9, 10):
            t.write(f"bot/archive/links-lost/{file}{number}.pem", made(t, "lost.example")[file == "fullchain"] if number < 10 else dict(privkey=other[0], fullchain=other[1])[file])
    for name in ("broken", "links-lost"):
        t.write(f"bot/renewal/{name}.conf", "[renewalparams]\n")
    for file, text in zip(("privkey", "fullchain"), shop):
        t.write(f"bot/live/forgotten/{file}.pem", text)
    for host in ("acme-v01.api.letsencrypt.org", "127.0.0.1:1"):
        t.write(f"bot/accounts/{host}/directory/0123/private_key.json", openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))

    dry, taken = (Look(daemon, "certbot", t.path("bot"), *options) for options in (["--dry-run"], []))
    t.equal(dry.results(), taken.results(), "certbot: a dry run says what is taken then")
    t.equal(taken.results(), {"Shop": "taken", "shop-2": "taken", "old-style": "taken", "links-lost": "taken", "wrong-key": "left", "locked": "left", "broken": "left"},
        "certbot: what is taken, and what is left")
    t.equal((dry.code, taken.code), (1, 1), "certbot: the exit status says that something was left")
    for name, words in (("shop-2", "two of the name"), ("wrong-key", "belongs to a different certificate"), ("locked", "encrypted"),
            ("broken", "fullchain.pem cannot be read: it is a link that leads nowhere"), ("links-lost", "number 10")):
        t.contains(taken.notes(name), words, f"certbot: {name}, with the reason")
    t.equal(daemon.cert("links-lost")["names"], ["other.example"], "certbot: without its links, the newest of the archive is taken")
    t.equal((daemon.cert("Shop")["names"], daemon.cert("shop-2")["names"]), (["shop.example"], ["other.example"]), "certbot: names that differ in case only are two certificates")
    t.equal(daemon.cert("old-style")["account"], "certbot-127.0.0.1_1", "certbot: a configuration without its account has that of its CA")
    t.contains(taken.left.get("forgotten", ""), "certeractl cert import forgotten", "certbot: one that certbot does not renew is named, with the command for it")
    t.contains(taken.left.get("private_key.json", ""), "has closed", "certbot: an account at a CA that has closed is left")
    t.equal(Look(daemon, "certbot", t.path("bot")).results(), {n: r.replace("taken", "there") for n, r in taken.results().items()}, "certbot: the second time nothing happens")


def nobody_may_read(t, daemon):
    if os.geteuid():
        t.skip("files that cannot be read", "only root can become others")
        return
    os.chmod(t.path("."), 0o755)
    os.chmod(daemon.socket, 0o666)
    for folder in ("live", "accounts"):
        os.chmod(t.path("bot", folder), 0o700)
    seen = Look(daemon, "certbot", t.path("bot"), user=NOBODY)
    t.ok(seen.code == 1 and "Permission denied" in seen.left.get("accounts", ""), "certbot: a directory that cannot be read is named", seen.left)
    t.contains(seen.notes("Shop"), "Permission denied", "certbot: so are files")
    os.chmod(t.path("bot", "renewal"), 0o700)
    shut = Look(daemon, "certbot", t.path("bot"), user=NOBODY)
    t.ok(shut.code and "Permission denied" in shut.error and "root" in shut.error, "certbot: if nothing can be read, that is the reason", shut.error)
    os.chmod(daemon.socket, 0o600)


def others(t, daemon):
    both = made(t, "lego.example", "*.lego.example")
    for end, text in ((".key", both[0]), (".crt", both[1]), (".pem", both[1] + both[0]), (".pfx", "no text"), (".issuer.crt", both[1]), (".json", '{"domain": "lego.example"}')):
        t.write("lego/certificates/lego.example" + end, text)
    t.write("lego/certificates/keyless.example.crt", both[1])
    seen = Look(daemon, "lego", t.path("lego"))
    t.equal((seen.results(), daemon.cert("lego.example")["account"]), ({"lego.example": "taken", "keyless.example": "left"}, None), "lego: one without its account is taken")
    t.contains(seen.notes("lego.example"), "run this again", "lego: what that means is said")
    t.write("lego/certificates/lego.example.json", '{"domain": "lego.example", "certUrl": "https://127.0.0.1:1/cert/1"}')
    t.write("lego/accounts/127.0.0.1_1/a@b.example/account.json", '{"email": "a@b.example", "registration": {"uri": "https://127.0.0.1:1/acct/1"}}')
    t.write("lego/accounts/127.0.0.1_1/a@b.example/keys/a@b.example.key", openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout"))
    again = Look(daemon, "lego", t.path("lego"))
    shown = daemon.cert("lego.example")
    t.equal((again.results()["lego.example"], shown["account"], shown["challenge"]), ("taken", "lego-127.0.0.1_1", "dns-01"),
        "lego: when the account is found, the next run takes it; a wildcard among other names is proved by DNS")
    t.equal(Look(daemon, "lego", t.path("lego")).results()["lego.example"], "there", "lego: and the one after that nothing")
    t.contains(seen.notes("keyless.example"), "keyless.example.key cannot be read: No such file", "lego: a key that is not there is named")

    t.write("dry/config", f"CA={NOWHERE}\nDOMAINS_D=${{BASEDIR}}/domains.d\n")
    t.write("dry/domains.txt", "alias.example www.alias.example > short\n")
    t.write("dry/domains.d/short", "RENEW_DAYS=11\n")
    t.write("dry/certs/never/cert-1.csr", "x")
    t.write("dry/accounts/" + b64encode((NOWHERE + "\n").encode()).decode().rstrip("=").replace("+", "-").replace("/", "_") + "/account_key.pem",
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
    for file, text in zip(("privkey", "fullchain"), made(t, "alias.example")):
        t.write(f"dry/certs/short/{file}.pem", text)
    seen = Look(daemon, "dehydrated", t.path("dry"))
    t.equal((seen.code, seen.results(), daemon.cert("short")["renew_before"]), (0, {"short": "taken"}, 11 * 86400), "dehydrated: settings of DOMAINS_D come along")
    t.contains(seen.left.get("never", ""), "never issued", "dehydrated: a folder without a certificate is named")

    t.write("shell/account.conf", "")
    for folder in ("two.example", "two.example_ecc"):
        key, chain = made(t, "two.example")
        for file, text in (("two.example.key", key), ("fullchain.cer", chain), ("two.example.conf", f"Le_Domain='two.example'\nLe_API='{NOWHERE}'\nLe_Webroot='/srv'\n")):
            t.write(f"shell/{folder}/{file}", text)
    t.equal(Look(daemon, "acme.sh", t.path("shell")).results(), {"two.example": "taken", "two.example_ecc": "taken"}, "acme.sh: one name with two kinds of keys is two certificates")

    for ca in ("ca-a.example-directory", "ca-b.example-directory"):
        for end, text in zip(("key", "crt"), made(t, "caddy.example")):
            t.write(f"caddy/certificates/{ca}/caddy.example/caddy.example.{end}", text)
    t.equal(Look(daemon, "caddy", t.path("caddy")).results(), {"caddy.example": "taken", "caddy.example-2": "taken"}, "caddy: so is one of two issuers")


def rows_of(key, chain, name="warden.example"):
    return dict(acme_servers=[{"id": 2, "directory_url": NOWHERE, "is_staging": 1}],
        private_keys=[{"id": 1, "pem": key}, {"id": 2, "name": "empty"}],
        acme_accounts=[{"id": 1, "private_key_id": 1, "status": "valid", "acme_server_id": 2}, {"id": 2, "private_key_id": 2, "status": "valid", "acme_server_id": 2}],
        certificates=[{"id": 1, "private_key_id": 2, "acme_account_id": 1, "name": name}, {"id": 2, "private_key_id": 2, "acme_account_id": 1, "name": "never"}],
        acme_orders=[{"id": 1, "certificate_id": 1, "status": "valid", "pem": chain, "finalized_key_id": 1}])


def databases(t, daemon):
    rows = rows_of(*made(t, "warden.example"))
    empty = database(t, "nulls.db", CERTWARDEN, **{**rows, "certificates": [{"id": 1, "private_key_id": 2, "acme_account_id": 1}]})
    seen = Look(daemon, "certwarden", empty, "--dry-run")
    t.equal((seen.code, seen.results()), (0, {"certificate": "taken"}), "certwarden: columns without a value are no reason to fail")
    own = database(t, "own.db", CERTERA, Keys=[{"KeyId": 1}], AcmeAccounts=[{"AcmeAccountId": 1, "KeyId": 1}], AcmeCertificates=[{"AcmeCertificateId": 1, "KeyId": 1}], Domains=[{"DomainId": 1}])
    seen = Look(daemon, "certera", own)
    t.equal((seen.code, seen.results()), (1, {"certificate": "left"}), "certera: nor here")

    path = database(t, "running/app.db", CERTWARDEN)
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    insert(db, rows)
    seen = Look(daemon, "certwarden", path, "--dry-run")
    t.equal(seen.results(), {"warden.example": "taken", "never": "left"}, "certwarden: what is in its -wal file counts, while the program runs")
    for name, files in (("whole", ("", "-wal")), ("half", ("",))):
        os.makedirs(t.path(name))
        for end in files:
            shutil.copy(path + end, t.path(name, "app.db" + end))
    t.equal(Look(daemon, "certwarden", t.path("whole/app.db"), "--dry-run").results(), seen.results(), "certwarden: and in a copy")
    half = Look(daemon, "certwarden", t.path("half/app.db"), "--dry-run")
    t.ok(half.results() == {} and "-wal" in half.left["app.db"], "certwarden: a copy without it has nothing, and that is said", half.left)
    t.equal(os.listdir(t.path("half")), ["app.db"], "certwarden: nothing is made beside it")
    db.execute("PRAGMA journal_mode=DELETE")
    db.execute("BEGIN EXCLUSIVE")
    locked = Look(daemon, "certwarden", path)
    t.ok(locked.code and "locked" in locked.error and "Stop the program" in locked.error, "certwarden: one in use is refused, with what to do", locked.error)
    db.close()
    for program, file, words in (("certera", path, "not one of this program"), ("certwarden", t.write("empty.db", ""), "not one of this program"),
            ("certwarden", t.path("none.db"), "Give the database file"), ("certwarden", t.write("text.db", "x" * 5000), "not a database")):
        refused = Look(daemon, program, file)
        t.ok(refused.code == 2 and words in refused.error, f"{program}: {os.path.basename(file)} is refused: {words}", refused.error)


def main(t):
    daemon = Certerad(t)
    certbot(t, daemon)
    nobody_may_read(t, daemon)
    others(t, daemon)
    databases(t, daemon)


run(main)
