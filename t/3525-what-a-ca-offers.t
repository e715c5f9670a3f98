#!/usr/bin/env python3
"""GetCertificateInfo: what a CA account offers, from its directory and from what its orders have shown."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PROFILES = {"classic": {"description": "ninety days", "validityPeriod": 7776000}, "shortlived": {"description": "six days", "validityPeriod": 518400}}


def main(t):
    for number, (name, binary) in enumerate(pebbles()):
        site = Site(t, suffix=str(number), pebble={"binary": binary, **({"profiles": PROFILES} if binary else {})})
        offers(t, name, site, bool(binary))
        site.end()


def offered(daemon):
    return daemon.ctl("account", "show", "ca")["offers"]


def offers(t, name, site, profiles):
    daemon = site.daemon
    before = offered(daemon)
    t.ok(before["read"] and before["eab"] is False, f"{name}: the directory is read at the registration", before)
    t.equal((before["challenges"], before["wildcard"], before["ip"], before["validity_days"], before["key_types"]), ([], None, None, None, []),
        "what no order has shown is not known")
    if profiles:
        t.equal(sorted(before["profiles"]), ["classic: ninety days", "shortlived: six days"], "its profiles, with their texts")
    page = daemon.page("/accounts/ca")[1]
    t.ok("What the CA offers" in page and "not seen yet: no order so far" in page, "the page says so")
    daemon.add_cert("shop", "shop.example")
    seen = offered(daemon)
    t.ok("http-01" in seen["challenges"] and "dns-01" in seen["challenges"], "an order shows the challenge types", seen)
    t.ok(seen["validity_days"] > 0 and len(seen["key_types"]) == 1, "the validity, and the kind of key", seen)
    daemon.add_cert("address", "127.0.0.1", key_type="rsa2048")
    seen = offered(daemon)
    t.equal((seen["ip"], len(seen["key_types"])), (True, 2), "an address, and a different key")
    if seen["ari"]:
        daemon.wait_until("the CA suggests a window", lambda: offered(daemon)["window_to"])
        seen = offered(daemon)
        t.ok(0 < seen["window_from"] < seen["window_to"] <= 100, "when it suggests to renew", seen)
    shown = daemon.run_ctl("account", "show", "ca").stdout
    t.ok(b"What the CA offers" in shown and b"http-01" in shown, "people at a command line see the same", shown)
    page = daemon.page("/accounts/ca")[1]
    t.contains(page, '<span class="tag">http-01</span>', "and on the page")


run(main)
