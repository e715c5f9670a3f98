#!/usr/bin/env python3
"""The keeper seals the audit log: one that was cut short or written anew while nobody looked is found, and said."""
import shutil
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def sealed(daemon):
    """A seal is in the store: its key, in the table of odds and ends."""
    with open(daemon.store + "/data.mdb", "rb") as f:
        return b"event_seal" in f.read()


def main(t):
    daemon = Certerad(t)
    for i in range(5):
        daemon.ctl("site", "add", f"s{i}.example:1")
    until("the log is sealed", lambda: sealed(daemon), 30)
    t.equal(daemon.run_ctl("verify").returncode, 0, "a log that grew has its seal, and is whole")
    t.equal(daemon.stop(), 0, "it ends cleanly")

    # Someone who can write the store, but does not have the master key, makes up a seal of their own.
    whole = daemon.store + "/data.mdb"
    shutil.copy(whole, t.path("kept.mdb"))
    with open(whole, "r+b") as f:
        data = bytearray(f.read())
        at = data.find(b"event_seal")
        while at >= 0:
            data[at + len("event_seal") + 40] ^= 1     # of the MAC, behind the head
            at = data.find(b"event_seal", at + 1)
        f.seek(0)
        f.write(data)
    daemon.begin()
    daemon.wait_for_log("its seal was not made with this master key")
    said = daemon.run_ctl("verify")
    t.ok(said.returncode and b"audit log" in said.stderr + said.stdout, "a seal that the keeper did not make is found", said)
    daemon.ctl("site", "add", "more.example:1")
    daemon.stop()

    # Not sealed over: it is still found after the next start; and the log that was kept is whole.
    daemon.begin()
    daemon.wait_for_log("was not made with this master key")
    t.ok(daemon.run_ctl("verify").returncode, "and is found again after a restart")
    daemon.stop()
    shutil.copy(t.path("kept.mdb"), whole)
    daemon.begin()
    t.equal(daemon.run_ctl("verify").returncode, 0, "the store as it was is whole")


run(main)
