#!/usr/bin/env python3
"""dns-account-01: each account proves a name by a record of its own, so one name can be delegated to several."""
import base64
import hashlib
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def label(url):
    """draft-ietf-acme-dns-account-label"""
    return "_" + base64.b32encode(hashlib.sha256(url.encode()).digest()[:10]).decode().lower()


def main(t):
    bind = Bind(t, {"shop.example": [], "alias.example": []})
    hooks = Hooks(t)
    hooks.add("nsupdate")
    daemon = dns_site(t, bind, hooks, pebble={"binary": pebble_new()}).daemon
    ours = label(daemon.ctl("account", "show", "ca")["kid"]) + "._acme-challenge"

    daemon.add_cert("shop", "shop.example *.shop.example", challenge="dns-account-01")
    shown = daemon.cert("shop")
    log = "\n".join(shown["order"]["log"])
    t.equal(shown["status"], "active", "wildcard and base: issued")
    t.contains(log, f"setting {ours}.shop.example by nsupdate", "by the record of this account")
    t.lacks(log, "setting _acme-challenge.", "not by the one that all accounts share")
    until("its records are removed", lambda: not bind.all_txt("shop.example"))
    t.ok(True, "both values are removed afterwards")

    bind.update(f"update add {ours}.www.shop.example. 1 CNAME www.alias.example.")
    daemon.add_cert("www", "www.shop.example", challenge_for="www.shop.example=dns-account-01")
    t.contains("\n".join(daemon.cert("www")["order"]["log"]), "setting www.alias.example by nsupdate",
        "delegated by CNAME for this account alone: the record is set in the other zone")
    t.equal(daemon.cert("www")["status"], "active", "and the certificate issued")

    daemon.add_cert("hand", "hand.shop.example", challenge="dns-account-01", by_hand=True)
    t.equal(daemon.cert("hand")["order"]["todo"][0]["record"], f"{ours}.hand.shop.example", "by hand: the record to publish is shown")
    done = daemon.run_ctl("hook", "test", "shop")
    t.equal(done.returncode, 0, "hook test passes")
    t.contains(done.stdout.decode(), f"setting {ours}.shop.example", "with the record that the certificate needs")



run(main)
