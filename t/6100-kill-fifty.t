#!/usr/bin/env python3
"""kill -9 in the middle of fifty orders: all end issued, and no order that was open is made a second time.

How orders are counted: certerad reaches Pebble through a recording proxy, which knows the names of every
new-order request and the CA's answer to it.  Before the kill, new-order requests are held back from Pebble,
and those it had answered get a moment to be saved; so at the kill none is half made, and whatever has an
order at the CA must never have a second one.  Pebble's own log ("Added order") must show the same number.
While certerad is down nginx is stopped too: a CA that looked just then would end the order by itself.
"""
import signal
import sys
import threading
import time
from collections import Counter
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 50


def main(t):
    site = Site(t, record=True, pebble={"nonce_reject": 15, "authz_reuse": 50, "sleep": 5}, acme={"orders_at_once": 30})
    daemon, recorder = site.daemon, site.recorder
    wanted = {f"cert{i:02}": sorted(f"n{n}.c{i}.example" for n in range(1 + i % 5)) for i in range(COUNT)}
    for name, names in wanted.items():
        daemon.add_cert(name, names, wait=False)

    daemon.wait_until("some are issued, some under way", lambda: site.pebble.issued() >= 8, 120)
    kill(t, site)
    before = recorder.orders()
    issued = site.pebble.issued()
    t.ok(before and issued < COUNT, f"killed with {len(before)} orders made, {issued} issued")

    daemon.begin()
    site.nginx.signal(signal.SIGCONT)
    daemon.wait_until("all are active", lambda: {c["status"] for c in daemon.certs().values()} == {"active"}, 180)
    shown = daemon.certs()
    t.equal({n: sorted(c["names"]) for n, c in shown.items()}, wanted, "all fifty are issued, with their names")
    t.equal({n: c["orders"] for n, c in shown.items() if c["orders"] != 1}, {}, "none needed a second attempt")

    twice = {names: n for names, n in Counter(map(tuple, recorder.orders())).items() if n > 1}
    t.equal(twice, {}, "none was ordered twice")
    t.equal(sorted(recorder.orders()), sorted(wanted.values()), "each was ordered once")
    t.equal(site.pebble.orders(), COUNT, "the CA's log counts the same")
    t.equal({n: daemon.leaf(n).names for n in wanted}, wanted, "and what it signed has these names")


def kill(t, site):
    """kill -9 while no new order is on its way."""
    dead, held = threading.Event(), []

    def hold(seen):
        if seen.kind == "neworder":
            held.append(seen)
            dead.wait(30)
            raise Drop
    site.recorder.before = hold
    until("no new order is on its way", lambda: all(s.status or s in held for s in site.recorder.of("neworder")))
    time.sleep(0.5)
    site.nginx.signal(signal.SIGSTOP)
    site.daemon.kill()
    site.recorder.before = lambda seen: None
    dead.set()


run(main)
