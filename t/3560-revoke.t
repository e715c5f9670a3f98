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
    ca.end()
    daemon.ctl("cert", "revoke", "three")
    daemon.wait_for_cert("three", lambda c: c["versions"][0]["error"], "the CA cannot be reached")
    shown = daemon.cert("three")
    t.ok(not shown["versions"][0]["revoked"] and shown["status"] == "active", f"{name}: without the CA's word nothing is revoked")
    t.contains(str(daemon.ctl("status")["agenda"]), "revoke", "and it is tried again")
    site.end()


def public_key_of_pem(daemon, name):
    return daemon.leaf(name).public_key


def events(daemon, name):
    return daemon.ctl("events", "--object", name)["events"]


run(main)
