#!/usr/bin/env python3
"""A store written by a newer Certera is refused politely, and left as it is."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t)
    daemon.stop()
    file = next(os.path.join(path, "data.mdb") for path, _, names in os.walk(daemon.state) if "data.mdb" in names)
    with open(file, "rb") as f:
        store = f.read()
    ours = re.search(rb"format(\d)", store)  # LMDB puts the value right behind its key
    t.ok(ours and ours.group(1) != b"9", "the store names its format")
    newer = store.replace(ours.group(), b"format9")
    with open(file, "wb") as f:
        f.write(newer)

    daemon.start()
    code = daemon.wait()
    said = daemon.tail(5)
    t.equal(code, 10, "certerad does not start")
    t.matches(said, rf"format 9\b.*formats? (up to )?{int(ours.group(1))}\b", "it names both formats")
    t.contains(said, daemon.state, "and the store")
    with open(file, "rb") as f:
        t.equal(f.read() == newer, True, "the store was not changed")

    with open(file, "wb") as f:
        f.write(store)
    daemon.begin()
    t.equal(daemon.stop(), 0, "with the format it knows it starts again")


run(main)
