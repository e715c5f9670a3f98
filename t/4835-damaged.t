#!/usr/bin/env python3
"""A damaged record is said, and hurts nothing else: what is written afterwards is written."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def spoil(path, mark):
    """Every text of the store that begins with mark seems to be longer than its record."""
    with open(path, "r+b") as f:
        data = bytearray(f.read())
        at = data.find(mark)
        while at >= 0:
            data[at - 1] = 0x7f
            at = data.find(mark, at + 1)
        f.seek(0)
        f.write(data)


def main(t):
    site = Site(t)
    daemon = site.daemon
    status, _ = daemon.api("POST", "/sites", {"sites": "spoiled.example:1\nwhole.example:1"})
    t.ok(status in (200, 201), "two sites are tracked", status)
    t.equal(daemon.stop(), 0, "it ends cleanly")
    spoil(daemon.store + "/data.mdb", b"spoiled.example")
    daemon.begin()
    status, problem = daemon.api("POST", "/sites/all/scan", {})
    t.ok(status == 503 and "damaged" in str(problem), "scanning all of them says that one is damaged", f"{status} {problem}")
    status, _ = daemon.api("POST", "/channels", {"name": "ops", "kind": "webhook", "url": "https://hooks.example/x"})
    t.equal(status, 201, "and the next change is made")
    t.equal(daemon.stop(), 0, "it ends cleanly")
    cut(t, daemon)


def cut(t, daemon):
    """As a copy that was not finished."""
    file = daemon.store + "/data.mdb"
    os.truncate(file, os.path.getsize(file) // 4096 // 3 * 4096)
    daemon.start()
    t.equal(daemon.wait(), 10, "a file that is cut off: certerad does not start")
    t.contains(daemon.log().decode(errors="replace"), f"reading the store in {daemon.store}: a part of data.mdb is missing", "it says why")


run(main)
