#!/usr/bin/env python3
"""kill -9 at random moments, on a slow disk, while certificates are added and ordered.

Nothing that was told is missing, no order is lost, and an order at the CA is abandoned only while its newOrder is under way:
its answer had arrived and was not durable, so that nothing was proved for it.  `make soak` has 200 kills.
"""
import os
import random
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

KILLS = int(os.environ.get("KILLS", "200" if os.environ.get("SOAK") else "12"))
NAMES = 3 * KILLS


READY = 16  # orders of an account that may be without a durable URL at a time


def proved(recorder):
    """The names of each order at the CA for which a challenge answer was told."""
    def path(url):
        return "/" + url.split("/", 3)[3]
    told = {seen.path for seen in recorder.of("challenge")}
    challenges = {seen.path: {path(c["url"]) for c in (seen.answer or {}).get("challenges", [])} for seen in recorder.of("authz")}
    return [seen.answer["identifiers"][0]["value"] for seen in recorder.of("neworder") if seen.status == 201 and
        any(challenges.get(path(url), set()) & told for url in seen.answer["authorizations"])]


class Customer:
    """Adds one certificate after another, and believes what it is told."""

    def __init__(self, daemon):
        self.daemon, self.told, self.over, self.number = daemon, [], False, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over and self.number < NAMES:
            name = f"n{self.number}"
            try:
                status, _ = self.daemon.api("POST", "/certificates", {"name": name, "names": [f"{name}.example"], "account": "ca"})
            except OSError:  # killed, before or after it was heard: it is asked again
                time.sleep(0.05)
                continue
            except Exception:  # cut off in the middle of the answer
                continue
            if status in (200, 201):  # now, or before it was killed
                self.told.append(name)
                self.number += 1
            time.sleep(random.random() / 4)


def main(t):
    disk, frontend = Disk(t), Frontend()
    daemon = frontend.daemon = Certerad(t, env=disk.env)
    recorder = Recorder(Pebble(t, frontend.port))
    daemon.add_account(recorder)
    seed = int(os.environ.get("SEED", time.time()))
    random.seed(seed)
    customer = Customer(daemon)
    missing, damaged = [], []
    for i in range(KILLS):
        disk.slow(random.choice((0.005, 0.02, 0.1)))
        time.sleep(random.random() * 1.2)
        told = list(customer.told)
        daemon.kill()
        daemon.begin()
        missing += set(told) - set(daemon.certs())
    t.equal(missing, [], f"after {KILLS} kills nothing is missing that was told (SEED={seed})")
    disk.slow(0)
    until("all are added", lambda: customer.number == NAMES, 60 + KILLS)
    daemon.wait_until("all are issued", lambda: {c["status"] for c in daemon.certs().values()} == {"active"}, 60 + 2 * KILLS)
    shown = daemon.certs()
    t.equal(len(shown), NAMES, "all are issued")
    t.equal([n for n, c in shown.items() if c["failures"]], [], "none failed")
    abandoned = len(recorder.orders()) - NAMES
    t.equal(sorted(proved(recorder)), sorted(f"{name}.example" for name in shown), "for each certificate one order was proved")
    t.ok(0 <= abandoned <= KILLS * READY, "other orders were abandoned while their newOrder was under way", abandoned)
    t.note(f"{abandoned} orders were abandoned in {KILLS} kills")
    t.equal(daemon.ctl("verify")["state"], "passed", "the store is as it was written")


run(main)
