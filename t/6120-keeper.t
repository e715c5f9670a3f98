#!/usr/bin/env python3
"""The keeper: it does not outlive the daemon, nor the daemon it; nothing is lost when it dies."""
import os
import signal
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(p) for p in f.read().split()]


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def main(t):
    site = Site(t)
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    before = daemon.download("key", "shop", made["key_api_keys"][0]).text

    keepers = children(daemon.pid)
    t.equal(len(keepers), 1, "there is one keeper")
    with open(f"/proc/{keepers[0]}/status") as f:
        status = f.read()
    t.matches(status, r"\nSeccomp:\s*2\n", "its system calls are limited")
    t.matches(status, r"\nNoNewPrivs:\s*1\n", "it can gain no privileges")
    here = f"/proc/{keepers[0]}/fd"
    files = [os.readlink(f"{here}/{n}") for n in os.listdir(here)]
    t.ok(len(files) < 16, "it holds no descriptors it does not need", files)

    daemon.add_cert("open", "open.example", wait=False)
    os.kill(keepers[0], signal.SIGKILL)
    code = daemon.wait()
    t.ok(code > 0, "the keeper killed, the daemon ends by itself, and not as if all was well", code)
    t.matches(daemon.log().decode(), r"keeper", "and says why")

    daemon.begin()
    after = daemon.download("key", "shop", made["key_api_keys"][0]).text
    t.equal(after, before, "after the restart the key is the same")
    daemon.wait_for_cert("open", lambda c: c["status"] == "active", "what was under way is issued")
    keeper = children(daemon.pid)[0]
    daemon.kill()
    until("the keeper is gone", lambda: gone(keeper))
    t.ok(True, "the daemon killed, the keeper ends by itself")


run(main)
