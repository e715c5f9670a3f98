#!/usr/bin/env python3
"""dns-account-01, where the CA offers it: a TXT record for each account, so several clients prove the same name."""
import base64
import hashlib
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def label_of(account_url):
    """draft-ietf-acme-dns-account-label, section 3.2."""
    digest = hashlib.sha256(account_url.encode()).digest()[:10]
    return f"_{base64.b32encode(digest).decode().lower()}._acme-challenge"


def main(t):
    bind = Bind(t, {"shop.example": [], "hand.example": [], "other.example": ["_acme-challenge CNAME elsewhere.example."]})
    hooks = Hooks(t)
    hooks.add("nsupdate")
    site = dns_site(t, bind, hooks, pebble={"binary": pebble_new()})
    daemon = site.daemon
    record = label_of(daemon.ctl("account", "show", "ca")["kid"])

    daemon.add_cert("shop", "shop.example *.shop.example", challenge="dns-account-01")
    shown = daemon.cert("shop")
    t.equal((shown["status"], daemon.leaf("shop").names), ("active", ["*.shop.example", "shop.example"]),
        "wildcard and base: issued")
    t.contains("\n".join(shown["order"]["log"]), f"setting {record}.shop.example by nsupdate", "by a record of this account")
    until("its records are removed", lambda: not bind.all_txt("shop.example"))
    daemon.add_cert("other", "other.example", challenge="dns-account-01")
    t.equal(daemon.cert("other")["status"], "active", "where _acme-challenge is somebody else's, it is not in the way")

    daemon.add_cert("hand", "hand.example", challenge="dns-account-01", by_hand=True)
    todo = daemon.cert("hand")["order"]["todo"]
    t.equal([x["record"] for x in todo], [f"{record}.hand.example"], "by hand: a person is told of that record")
    bind.update("zone hand.example.", *[f'update add {x["record"]}. 1 TXT "{x["value"]}"' for x in todo])
    daemon.ctl("cert", "verify", "hand", "--wait")
    t.equal(daemon.cert("hand")["status"], "active", "and when it is there, the certificate is issued")
    not_offered(t, daemon, Pebble(t, site.nginx.port, names=bind, name="pebble-old"))
    done = daemon.run_ctl("cert", "add", "odd", "--names", "odd.example", "--account", "ca", "--challenge", "dns-02")
    t.contains(done.stderr, b"dns-account-01", "another type is refused, and those there are named")


def not_offered(t, daemon, old):
    daemon.add_account(old, "old")
    done = daemon.run_ctl("cert", "add", "old", "--names", "shop.example", "--account", "old", "--challenge", "dns-account-01",
        "--wait")
    t.ok(done.returncode, "a CA that does not offer it")
    t.contains(done.stderr, b"does not offer dns-account-01 for this name, only: ", "is understood, and what it offers is said")


run(main)
