#!/usr/bin/env python3
"""Accounts: external binding, an existing key, and sentences that help when the CA refuses."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def main(t):
    site = Site(t, account=False, pebble={"eab": {"kid-1": MAC_KEY}})
    daemon, ca = site.daemon, site.pebble

    add = ["account", "add", "--directory", ca.directory, "--contact", "a@example.org", "--wait"]
    trusted = [*add, "--ca-file", ca.ca_file, "--agree-terms"]

    done = refused(t, daemon, [*trusted, "unbound"], "without a binding the CA refuses")
    t.contains(done.stdout + done.stderr, b"external account binding", "and we say what to get")
    done = refused(t, daemon, [*trusted, "wrong", "--eab-kid", "kid-1", "--eab-key-file", t.write("wrong", "AAAA")],
        "a wrong MAC key is refused")
    key_file = t.write("mac", MAC_KEY + "\n")
    account = daemon.ctl(*trusted, "bound", "--eab-kid", "kid-1", "--eab-key-file", key_file)
    t.equal(daemon.ctl("account", "show", "bound")["state"], "valid", "with the right one it is registered")
    t.lacks(str(account) + str(daemon.ctl("account", "show", "bound")), MAC_KEY, "the MAC key is not shown")

    done = refused(t, daemon, [*add, "stranger", "--agree-terms", "--eab-kid", "kid-1", "--eab-key-file", key_file],
        "a CA whose TLS certificate nobody knows is not talked to")
    t.contains((done.stdout + done.stderr).lower(), b"certificate", "and the certificate is said to be the reason")

    own_key = t.write("account.pem", openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    bound = [*trusted, "--eab-kid", "kid-1", "--eab-key-file", key_file, "--key-file", own_key]
    daemon.ctl(*bound, "first")
    daemon.ctl(*bound, "again")
    t.equal(daemon.ctl("account", "show", "again")["kid"], daemon.ctl("account", "show", "first")["kid"],
        "an account is found by its key")


def refused(t, daemon, argv, sentence):
    done = daemon.run_ctl(*argv)
    t.ok(done.returncode not in (0, 70), sentence, f"exit {done.returncode}: {done.stdout + done.stderr!r}")
    return done


run(main)
