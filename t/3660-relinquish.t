#!/usr/bin/env python3
"""Authorizations are used again while the CA has them valid, and given up when a person says so (RFC 8555 section 7.5.2)."""
import sys
import threading
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
    removed(t, site)
    canceled(t, site)


def canceled(t, site):
    """CancelCertificateOrder (CentralNic): while the order is under way, and before it has begun."""
    daemon, recorder = site.daemon, site.recorder
    go = threading.Event()
    recorder.seen.clear()
    recorder.before = lambda seen: go.wait(60) if seen.kind == "challenge" else None
    daemon.add_cert("off", "off.example", wait=False)
    daemon.wait_until("its order is under way", lambda: recorder.of("challenge"))
    path = "/.well-known/acme-challenge/" + recorder.token()
    t.ok("/certificates/off/cancel" in daemon.page("/certificates/off")[1], "the page of an order under way can cancel it")
    cert = daemon.ctl("cert", "cancel", "off")
    t.equal((cert["open_order"], cert["order"]["result"], cert["status"]), (0, "canceled", "pending"), "an order under way is canceled")
    t.equal(daemon.http(path).status, 404, "its answer is served no more")
    def actions():
        return [e["action"] for e in daemon.ctl("events", "--object", "off")["events"]]
    daemon.wait_until("its authorization is given up", lambda: "certificate.relinquished" in actions())
    t.ok({"order.cancel", "order.canceled"} <= set(actions()), "the audit log has both, the wish and its end", actions())
    t.equal([s.status for s in recorder.of("authz") if s.payload == {"status": "deactivated"}], [200], "at the CA")
    refused = daemon.run_ctl("cert", "cancel", "off")
    t.ok(refused.returncode == 7 and b"no order" in refused.stderr, "without an order there is nothing to cancel", refused)
    daemon.kill()
    daemon.begin()
    t.equal([r["kind"] for r in daemon.ctl("agenda")["agenda"] if r["name"] == "off" and r["kind"] in ("issue", "cancel")], [], "no other one follows by itself, nor after a crash")
    go.set()
    daemon.ctl("cert", "issue", "off", "--wait")
    t.equal((daemon.cert("off")["status"], daemon.cert("off")["order"]["number"]), ("active", 2), "but when it is asked for")
    too_late(t, site)


def too_late(t, site):
    """The CA has the request: it may issue what nobody uses, and that is said."""
    daemon, recorder = site.daemon, site.recorder
    go = threading.Event()
    recorder.seen.clear()
    recorder.before = lambda seen: go.wait(60) if seen.kind == "finalize" else None
    daemon.ctl("cert", "issue", "off")
    daemon.wait_until("the request is sent", lambda: recorder.of("finalize"))
    cert = daemon.ctl("cert", "cancel", "off")
    t.equal((cert["status"], cert["current"], cert["order"]["result"]), ("active", 1, "canceled"), "the version in force stays")
    said = [e["message"] for e in daemon.ctl("events", "--object", "off")["events"] if e["action"] == "order.canceled"]
    t.contains(said[0], "may still issue", "what the CA may do is said")
    go.set()


def removed(t, site):
    """A certificate is removed while its order is under way."""
    daemon, recorder = site.daemon, site.recorder
    go = threading.Event()
    recorder.seen.clear()
    recorder.before = lambda seen: go.wait(60) if seen.kind == "finalize" else None

    def actions(name):
        return {e["action"]: e for e in daemon.ctl("events", "--object", name)["events"]}

    def given_up():
        return [s for s in recorder.of("authz") if s.payload == {"status": "deactivated"}]
    daemon.add_cert("gone", "gone.example", wait=False)
    daemon.wait_until("its order is under way", lambda: recorder.of("finalize"))
    path = "/.well-known/acme-challenge/" + recorder.token()
    t.equal(daemon.http(path).status, 200, "while an order is under way, its answer is served")
    daemon.ctl("cert", "rm", "gone", "--yes")
    daemon.wait_until("the authorization is given up", lambda: "certificate.relinquished" in actions("gone"), 30)
    t.equal(daemon.http(path).status, 404, "its certificate is removed: the answer is served no more")
    t.equal([s.status for s in given_up()], [200], "what proved it is given up at the CA")
    happened = actions("gone")
    t.ok({"certificate.added", "certificate.removed", "order.stopped"} <= set(happened), "its events are found by its name", happened)
    t.equal({e["name"] for e in happened.values()}, {"gone"}, "which they all have")
    go.set()
    t.equal(daemon.ctl("cert", "add", "gone", "--names", "gone.example", "--account", "ca", "--key", "gone", "--wait")["certificate"]["current"], 1,
        "the name is free for another one")
    t.equal([s.status for s in recorder.of("certificate")], [200], "the order that was stopped got nowhere")
    left = [r["kind"] for r in daemon.ctl("status")["agenda"] if not r["name"]]
    t.equal({"issue", "check", "removed", "relinquish"} & set(left), set(), "nothing is left to do for the one that was removed")

    go.clear()
    recorder.seen.clear()
    daemon.add_cert("one", "both.example", wait=False)
    daemon.wait_until("its order is under way", lambda: recorder.of("finalize"))
    daemon.add_cert("two", "both.example", wait=False)
    daemon.wait_until("so is that of another", lambda: len(recorder.of("finalize")) == 2)
    daemon.ctl("cert", "rm", "one", "--yes")
    daemon.wait_until("it is dealt with", lambda: "certificate.not-relinquished" in actions("one"), 30)
    t.contains(actions("one")["certificate.not-relinquished"]["message"], "a different order needs it", "an authorization that another order needs is kept")
    go.set()
    daemon.wait_for_cert("two", lambda c: c["status"] == "active", "the other order goes on")
    t.equal(given_up(), [], "the CA was not asked to take it")


def drop(seen, trouble):
    if seen.payload == {"status": "deactivated"} and trouble:
        raise trouble.pop()


run(main)
