#!/usr/bin/env python3
"""Authorizations are used again while the CA has them valid, and given up when a person says so (RFC 8555 section 7.5.2)."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, record=True, pebble={"authz_reuse": 100})
    daemon, recorder = site.daemon, site.recorder

    def challenges():
        return len(recorder.of("challenge"))

    def given_up(name):
        said = daemon.ctl("events", "--object", name)["events"]
        return [e["message"] for e in said if e["action"] == "certificate.relinquished"]

    daemon.add_cert("shop", "shop.example www.shop.example")
    before = challenges()
    daemon.ctl("cert", "issue", "shop", "--wait")
    t.equal(challenges(), before, "ordered again: the authorizations are still valid, nothing has to be proved")
    t.equal(len(daemon.cert("shop")["order"]["authorizations"]), 2, "the order tells which they are")

    trouble = [Drop]  # once
    recorder.before = lambda seen: drop(seen, trouble)
    daemon.ctl("cert", "relinquish", "shop")
    until("the first attempt is lost", lambda: not trouble)
    daemon.kill()
    daemon.begin()
    urls = set(u for s in recorder.of("neworder") if s.answer for u in s.answer["authorizations"])
    daemon.wait_until("all are given up", lambda: {m.split()[2] for m in given_up("shop")} == urls, 90)
    t.ok(True, "relinquish: each is given up, also after trouble on the way and a crash")
    states = {s.path: s.answer["status"] for s in recorder.of("authz") if s.payload == {"status": "deactivated"} and s.status == 200}
    t.equal(set(states.values()), {"deactivated"}, "the CA says so")
    t.equal(len(states), len(urls), "of all of them")
    t.equal(daemon.cert("shop")["status"], "active", "the certificate stays as it is")
    done = daemon.run_ctl("cert", "relinquish", "shop")
    t.equal(done.returncode, 7, "then there is nothing more to give up")

    before = challenges()
    daemon.ctl("cert", "issue", "shop", "--wait")
    t.equal((daemon.cert("shop")["failures"], challenges()), (0, before + 2), "the next order proves the names again")


def drop(seen, trouble):
    if seen.payload == {"status": "deactivated"} and trouble:
        raise trouble.pop()


run(main)
