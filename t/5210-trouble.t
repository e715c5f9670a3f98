#!/usr/bin/env python3
"""Trouble that all certificates of an account share is met by one of them, said once, and over for all at once."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 6


def main(t):
    site = Site(t, record=True, renewal={"fallback_after": 1})
    daemon, recorder = site.daemon, site.recorder
    other = Pebble(t, site.nginx.port, names=site.pebble.names, name="other")
    daemon.add_account(other, "other")

    def refuse(seen):
        if seen.kind == "neworder":
            raise Refuse(403, {"type": "urn:ietf:params:acme:error:userActionRequired", "status": 403,
                "detail": "the terms have changed", "instance": "https://ca.example/terms"})
    recorder.before = refuse
    names = [f"c{i}" for i in range(COUNT)]
    for name in names:
        daemon.add_cert(name, f"{name}.example", wait=False)
    daemon.wait_until("all know that they wait", lambda: all(c["waits_for"] for c in daemon.certs().values()), 30)
    t.equal(len(recorder.of("neworder")), 1, "one order met it; the others were not sent")
    shown = daemon.certs()
    t.equal(sorted(c["failures"] for c in shown.values()), [0] * (COUNT - 1) + [1], "one certificate failed, the others wait")
    account = daemon.ctl("account", "show", "ca")
    t.contains(str(account["trouble"]), "https://ca.example/terms", "the account tells the trouble, in the CA's words")
    t.ok(account["held_until"] and account["troubles"] == 1, "and until when it is left alone", account)
    waiting = next(c for c in shown.values() if not c["failures"])
    t.contains(waiting["waits_for"], "the account ca", "the others point to it")
    t.equal(waiting["retry_at"], account["held_until"], "with the time")
    t.equal(len(events(daemon, "account.trouble")), 1, "one event tells of it")

    daemon.kill()
    daemon.begin()
    t.equal(daemon.ctl("account", "show", "ca")["held_until"], account["held_until"], "a restart changes nothing of that")

    daemon.ctl("cert", "set", "c1", "--fallback", "other")
    daemon.ctl("cert", "issue", "c1", "--wait")
    shown = daemon.cert("c1")
    t.equal((shown["status"], shown["fallback"], other.orders()), ("active", "other", 1),
        "a certificate with a fallback account is ordered there meanwhile")
    t.equal(len(recorder.of("neworder")), 1, "without bothering the first again")

    recorder.before = lambda seen: None
    daemon.ctl("cert", "issue", "c2", "--wait")
    t.equal(daemon.cert("c2")["status"], "active", "a person may try before the time")
    daemon.wait_until("all are issued", lambda: {c["status"] for c in daemon.certs().values()} == {"active"}, 30)
    t.ok(True, "when that went well, all the others follow at once")
    account = daemon.ctl("account", "show", "ca")
    t.equal((account["troubles"], account["trouble"], account["held_until"]), (0, None, None), "the trouble is over")
    t.equal(len(events(daemon, "account.works")), 1, "which an event tells")


def events(daemon, action):
    return [e for e in daemon.ctl("events", "--limit", "200")["events"] if e["action"] == action]


run(main)
