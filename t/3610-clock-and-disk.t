#!/usr/bin/env python3
"""What goes wrong at home in the middle of an order: the clock jumps, the disk is full.  The order goes on all the same."""
import os
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY = 86400
# A small file system that only the daemon sees.
MOUNT = 'mkdir -p "$0" && mount -t tmpfs -o size=4m none "$0" && exec "$@"'


def main(t):
    disk(t)
    clock(t)


def clock(t):
    clock = Clock(t)
    site = Site(t, record=True, env=clock.env, acme={"timeout": "2s", "patience": "6s"})

    for i, (kind, jump) in enumerate((("neworder", 20 * DAY), ("authz", 3600), ("finalize", 20 * DAY), ("order", 3600))):
        def at(seen):
            if seen.kind == kind:
                clock.set(jump)
        site.recorder.before = at
        site.daemon.add_cert(f"jump{i}", f"jump{i}.example", wait=False)
        shown = site.daemon.wait_for_cert(f"jump{i}", lambda c: c["status"] in ("active", "failed"))
        t.equal((shown["status"], shown["failures"]), ("active", 0), f"the clock jumps to {jump} s at {kind}: issued")
        t.equal(site.recorder.orders().count([f"jump{i}.example"]), 1, "with one order")
    site.recorder.before = lambda seen: None

    # In the past, no certificate of today is valid, that of the CA's own server included.
    clock.set(-40 * DAY)
    site.daemon.kill()
    site.daemon.begin()
    site.daemon.add_cert("past", "past.example", wait=False)
    shown = site.daemon.wait_for_cert("past", lambda c: c["failures"] == 1, "the attempt has failed")
    t.contains(str(shown["error"]), "not yet valid", "a clock far behind: the error says what is not yet valid")
    clock.set(0)
    site.daemon.ctl("cert", "issue", "past")
    site.daemon.wait_for_cert("past", lambda c: c["status"] == "active")
    t.equal(site.recorder.orders().count(["past.example"]), 1, "when it is right again, it is issued, with one order")


def disk(t):
    if os.geteuid() != 0 or run_command("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt").returncode:
        t.skip("a disk that is full", "only root can mount a small file system")
        return
    site = Site(t, record=True, account=False, name="small", start=False,
        wrap=["unshare", "-m", "sh", "-c", MOUNT, t.path("small-state")])
    daemon, held, go = site.daemon, threading.Event(), threading.Event()
    daemon.begin()
    daemon.add_account(site.ca)

    def inside(*argv):
        return run_command("nsenter", "-m", "-t", daemon.pid, *argv)

    def hold(seen):
        if seen.kind == "authz":
            held.set()
            go.wait(30)
    site.recorder.before = hold
    daemon.add_cert("shop", "shop.example", wait=False)
    until("the order is under way", held.is_set)
    daemon.wait_for_cert("shop", lambda c: (c["order"] or {}).get("step") == "authz", "it is kept that the CA has its order")
    filler = t.path("small-state", "filler")
    inside("dd", "if=/dev/zero", f"of={filler}", "bs=4k")
    t.ok(inside("dd", "if=/dev/zero", f"of={filler}2", "bs=4k", "count=2").returncode, "the disk is full")
    codes = (daemon.run_ctl("site", "add", f"s{i}.example").returncode for i in range(300))
    t.equal(next((code for code in codes if code), 0), 10, "at some point nothing more is taken")  # its file may have room
    go.set()
    daemon.wait_for_log("no space left on device")
    t.ok(daemon.running(), "the daemon says so and runs on")
    t.equal(daemon.http("/.well-known/acme-challenge/none").status, 404, "and answers")
    inside("rm", filler)
    shown = daemon.wait_for_cert("shop", lambda c: c["status"] == "active" or c["failures"], seconds=30)
    t.equal((shown["status"], shown["failures"]), ("active", 0), "with room again the order goes on by itself")
    t.equal(len(site.recorder.orders()), 1, "it is the one order")


run(main)
