#!/usr/bin/env python3
"""kill -9 at every step of an order; each time it is taken up where it stood.

Two ways, which together see every moment that can make a difference:
  - at every request of an order: right before the CA hears of it (all that was saved has become durable meanwhile), and
    right after its answer is sent (it has not);
  - at every batch of the commit queue: right before it (what was answered since the last one is not known any more), and
    right after it.
The steps are those of acme/order.def: at the end each must have been one at which an order was taken up; but for the
making of the request, which asks the CA nothing.

Each time: the order ends well, the CA made one (two only if the kill fell between sending newOrder and saving the
order's URL), the key in force is the one in the certificate, also before the order has ended.
"""
import os
import re
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

with open(os.path.join(TOP, "acme", "order.def")) as table:
    STEPS = re.findall(r"^STEP\((\w+),", table.read(), re.M)
# What each step asks the CA for; None: nothing.
REQUESTS = {"neworder": "neworder", "authz": "authz", "publish": None, "answer": "challenge", "validate": "authz",
    "csr": None, "finalize": "finalize", "issue": "order", "download": "certificate"}
BEFORE, AFTER = 0, 1
DURABLE = 1.2  # seconds after which a save that nobody waits for is durable
MOST = 6  # batches of a renewal


class Victim:
    """A daemon with a CA, and one certificate after another for it to be killed over."""

    def __init__(self, t, number, library):
        self.disk = Disk(t, f"disk{number}") if library else None
        frontend = Frontend()
        self.daemon = frontend.daemon = Certerad(t, name=f"certerad{number}", env=self.disk.env if library else {})
        self.recorder = Recorder(Pebble(t, frontend.port, name=f"pebble{number}"))
        self.daemon.add_account(self.recorder)
        self.steps, self.missed = set(), []

    def arm(self, at, side):
        if self.disk:
            self.disk.kill_at(at, side)

    def orders(self, name):
        return self.recorder.orders().count([f"{name}.example"])

    def ready(self, name):
        """A certificate that is issued already: what is killed is its renewal, with a new key."""
        self.recorder.before = self.recorder.after = lambda seen: None  # the last trap may not have caught anything
        self.keys = self.daemon.add_cert(name, f"{name}.example")
        self.first = self.orders(name)

    def renew(self, name):
        self.heard = self.daemon.run_ctl("cert", "issue", name).returncode == 0

    def died(self):
        until("it is killed", lambda: not self.daemon.running(), 30)
        self.recorder.before = self.recorder.after = lambda seen: None
        self.arm(0, 0)

    def died_or_done(self, name):
        """Of the last saves, some are not always made, as what makes them goes on by itself."""
        done = []  # since when

        def ended():
            if not self.daemon.running():
                return True
            try:
                done.append(time.monotonic() if self.daemon.cert(name)["current"] == 2 else None)
            except CtlError:  # killed meanwhile
                return False
            first = next((at for at in done if at), None)
            return first and time.monotonic() > first + 3 * PATIENCE
        until("it is killed, or done", ended, 30)
        if self.daemon.running():
            self.arm(0, 0)
            return False
        self.died()
        return True

    def recover(self, t, name, sentence):
        daemon, sent = self.daemon, self.orders(name) - self.first
        mark = len(daemon.log())
        daemon.begin()
        t.ok(self.key_fits(name), f"{sentence}: key and certificate fit at once")
        if not self.heard and daemon.cert(name)["orders"] == 1:  # whoever asked was told that it is not known whether it was heard
            self.renew(name)
        shown = daemon.wait_for_cert(name, lambda c: (c["current"] == 2 and not c["open_order"]) or c["failures"], "it ends", 30)
        t.equal((shown["status"], shown["failures"]), ("active", 0), f"{sentence}: issued after the restart")
        step = re.search(rb"taking up its order at: (.*)\n", daemon.log()[mark:])
        step = step.group(1).decode() if step else ""
        self.steps.add(step)
        unknown = sent and step in ("", "the beginning", "neworder")
        t.ok(self.orders(name) - self.first <= (2 if unknown else 1), f"{sentence}: no order too many",
            f"{self.orders(name) - self.first}, taken up at \"{step}\"")
        t.ok(self.key_fits(name), f"{sentence}: the new key is the new certificate's")

    def key_fits(self, name):
        """Asked for twice: a new version may come into force between the one and the other."""
        return self._key_fits(name) or self._key_fits(name)

    def _key_fits(self, name):
        chain = self.daemon.download("certificate", name, self.keys["api_keys"][0])
        key = self.daemon.download("key", name, self.keys["key_api_keys"][0])
        return chain.status == key.status == 200 and public_key_of_key(key.text) == Certificate(chain.text).public_key


def at_request(t, victim, step, kind, nth, side):
    """A CA that is quick may be asked less often than usual: then once more."""
    for attempt in range(5):
        if kill_at_request(t, victim, f"{step}-{side}-{attempt}", step, kind, nth, side):
            return
    t.ok(False, f"killed {side} the request of {step}", "it was done before")


def kill_at_request(t, victim, name, step, kind, nth, side):
    victim.ready(name)
    seen_so_far = []

    def trap(seen):
        if seen.kind == kind:
            seen_so_far.append(seen)
        if len(seen_so_far) == nth and seen is seen_so_far[-1]:
            if side == "before":
                time.sleep(DURABLE)
            victim.daemon.kill()
        if len(seen_so_far) >= nth:
            raise Drop
    setattr(victim.recorder, side, trap)
    victim.renew(name)
    if not victim.died_or_done(name):
        return False
    victim.recover(t, name, f"killed {side} the request of {step}")
    return True


def at_save(t, victim, number, side):
    name = f"save-{number}-{side}"
    victim.ready(name)
    victim.arm(number, side)
    victim.renew(name)
    if not victim.died_or_done(name):
        victim.missed.append((number, side))
        return
    victim.recover(t, name, f"killed {'after' if side else 'before'} save {number}")


def requests():
    """(step, kind, how many of this kind came before it and this one, side)"""
    for step in STEPS:
        if REQUESTS[step]:
            nth = sum(REQUESTS[s] == REQUESTS[step] for s in STEPS[:STEPS.index(step) + 1])
            yield from ((step, REQUESTS[step], nth, side) for side in ("before", "after"))


def count_saves(victim):
    victim.ready("count")
    victim.arm(0, 0)
    victim.renew("count")
    victim.daemon.wait_for_cert("count", lambda c: c["current"] == 2)
    return victim.disk.syncs()


def can_kill(t):
    """A sanitizer must be loaded before anything else."""
    try:
        return Disk(t)
    except Skip:
        return None


def main(t):
    t.equal(sorted(REQUESTS), sorted(STEPS), "the test knows every step of order.def")
    library = can_kill(t)
    victims = [Victim(t, i, library) for i in range(3)]
    jobs = [(at_request, *args) for args in requests()]
    saves = count_saves(victims[0]) if library else 0
    t.ok(3 <= saves <= MOST or not library, f"{saves} batches in all")
    jobs += [(at_save, number, side) for number in range(1, saves + 1) for side in (BEFORE, AFTER)]

    errors = []

    def work(victim):
        try:
            while jobs and not errors:
                job, *args = jobs.pop()
                job(t, victim, *args)
        except Exception as e:
            errors.append(e)
    threads = [threading.Thread(target=work, args=(v,)) for v in victims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    if library:
        missed = sum((v.missed for v in victims), [])
        t.ok(all(number > 3 for number, _ in missed), "it was killed at the batches there are", missed)
        taken_up = set.union(*(v.steps for v in victims))
        t.equal(sorted(set(STEPS) - taken_up - {"csr"}), [], "orders were taken up at every step")
    else:
        t.skip("at every save", "a sanitizer must be loaded first")


run(main)
