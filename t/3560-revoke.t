#!/usr/bin/env python3
"""Revoking: by account and by key, with a reason, and only what the CA confirmed counts."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    for number, (name, binary) in enumerate(pebbles()):
        with_pebble(t, name, Site(t, pebble={"binary": binary}, suffix=str(number), acme={"patience": f"{5 * PATIENCE:g}s"}))


def with_pebble(t, name, site):
    daemon, ca = site.daemon, site.pebble
    for cert in ("one", "two", "three"):
        daemon.add_cert(cert, f"{cert}.example")
    serial = {c: daemon.cert(c)["versions"][0]["serial"] for c in ("one", "two", "three")}
    t.equal(ca.status(serial["one"])["Status"], "Valid", f"{name}: valid before")

    version = daemon.ctl("cert", "revoke", "one", "--reason", "superseded", "--wait")
    t.ok(version["revoked"], f"{name}: revoked by the account")
    t.equal((ca.status(serial["one"])["Status"], ca.status(serial["one"])["Reason"]), ("Revoked", 4), "and the CA knows, with the reason")
    t.equal(daemon.cert("one")["status"], "revoked", "the status says so")
    page = daemon.page("/certificates/one?staging=false")[1]
    page = page[page.index("<h1>one</h1>"):]
    wrong = [w for w in ("Valid until", "Next renewal", "Renew now", ">in force<", '"pill good"') if w in page]
    t.ok(not wrong and "<dt>Revoked</dt>" in page and "Replace now" in page, "its page says nothing else", wrong)
    t.ok(any(e["action"] == "certificate.revoked" for e in events(daemon, "one")), "and the audit log")
    done = daemon.run_ctl("cert", "revoke", "one", "--wait")
    t.equal(done.returncode, 7, "it is not revoked twice")
    daemon.ctl("cert", "issue", "one", "--wait")
    again = daemon.cert("one")
    t.equal(again["status"], "active", "ordered again, it is active")
    t.ok(again["versions"][1]["revoked"] and not again["versions"][0]["revoked"], "the old version stays revoked")

    before = public_key_of_pem(daemon, "two")
    daemon.ctl("cert", "revoke", "two", "--by-key", "--reason", "keyCompromise", "--wait")
    t.equal((ca.status(serial["two"])["Status"], ca.status(serial["two"])["Reason"]), ("Revoked", 1), f"{name}: revoked by its own key")
    daemon.ctl("cert", "issue", "two", "--wait")
    t.ok(public_key_of_pem(daemon, "two") != before, "the next one has another key")

    done = daemon.run_ctl("cert", "revoke", "three", "--reason", "boredom")
    t.equal(done.returncode, 3, "a reason is one of the list")
    t.contains(done.stderr, b"keyCompromise", "which is named")
    t.equal(daemon.run_ctl("cert", "revoke", "three", "--version", "7").returncode, 3, "a version that is not there")
    every_version(t, name, site)
    imported(t, name, site)
    ca.end()
    daemon.ctl("cert", "revoke", "three")
    daemon.wait_for_cert("three", lambda c: c["versions"][0]["error"], "the CA cannot be reached")
    shown = daemon.cert("three")
    t.ok(not shown["versions"][0]["revoked"] and shown["status"] == "active", f"{name}: without the CA's word nothing is revoked")
    t.contains(str(daemon.ctl("status")["agenda"]), "revoke", "and it is tried again")
    site.end()


def every_version(t, name, site):
    """RevokeCertificateOrder (CentralNic): all versions of a certificate, not those that are revoked already."""
    daemon, ca = site.daemon, site.pebble
    daemon.add_cert("many", "many.example")
    for _ in range(2):
        daemon.ctl("cert", "issue", "many", "--wait")
    daemon.ctl("cert", "revoke", "many", "--version", "2", "--wait")
    before = {v["number"]: (v["serial"], v["revoked"]) for v in daemon.cert("many")["versions"]}
    for other in (("--version", "1"), ("--replace",)):
        t.equal(daemon.run_ctl("cert", "revoke", "many", "--all", *other).returncode, 3, f"all goes not with {other[0]}")
    done = daemon.ctl("cert", "revoke", "many", "--all", "--reason", "cessationOfOperation", "--wait")
    t.equal(done["numbers"], [3, 1], f"{name}: all versions that were left")
    shown = daemon.cert("many")
    t.equal([(ca.status(v["serial"])["Status"], bool(v["revoked"])) for v in shown["versions"]], [("Revoked", True)] * 3, "are revoked")
    t.equal((shown["status"], before[2][1]), ("revoked", shown["versions"][1]["revoked"]), "the one of before as it was")
    done = daemon.run_ctl("cert", "revoke", "many", "--all")
    t.ok(done.returncode == 7 and b"no version" in done.stderr, "then there is none left", done)
    t.equal(sum(e["action"] == "certificate.revoke" for e in events(daemon, "many")), 3, "the audit log has each")


def imported(t, name, site):
    """One that was not ordered here: who asks is said, or its key signs."""
    daemon, ca = site.daemon, site.pebble
    serial = {}
    for cert in ("by-account", "by-key"):
        made = daemon.add_cert("ours-" + cert, f"{cert}.example")
        bundle = daemon.download("certificate", "ours-" + cert, made["api_keys"][0], format="bundle").text
        serial[cert] = daemon.ctl("cert", "import", cert, "--file", t.write(cert + ".pem", bundle))["certificate"] and daemon.cert(cert)["versions"][0]["serial"]
    refused = daemon.run_ctl("cert", "revoke", "by-account", "--wait")
    t.ok(refused.returncode == 3 and b"imported: name an account at the CA" in refused.stderr, f"{name}: an imported one: an account has to be named", refused)
    t.equal(daemon.run_ctl("cert", "revoke", "by-account", "--account", "nosuch").returncode, 7, "one that there is")
    daemon.ctl("account", "add", "stranger", "--directory", "https://localhost:1/dir", "--agree-terms")
    refused = daemon.run_ctl("cert", "revoke", "by-account", "--account", "stranger")
    t.ok(refused.returncode == 7 and b"not registered" in refused.stderr, "and that is registered", refused)
    done = daemon.ctl("cert", "revoke", "by-account", "--account", "ca", "--reason", "cessationOfOperation", "--wait")
    t.equal((bool(done["revoked"]), ca.status(serial["by-account"])["Status"]), (True, "Revoked"), "it is revoked by that account")
    shown = daemon.cert("by-account")
    t.equal((shown["status"], shown["next_step"]), ("revoked", "Import a new version, or remove the certificate."), "and says what to do")
    done = daemon.ctl("cert", "revoke", "by-key", "--account", "ca", "--by-key", "--reason", "keyCompromise", "--wait")
    t.equal((bool(done["revoked"]), ca.status(serial["by-key"])["Status"], ca.status(serial["by-key"])["Reason"]), (True, "Revoked", 1),
        "or by its own key, at the CA of an account")


def public_key_of_pem(daemon, name):
    return daemon.leaf(name).public_key


def events(daemon, name):
    return daemon.ctl("events", "--object", name)["events"]


run(main)
