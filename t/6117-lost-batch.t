#!/usr/bin/env python3
"""A disk that fails at a batch: what was not durable is taken back, told to who waits for it, and done again.

The same as after kill -9, but nobody has to start anything: answers that waited become errors, reading goes on, the engine
begins anew from the store, and as soon as the disk takes something again, all is as if nothing had been.
"""
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

HELD = ["neworder", "challenge", "finalize"]  # requests of an order during which the disk fails


def main(t):
    disk = Disk(t)
    site = Site(t, record=True, server={"threads": 1}, env=disk.env)
    daemon, recorder = site.daemon, site.recorder
    token = daemon.ctl("token", "add", "reader", "--role", "viewer")["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    add_user(daemon, "olga", "operator")
    person = Person(daemon)
    person.sign_in("olga")
    waits_in_vain(t, disk, daemon, person, bearer)
    told_is_durable(t, disk, site, person)
    scans_are_lost(t, disk, daemon)
    for kind in HELD:
        fails_during(t, disk, site, kind, bearer)
    t.equal({kind: recorder.orders().count([f"{kind}.example"]) for kind in HELD}, {"neworder": 2, "challenge": 1, "finalize": 1},
        "only the order of which the CA's answer was lost was made twice")
    t.equal(daemon.ctl("verify")["state"], "passed", "and the store is as it was written")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def waits_in_vain(t, disk, daemon, person, bearer):
    """Two requests, of which the second builds on the first."""
    refused = []

    def add(name):
        try:
            daemon.ctl("site", "add", name)
        except CtlError as e:
            refused.append((name, e.code))
    disk.slow(0.7)
    adding = [threading.Thread(target=add, args=(name,)) for name in ("one.example", "two.example")]
    adding[0].start()
    time.sleep(0.2)
    disk.breaks()
    adding[1].start()
    [thread.join() for thread in adding]
    t.equal(sorted(refused), [("one.example", 10), ("two.example", 10)], "who waited is told that it is lost, also in the next batch")
    t.equal(daemon.https("/api/v1/certificates", headers=bearer).status, 200, "reading goes on")
    t.equal(daemon.run_ctl("site", "add", "three.example").returncode, 10, "writing is refused")
    person("POST", "/sites", {"sites": "three.example"})
    t.equal((person.answer.status, person.answer.header("Retry-After")), (503, "5"), "which is 503, and says when to ask again")
    answer = person.form("/sites", "/sites", sites="three.example")
    t.equal((answer.status, answer.header("Retry-After")), (503, "5"), "on pages, too")
    disk.breaks(False)
    disk.slow(0)
    until("it takes something again", lambda: daemon.run_ctl("site", "add", "four.example").returncode == 0)
    t.equal([s["name"] for s in daemon.ctl("site", "list")["sites"]], ["four.example"], "what was refused is not there")


def told_is_durable(t, disk, site, person):
    """A front thread that waits for a request of its own answers challenges with what is durable, as before."""
    daemon, recorder = site.daemon, site.recorder

    def stop_disk(seen):
        if seen.kind == "authz":
            disk.hold()
    recorder.after = stop_disk
    daemon.add_cert("shown", "shown.example", wait=False)
    until("its answer is being written", lambda: disk.holds() and recorder.token())
    recorder.after = lambda seen: None
    asking = threading.Thread(target=lambda: person("POST", "/sites", {"sites": "asked.example"}), daemon=True)
    asking.start()
    time.sleep(0.3)  # it may come too late, then this proves less
    answer = daemon.http("/.well-known/acme-challenge/" + recorder.token())
    t.equal((answer.status, disk.holds()), (404, 1), "a challenge is not answered before that is durable")
    disk.hold(False)
    asking.join()
    t.equal(person.answer.status, 201, "the request is answered then")
    daemon.wait_for_cert("shown", lambda c: c["status"] == "active", seconds=60)


def scans_are_lost(t, disk, daemon):
    """Results that wait to be written when a batch is lost: the engine forgets them, and scans again."""
    sites = [f"127.0.0.1:{n}" for n in range(1, 41)]  # nobody listens there
    daemon.api("POST", "/sites", {"sites": "\n".join(sites)})

    def scanned():
        return [s["scanned"] for s in daemon.ctl("site", "list")["sites"] if s["name"] in sites]
    daemon.wait_until("all are scanned", lambda: all(scanned()), 60)
    for milliseconds in (5, 15, 30, 45):
        disk.slow(milliseconds / 1000)
        disk.breaks()
        t.equal(daemon.api("POST", "/sites/all/scan", {})[0], 503, f"scans of all are lost after {milliseconds} ms")
        disk.breaks(False)
        until("it takes something again", lambda: daemon.api("POST", "/sites/all/scan", {})[0] == 202)
    disk.slow(0)
    t.ok(daemon.running() and len(scanned()) == len(sites), "and the engine goes on")


def fails_during(t, disk, site, kind, bearer):
    """While the CA holds the answer; the engine's own changes are lost with it."""
    daemon, recorder = site.daemon, site.recorder
    held, go, name = threading.Event(), threading.Event(), f"{kind}.example"

    def hold(seen):
        if seen.kind == kind and not go.is_set():
            held.set()
            go.wait(30)
    recorder.after = hold
    mark = len(daemon.log())
    daemon.add_cert(kind, name, wait=False)
    held.wait(30)
    disk.breaks()
    go.set()
    daemon.wait_until("the engine begins anew", lambda: b"work restarts from the store" in daemon.log()[mark:])
    t.equal(daemon.https("/api/v1/certificates", headers=bearer).status, 200, f"{kind}: reading goes on")
    disk.breaks(False)
    recorder.after = lambda seen: None
    daemon.wait_for_cert(kind, lambda c: c["status"] == "active", seconds=60)
    t.ok(daemon.cert(kind)["failures"] == 0, f"{kind}: it is issued, and nobody failed")


run(main)
