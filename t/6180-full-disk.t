#!/usr/bin/env python3
"""A full disk: the daemon says so and goes on; nothing is corrupted, and with room again all is issued."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# A small file system that only the daemon sees.
MOUNT = 'mkdir -p "$0" && mount -t tmpfs -o size=400k none "$0" && exec "$@"'


def main(t):
    if os.geteuid() != 0 or run_command("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt").returncode:
        raise Skip("only root can mount a small file system")
    state = t.path("certerad-state")
    site = Site(t, account=False, start=False, wrap=["unshare", "-m", "sh", "-c", MOUNT, state])
    daemon = site.daemon
    daemon.begin()
    daemon.add_account(site.ca)
    made, refused = {}, None
    for i in range(300):
        try:
            made[f"cert{i}"] = daemon.add_cert(f"cert{i}", f"c{i}.example", wait=False)
        except CtlError as e:
            refused = e
            break
    t.ok(refused, "at some point nothing more can be added", len(made))
    t.equal(refused and refused.code, 10, "that is an error of the store")
    t.matches(str(refused), r"space|full", "and the disk is named as the reason")
    t.ok(daemon.running(), "the daemon runs on")
    t.equal(len(daemon.certs()), len(made), "what was added before is there, and no more")

    room = run_command("nsenter", "-m", "-t", daemon.pid, "mount", "-o", "remount,size=64m", state)
    t.equal(room.returncode, 0, "the disk gets room")
    made["late"] = daemon.add_cert("late", "late.example", wait=False)
    for name in made:
        daemon.run_ctl("cert", "issue", name)
    daemon.wait_until("all are active", lambda: {c["status"] for c in daemon.certs().values()} == {"active"}, 120)
    t.equal(sorted(daemon.certs()), sorted(made), "all are issued, nothing is lost")
    t.equal(daemon.stop(), 0, "and it ends cleanly")


run(main)
