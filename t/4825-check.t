#!/usr/bin/env python3
"""CheckCertificate: request, certificate, chain, key and names together, and what an order would say; dry runs that keep nothing."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t)
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example www.shop.example")
    files = make_files(t, daemon)
    together(t, daemon, files)
    order(t, daemon, files)
    dry_runs(t, daemon, files, site)
    on_the_pages(t, daemon, files)


def make_files(t, daemon):
    files = {name: t.path(name) for name in ("key.pem", "own.csr", "other.key", "pfx")}
    pem = daemon.ctl("cert", "export", "shop")["pem"]
    leaf, *chain = chain_of(pem)
    files["leaf"], files["chain"] = t.write("leaf.pem", leaf), t.write("chain.pem", "".join(chain))
    password = t.write("password", "s3cret")
    files["password"] = password
    openssl("pkey", "-in", write_key(t, daemon, "shop"), "-out", files["key.pem"])
    openssl("req", "-new", "-key", files["key.pem"], "-out", files["own.csr"], "-subj", "/CN=shop.example",
        "-addext", "subjectAltName=DNS:shop.example,DNS:www.shop.example,DNS:api.shop.example")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", files["other.key"])
    openssl("pkcs12", "-export", "-in", files["leaf"], "-inkey", files["key.pem"], "-certfile", files["chain"], "-out", files["pfx"],
        "-passout", "file:" + password)
    return files


def write_key(t, daemon, name):
    return t.write(name + ".key", daemon.ctl("key", "export", name)["key"])


def check(daemon, **options):
    return daemon.ctl("check", *[part for name, value in options.items() for part in ("--" + name.replace("_", "-"), value)])


def said(answer, ok):
    return [one["says"] for one in answer["fits"] if one["ok"] == ok]


def together(t, daemon, files):
    all_of_it = check(daemon, file=files["leaf"], chain_file=files["chain"], key_file=files["key.pem"], csr_file=files["own.csr"],
        names="shop.example api.shop.example")
    t.equal((len(all_of_it["contents"]["certificates"]), len(all_of_it["contents"]["keys"]), all_of_it["contents"]["request"]["names"]),
        (2, 1, ["shop.example", "www.shop.example", "api.shop.example"]), "everything is decoded")
    t.equal([word in " ".join(said(all_of_it, True)) for word in ("The private key belongs to the certificate", "made with the private key",
        "has the key of the request", "is issued by", "The certificate request has the names you gave")], [True] * 5, "what belongs together is said")
    t.equal(said(all_of_it, False), ["The certificate does not have the names of the request: api.shop.example.",
        "The certificate does not have the names you gave: api.shop.example."], "and what is missing")
    wrong = check(daemon, file=files["leaf"], key_file=files["other.key"])
    t.equal([word in " ".join(said(wrong, False)) for word in ("key does not belong", "is missing: web servers need it")], [True] * 2,
        "a key of something else, and a chain that is not there")
    pfx = check(daemon, file=files["pfx"], password_file=files["password"])
    t.ok("The private key belongs to the certificate." in said(pfx, True), "a PFX is all of it in one file", pfx["fits"])
    with open(files["key.pem"]) as key, open(files["leaf"]) as leaf:
        pem = check(daemon, file=t.write("both.pem", key.read() + leaf.read()))
    t.equal((len(pem["contents"]["certificates"]), len(pem["contents"]["keys"])), (1, 1), "so is a PEM file with both")
    t.ok("The private key belongs to the certificate." in said(pem, True), "which belong together", pem["fits"])
    status, answer = daemon.api("POST", "/check", {})
    t.equal(status, 422, "nothing at all is nothing to check")
    shown = daemon.run_ctl("check", "--file", files["leaf"], "--key-file", files["other.key"]).stdout
    t.contains(shown, b"! The private key does not belong to the certificate.", "people at a command line see the same")
    keys = daemon.ctl("key", "list")["keys"]
    t.ok(all(k["name"] != "other" for k in keys) and len(keys) == 2, "nothing of it is kept", keys)


def order(t, daemon, files):
    fine = check(daemon, csr_file=files["own.csr"], account="ca")
    t.equal(([p["name"] for p in fine["proofs"]], fine["orders"], fine["findings"]), (["shop.example", "www.shop.example", "api.shop.example"], True, []),
        "with an account: how each name of the request would be proved, and nothing is in the way", )
    daemon.ctl("account", "add", "le", "--ca", "letsencrypt", "--agree-terms")    # it need not be reached
    known = check(daemon, names="printer.local a.example", account="le")
    t.ok({("new orders of an account", 300), ("certificates for exactly these names", 5)} <= {(l["limit"], l["most"]) for l in known["limits"]}, "and which limits of the CA it would use", known["limits"])
    t.ok(any(f.startswith("printer.local is not a public name") for f in known["findings"]), "and that a public CA does not issue for a name inside", known["findings"])
    odd = check(daemon, names="fine.example, me_thing.example a..example https://b.example/ -c.example", account="ca")
    found = " ".join(odd["findings"])
    t.equal(([p["name"] for p in odd["proofs"]], [name in found for name in ("me_thing.example", "a..example", "https://b.example", "-c.example")]),
        (["fine.example"], [True] * 4), "each name that can be none is said, and the others are looked at")
    t.ok(any("a..example" in f for f in check(daemon, names="a..example")["findings"]), "also without an account, and if no name is left")
    bad = check(daemon, names="*.shop.example", challenge="http-01", account="ca", profile="nosuch")
    t.equal(["dns-01" in " ".join(bad["findings"]), "profile" in " ".join(bad["findings"])], [True, True], "what would be refused")
    status, answer = daemon.api("POST", "/check", {"names": "a.example", "account": "nosuch"})
    t.equal((status, answer["errors"][0]["field"]), (409, "account"), "an account that is not there")
    daemon.ctl("key", "add", "spoilt", "--file", files["other.key"])
    openssl("req", "-new", "-key", files["other.key"], "-out", t.path("spoilt.csr"), "-subj", "/CN=a.example", "-addext", "subjectAltName=DNS:a.example")
    daemon.add_cert("spoilt", "spoilt.example", key="spoilt")
    daemon.ctl("cert", "revoke", "spoilt", "--reason", "keyCompromise", "--wait")
    known = check(daemon, csr_file=t.path("spoilt.csr"), account="ca")
    t.ok(any("compromised" in f for f in known["findings"]), "a key that others know is known again", known["findings"])


def dry_runs(t, daemon, files, site):
    before = daemon.cert("shop")
    orders, events = site.pebble.orders(), len(daemon.ctl("events", "--object", "shop")["events"])
    said = daemon.ctl("cert", "issue", "shop", "--dry-run")
    t.equal((said["dry_run"], said["orders"], len(said["proofs"]), said["findings"]), (True, True, 2, []), "renew: what would be ordered")
    said = daemon.ctl("cert", "reissue", "shop", "--dry-run")
    t.equal((said["changes"], said["orders"]), ("key", True), "reissue: with a new key")
    said = daemon.ctl("cert", "set", "shop", "--names", "shop.example new.shop.example", "--note", "x", "--dry-run")
    t.equal((said["orders"], [p["name"] for p in said["proofs"]], "names" in said["changes"]), (True, ["shop.example", "new.shop.example"], True),
        "set: what would change, and be ordered")
    said = daemon.ctl("cert", "set", "shop", "--note", "x", "--dry-run")
    t.equal((said["orders"], said["changes"]), (False, "tags, note or contacts"), "a note orders nothing")
    said = daemon.ctl("cert", "set", "shop", "--new-key", "tried", "--dry-run")
    t.equal(("key_api_keys" in said, daemon.run_ctl("key", "show", "tried").returncode), (False, 6), "a new key is not there after it, nor are its API keys shown")
    said = daemon.ctl("cert", "import", "brought", "--file", files["pfx"], "--password-file", files["password"], "--dry-run")
    t.equal((said["certificate"]["names"], "api_keys" in said, daemon.run_ctl("cert", "show", "brought").returncode), (["shop.example", "www.shop.example"], False, 6),
        "import: what would be in force; and nothing is there after it")
    daemon.ctl("cert", "add", "own", "--csr-file", files["own.csr"], "--account", "ca", "--wait")
    openssl("req", "-new", "-key", files["key.pem"], "-out", t.path("next.csr"), "-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example")
    said = daemon.ctl("cert", "csr", "own", "--file", t.path("next.csr"), "--other-names", "--dry-run")
    t.equal((said["changes"], daemon.cert("own")["names"]), ("request, names", ["shop.example", "www.shop.example", "api.shop.example"]), "csr: what would change, and has not")
    done = daemon.run_ctl("cert", "set", "shop", "--names", "*.shop.example", "--challenge", "http-01", "--dry-run")
    t.ok(done.returncode and b"dns-01" in done.stderr, "what would be refused is refused in a dry run", done)
    shown = daemon.run_ctl("cert", "issue", "shop", "--dry-run").stdout
    t.contains(shown, b"Nothing was ordered: this was a dry run.", "people are told that it was one")
    after = daemon.cert("shop")
    t.equal((after["orders"], after["note"], after["names"], after["key"]), (before["orders"], before["note"], before["names"], before["key"]), "nothing has changed")
    t.equal((site.pebble.orders(), len(daemon.ctl("events", "--object", "shop")["events"])), (orders + 1, events), "no order was sent but that of `own`, and the audit log has nothing of it")
    t.equal(daemon.api("POST", "/certificates/shop/issue", dry_run="maybe")[0], 400, "dry_run is true or false")


def on_the_pages(t, daemon, files):
    add_user(daemon, "root")
    person = Person(daemon)
    person.sign_in("root")
    t.contains(person.page("/tools").text, "What the CA would refuse", "the check is among the tools")
    with open(files["leaf"]) as leaf, open(files["other.key"]) as key:
        answer = person.submit("/check", "/tools", _form="check", certificate=leaf.read(), key=key.read(), names="shop.example", account="le", csr="", chain="",
            password="", challenge="", profile="")
    t.ok(answer.status == 200 and "does not belong to the certificate" in answer.text and "Rate limits used" in answer.text and "Nothing prevents" not in answer.text, "and says all of it", answer.text[:600])
    answer = person.form("/certificates/shop?staging=false&dry_run=true", "/certificates/shop?staging=false", _form="certificate_set", names="shop.example\nnew.shop.example",
        key_type="p256", key_reuse="auto", by_hand="off", renew_before="0", tags="", note="")
    t.ok("What would be ordered" in answer.text and "new.shop.example" in answer.text, "a change can be previewed on the certificate's page", answer.text[:600])
    t.equal(daemon.cert("shop")["names"], ["shop.example", "www.shop.example"], "before it is made")
    answer = person.form("/certificates/shop/issue?staging=false&dry_run=true", "/certificates/shop?staging=false")
    t.ok("What would be ordered" in answer.text, "as can a renewal")


run(main)
