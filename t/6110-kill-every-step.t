#!/usr/bin/env python3
"""kill -9 just before and just after every request of an order; each time the order is taken up where it stood."""
import signal
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# In the order in which they happen; each is killed before the CA hears of it, and after, before we hear its answer.
REQUESTS = ["neworder", "authz", "challenge", "finalize", "order", "certificate"]


def main(t):
    site = Site(t, record=True)
    for kind in REQUESTS:
        for side in ("before", "after"):
            one(t, site, kind, side)


def one(t, site, kind, side):
    daemon, recorder = site.daemon, site.recorder
    name = f"{kind}-{side}"
    killed = []

    def trap(seen):
        if seen.kind == kind and not killed:
            killed.append(seen)
            daemon.kill()
        if killed:
            raise Drop
    setattr(recorder, side, trap)
    site.nginx.signal(signal.SIGSTOP)  # whatever the CA wants to see it gets when we are back
    daemon.add_cert(name, f"{name}.example", wait=False)
    if kind not in ("neworder", "authz", "challenge"):
        site.nginx.signal(signal.SIGCONT)
    until(f"it is killed {side} {kind}", lambda: killed and not daemon.running(), 30)
    recorder.before = recorder.after = lambda seen: None

    daemon.begin()
    site.nginx.signal(signal.SIGCONT)
    shown = daemon.wait_for_cert(name, lambda c: c["status"] in ("active", "failed"), "its order ends", 30)
    t.equal((shown["status"], shown["failures"]), ("active", 0), f"killed {side} {kind}: issued after the restart")
    orders = [o for o in recorder.orders() if o == [f"{name}.example"]]
    # Killed between the CA's making an order and our hearing of it, nobody can know its URL.
    t.equal(len(orders), 2 if name == "neworder-after" else 1, f"killed {side} {kind}: no order too many")


run(main)
