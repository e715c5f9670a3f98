#!/usr/bin/env python3
"""A disk that does not answer: who waits for it are those who write, and nobody else.

While a sync lasts (here: until the test lets it go) challenge answers, pages and downloads are answered by the front's loops,
and their timers end what is too slow; the engine's loop works on orders as far as nothing is told that is not kept.  Orders
beside each other share their waits, and what was told is there after a kill -9.
"""
import socket
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

MANY = 6
ROUNDS = 20


def add_in_thread(daemon, name):
    """What it was told arrives in the list."""
    told = []
    thread = threading.Thread(target=lambda: told.append(daemon.api("POST", "/certificates",
        {"name": name, "names": [f"{name}.example"], "account": "ca"})[0]), daemon=True)
    thread.start()
    return told, thread


def fronts_go_on(t, site, disk, keys, bearer):
    daemon = site.daemon
    slow = socket.create_connection(("127.0.0.1", daemon.http_port))
    slow.sendall(b"GET / HTTP/1.1\r\n")
    disk.hold()
    told, thread = add_in_thread(daemon, "alone")
    until("the batch is on its way", disk.holds)
    answers = {
        "challenge answers": (lambda: daemon.http("/.well-known/acme-challenge/nothing"), 404),
        "lists": (lambda: daemon.https("/api/v1/certificates", headers=bearer), 200),
        "pages": (lambda: daemon.https("/sign-in"), 200),
        "downloads": (lambda: daemon.download("certificate", "first", keys["api_keys"][0]), 200),
    }
    for what, (ask, expected) in answers.items():
        t.equal([ask().status for _ in range(ROUNDS)], [expected] * ROUNDS, f"{what} go on")
    slow.settimeout(120 * PATIENCE)
    t.ok(b"408" in slow.recv(100), "the front's timers go on: a request that does not come is given up")
    slow.close()
    t.equal((told, disk.holds()), ([], 1), "who writes is not answered before it is durable")
    daemon.wait_for_log("takes longer than 5 seconds: orders and changes wait for the disk")
    t.equal(site.recorder.orders().count(["alone.example"]), 0, "nor does the CA hear of it")
    disk.hold(False)
    thread.join()
    t.equal(told, [201], "but then")
    said = [line for line in daemon.log().splitlines() if b" seconds: orders and changes wait" in line or b"is written: that took" in line]
    t.ok(len(said) == 2 and all(b" warn " in line for line in said), "the log warns, once, and says when it is over", said)
    daemon.wait_for_cert("alone", lambda c: c["status"] == "active")


def engine_goes_on(t, site, disk):
    """The CA was told that the answers are ready when the disk stops: what it found is asked again and again."""
    daemon, recorder = site.daemon, site.recorder
    asked = []

    def not_yet(seen):
        if seen.kind == "challenge":
            disk.hold()
        if seen.kind == "authz" and disk.held:
            asked.append(seen)
            raise Refuse(503, {"type": "urn:ietf:params:acme:error:serverInternal", "status": 503, "detail": "busy"}, Retry_After=1)
    recorder.before = not_yet
    daemon.add_cert("polled", "polled.example", wait=False)
    until("the CA is asked again and again", lambda: len(asked) > 2, 60)
    told, thread = add_in_thread(daemon, "meanwhile")
    until("a batch is on its way", disk.holds)
    before = len(asked)
    until("the engine's timers go on", lambda: len(asked) > before + 1, 60)
    t.ok(disk.holds() and not told, "the engine's loop and its timers go on while a sync lasts")
    recorder.before = lambda seen: None
    disk.hold(False)
    thread.join()
    for name in ("polled", "meanwhile"):
        daemon.wait_for_cert(name, lambda c: c["status"] == "active", seconds=60)


def waits_are_shared(t, site, disk):
    daemon = site.daemon

    def syncs_of(*names):
        before = disk.syncs()
        adding = [add_in_thread(daemon, name)[1] for name in names]
        [thread.join() for thread in adding]
        for name in names:
            daemon.wait_for_cert(name, lambda c: c["status"] == "active", seconds=120)
        return disk.syncs() - before
    disk.slow(0.2)
    one = syncs_of("one")
    many = syncs_of(*(f"many{i}" for i in range(MANY)))
    t.ok(many < MANY * one, f"{MANY} orders beside each other share their waits", (many, one))


def main(t):
    disk = Disk(t)
    site = Site(t, record=True, server={"threads": 2}, env=disk.env)
    daemon = site.daemon
    keys = daemon.add_cert("first", "first.example")
    token = daemon.ctl("token", "add", "reader", "--role", "viewer")["token"]

    fronts_go_on(t, site, disk, keys, {"Authorization": f"Bearer {token}"})
    engine_goes_on(t, site, disk)
    waits_are_shared(t, site, disk)

    daemon.add_cert("told", "told.example", wait=False)
    daemon.kill()
    disk.slow(0)
    daemon.begin()
    t.ok("told" in daemon.certs(), "what was told is there after a kill")
    daemon.wait_for_cert("told", lambda c: c["status"] == "active")
    t.ok(site.recorder.orders().count(["told.example"]) <= 2, "and is ordered, with at most one order abandoned")


run(main)
