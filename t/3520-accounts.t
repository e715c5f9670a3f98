#!/usr/bin/env python3
"""Accounts: external binding, an existing key, and sentences that help when the CA refuses."""
import re
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
    corrections(t, daemon, ca, key_file, own_key)
    removal(t, daemon)


def corrections(t, daemon, ca, key_file, own_key):
    """Whatever was wrong with one that is not registered is replaced, and the CA asked at once."""
    right = ["--directory", ca.directory, "--ca-file", ca.ca_file, "--agree-terms", "--eab-kid", "kid-1", "--eab-key-file", key_file]
    other = t.write("other.pem", openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    nobody = t.write("nobody", "AAAA")
    for what, wrong, mended in (
            ("terms", [o for o in right if o != "--agree-terms"], ["--agree-terms"]),
            ("roots", right[:2] + right[4:], ["--ca-file", ca.ca_file]),
            ("directory", ["--directory", ca.directory + "x", *right[2:]], ["--directory", ca.directory]),
            ("binding", right[:5], ["--eab-kid", "kid-1", "--eab-key-file", key_file]),
            ("mac", [*right[:-1], nobody], ["--eab-key-file", key_file]),
            ("key", [*right, "--existing", "--key-file", other], ["--key-file", own_key]),
            ("existing", [*right, "--existing", "--key-file", other], ["--no-existing"])):
        refused(t, daemon, ["account", "add", "--wait", what, *wrong], f"{what}: wrong")
        t.equal(daemon.ctl("account", "show", what)["state"], "failed", f"{what}: it has failed")
        done = daemon.run_ctl("account", "set", what, "--wait", *mended)
        t.ok(done.returncode == 0, f"{what}: corrected, it is registered at once", done.stderr)
        refused(t, daemon, ["account", "set", what, "--agree-terms"], f"{what}: then it is as the CA has it")
    first = daemon.ctl("account", "show", "first")["kid"]
    t.equal((daemon.ctl("account", "show", "key")["kid"] == first, daemon.ctl("account", "show", "existing")["kid"] == first), (True, False),
        "an account is found by the key that it got, or made with the one it had")

    refused(t, daemon, ["account", "add", "--wait", "twice", "--directory", ca.directory], "one that is wrong in every way")
    said = daemon.run_ctl("status").stdout.decode()
    t.ok("twice cannot be registered" in said and "account set twice" in said, "status says that it failed, and what to do", said)
    t.contains(daemon.run_ctl("health").stdout, b"! accounts", "health too")
    def health():
        return next((c["well"], int(re.search(r"new terms: (\d+) of", c["text"])[1])) for c in daemon.api("GET", "/health")[1]["checks"] if c["name"] == "accounts")
    well, failed = health()
    t.ok(not well, "and the API")
    t.equal(daemon.run_ctl("account", "add", "--wait", "twice", *right).returncode, 0, "adding it again corrects it, too")
    t.equal(health()[1], failed - 1, "then it counts no more")
    status, problem = daemon.api("POST", "/accounts", {"name": "twice", "directory": ca.directory + "x"})
    t.ok(status == 409 and '"directory"' in problem["detail"], "once it is registered, another one is in the way", problem)

    done = refused(t, daemon, ["account", "add", "typo", "--ca", "letsencypt"], "a CA that nobody knows by this name")
    t.ok(b"letsencrypt" in done.stderr and b"zerossl" in done.stderr, "the known ones are listed", done.stderr)
    done = refused(t, daemon, ["account", "add", "mac2", "--wait", *right[:-1], nobody], "a wrong MAC key")
    t.contains(done.stderr, b"key identifier", "is said to be one")


def removal(t, daemon):
    refused(t, daemon, ["cert", "rm", "none"], "no such certificate")
    daemon.ctl("cert", "add", "shop", "--names", "shop.example", "--account", "twice", "--no-issue")
    done = refused(t, daemon, ["account", "rm", "twice"], "what is ordered from stays")
    t.contains(done.stderr, b"shop", "and the certificate is named")
    daemon.ctl("cert", "rm", "shop")
    daemon.ctl("account", "deactivate", "twice", "--wait")
    for name in ("twice", "wrong", "bound"):
        daemon.ctl("account", "rm", name)
        t.equal((daemon.run_ctl("account", "show", name).returncode, daemon.run_ctl("key", "show", f"account-{name}").returncode), (6, 6),
            f"{name}: deactivated, failed or unused, it is removed with its key")
    t.equal(daemon.api("GET", "/events", object="twice")[1]["events"][0]["action"], "account.removed", "which the audit log knows")



def refused(t, daemon, argv, sentence):
    done = daemon.run_ctl(*argv)
    t.ok(done.returncode not in (0, 70), sentence, f"exit {done.returncode}: {done.stdout + done.stderr!r}")
    return done


run(main)
