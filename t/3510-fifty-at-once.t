#!/usr/bin/env python3
"""Fifty certificates at once from a CA that refuses nonces, reuses authorizations and takes its time."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 50


def names_of(i):
    """One to five names; the last is shared with other certificates, so that authorizations are reused."""
    own = [f"n{n}.c{i}.example" for n in range(i % 5)]
    return own + [f"shared{i % 7}.example" if own else f"c{i}.example"]


def main(t):
    slow = {"nonce_reject": 15, "authz_reuse": 50, "sleep": 5}
    site = Site(t, record=True, pebble=slow, acme={"orders_at_once": COUNT})
    daemon = site.daemon
    wanted = {f"cert{i:02}": sorted(names_of(i)) for i in range(COUNT)}
    for name, names in wanted.items():
        daemon.add_cert(name, names, wait=False)

    daemon.wait_until("all are active", lambda: {c["status"] for c in daemon.certs().values()} == {"active"}, 180)
    shown = daemon.certs()
    t.equal(sorted(shown), sorted(wanted), "all are there, none twice")
    t.equal({n: sorted(c["names"]) for n, c in shown.items()}, wanted, "each has its names")
    t.equal({n: c["orders"] for n, c in shown.items() if c["orders"] != 1}, {}, "none needed a second attempt")

    leaves = {n: daemon.leaf(n) for n in wanted}
    t.equal({n: leaf.names for n, leaf in leaves.items()}, wanted, "what the CA signed has exactly these names")
    t.equal(len({leaf.serial for leaf in leaves.values()}), COUNT, "fifty different certificates")
    t.equal(len({leaf.public_key for leaf in leaves.values()}), COUNT, "with fifty different keys")

    t.equal(sorted(site.recorder.orders()), sorted(wanted.values()), "the CA got one order for each")
    t.equal(site.pebble.orders(), COUNT, "and says so itself")
    refused = [s for s in site.recorder.seen if s.status == 400]
    t.ok(refused, "nonces were refused on the way", f"{len(refused)} of {len(site.recorder.seen)}")


run(main)
