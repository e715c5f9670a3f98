#!/usr/bin/env python3
"""What does not answer holds up nobody: black holes and tar pits take no good site's place, and those at one address fail together."""
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

HOLES = 24
AT_ONCE = 6
TIMEOUT = 40


def main(t):
    ca = Authority(t)
    server = TlsServer(t, ca.leaf("IP:127.0.0.1"))
    holes = [BlackHole(f"127.0.1.{i + 1}") for i in range(HOLES)]
    pit = Talker(lambda connection: time.sleep(TIMEOUT * 2), address="127.0.2.1")
    daemon = Certerad(t, tracking={"roots": ca.file, "timeout": f"{TIMEOUT}s", "at_once": AT_ONCE})
    begun = time.monotonic()
    daemon.ctl("site", "add", *(h.site for h in holes), pit.site)
    time.sleep(1.1)  # what is due later comes behind
    daemon.ctl("site", "add", server.site)
    state = lambda: {s["name"]: s["state"] for s in daemon.ctl("site", "list")["sites"]}
    daemon.wait_until("the good one is scanned", lambda: state()[server.site], TIMEOUT)
    found = state()
    if time.monotonic() - begun < TIMEOUT:
        t.equal((found[server.site], {found[h.site] for h in holes}, found[pit.site]), ("valid", {None}, None),
            f"behind {HOLES} black holes, {AT_ONCE} at once, each of {TIMEOUT} s: the good site is scanned before any of them gives up")
    else:
        t.skip("the good site is not held up", "this machine is too slow to tell")
    daemon.kill()
    daemon.begin()
    due = [r for r in daemon.ctl("status")["agenda"] if r["kind"] == "scan" and r["due"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())]
    t.ok(len(due) >= 20, "after kill -9 what was under way is due", due)
    t.equal(daemon.stop(), 0, "scans under way end with the daemon")

    # Many names of one dead server.
    for hole in holes[1:]:
        hole.close()
    daemon.configure(tracking={"timeout": "3s", "at_once": 1000})
    daemon.begin()
    for site in state():
        daemon.ctl("site", "rm", site)
    names = [f"{holes[0].site}", *(f"{scheme}://{holes[0].site}" for scheme in ("smtp", "imap", "pop3", "ldap", "postgres", "xmpp",
        "submission", "smtps", "imaps", "pop3s", "ldaps", "tls", "postgresql"))]
    begun = time.monotonic()
    daemon.ctl("site", "add", *names)
    daemon.wait_until("all are scanned", lambda: all(state().values()), 40)
    t.equal(set(state().values()), {"unreachable"}, "all sites of a dead server are unreachable")
    t.ok(time.monotonic() - begun < 3 * len(names) / 2, "and are not waited for one after another", time.monotonic() - begun)
    t.equal(daemon.ctl("site", "show", names[-1])["reason"], "It does not answer.", "each of them says so")


run(main)
