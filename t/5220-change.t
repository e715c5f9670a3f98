#!/usr/bin/env python3
"""What a certificate is can be changed; with other names or another type of key it is ordered again."""
import sys
import time
from datetime import datetime
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY = 86400


def main(t):
    site = Site(t)
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example", reuse_key=True)
    first = daemon.leaf("shop")

    daemon.ctl("cert", "set", "shop", "--names", "shop.example www.shop.example", "--wait")
    second = daemon.leaf("shop")
    t.equal((daemon.cert("shop")["current"], second.names), (2, ["shop.example", "www.shop.example"]),
        "other names: it is ordered again")
    t.equal(second.public_key, first.public_key, "with the same key, as it is to be reused")

    daemon.ctl("cert", "set", "shop", "--key-type", "p384", "--wait")
    third = daemon.leaf("shop")
    t.ok(third.public_key != second.public_key, "another type of key: a new key all the same")
    t.equal((daemon.cert("shop")["current"], daemon.ctl("key", "show", "shop")["type"]), (3, "p384"), "of that type")

    shown = daemon.cert("shop")
    life = at(shown["not_after"]) - at(shown["not_before"])
    t.ok(abs(at(shown["not_after"]) - at(shown["renew_at"]) - life / 3) < life / 20, "renewed when a third is left", shown)
    daemon.ctl("cert", "set", "shop", "--renew-before", "20")
    shown = daemon.wait_for_cert("shop", lambda c: c["renew_at"] and at(c["not_after"]) - at(c["renew_at"]) <= 20 * DAY,
        "its renewal is planned anew")
    t.ok(at(shown["not_after"]) - at(shown["renew_at"]) >= 18 * DAY, "twenty days before its end, when set so", shown)
    t.equal(shown["current"], 3, "that alone orders nothing")

    daemon.ctl("cert", "set", "shop", "--disable")
    t.equal(daemon.cert("shop")["status"], "disabled", "it can be switched off")
    done = daemon.run_ctl("cert", "issue", "shop")
    t.ok(done.returncode and b"disabled" in done.stderr, "and is not ordered then", done.stderr)
    daemon.ctl("cert", "set", "shop", "--enable")
    shown = daemon.wait_for_cert("shop", lambda c: c["status"] == "active" and c["renew_at"], "it is on again")
    due = [a for a in daemon.ctl("status")["agenda"] if a["kind"] == "issue"]
    t.equal([a["due"] for a in due], [shown["renew_at"]], "its renewal is on the agenda again")

    for options, words in (
            (["--names", "*.shop.example", "--challenge", "http-01"], "dns-01"), ([], "nothing"),
            (["--key-type", "rsa1024"], "rsa1024"), (["--fallback", "nobody"], "no account"), (["--fallback", "ca"], "already"),
            (["--renew-before", "soon"], "number of days"), (["--preflight", "maybe"], "on or off")):
        done = daemon.run_ctl("cert", "set", "shop", *options)
        t.ok(done.returncode and words in done.stderr.decode(), f"refused: {' '.join(options) or 'no change'}", done.stderr)
    t.equal(daemon.cert("shop")["current"], 3, "none of these changed anything")

    daemon.ctl("cert", "set", "shop", "--key-type", "rsa4096")  # which takes a while to make
    time.sleep(0.2)
    daemon.ctl("cert", "set", "shop", "--note", "meanwhile")
    shown = daemon.wait_for_cert("shop", lambda c: c["current"] == 4, "it has the key")
    t.equal((shown["note"], daemon.ctl("key", "show", "shop")["type"]), ("meanwhile", "rsa4096"),
        "what is changed while its new key is made, stays changed")


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


run(main)
