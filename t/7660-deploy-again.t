#!/usr/bin/env python3
"""A deploy hook that failed runs again by itself, after a minute; a version that comes meanwhile is what it hears of."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

SCRIPT = """
echo "$CERTERA_NAME $CERTERA_VERSION $CERTERA_ATTEMPT" >> "$CALLS"
[ -e "$CALLS.repaired" ]
"""


def main(t):
    hooks = Hooks(t)
    hooks.add("deploy", SCRIPT)
    calls = t.path("calls")
    daemon = Site(t, hooks={"directory": hooks.dir, "deploy": "deploy", "deploy_environment": [f"CALLS={calls}"]}).daemon

    def called():
        return open(calls).read().split("\n")[:-1] if os.path.exists(calls) else []
    for name in ("one", "two"):
        daemon.add_cert(name, f"{name}.example")
        daemon.wait_for_cert(name, lambda c: c["deploy"]["state"] == "failed")
    daemon.ctl("cert", "issue", "two", "--wait")
    daemon.wait_for_cert("two", lambda c: c["deploy"]["state"] == "failed" and c["deploy"]["version"] == 2)
    t.equal(called(), ["one 1 1", "two 1 1", "two 2 1"], "another version is deployed at once, whatever the one before waits for")
    open(calls + ".repaired", "w").close()
    daemon.kill()
    daemon.begin()
    for name in ("one", "two"):
        daemon.wait_for_cert(name, lambda c: c["deploy"]["state"] == "done", "it is deployed", 90)
    t.equal(sorted(called()[3:]), ["one 1 2", "two 2 2"], "a minute later, also across a restart, it runs again; the old version is past")
    t.equal({c["status"] for c in daemon.certs().values()}, {"active"}, "and all is well")


run(main)
