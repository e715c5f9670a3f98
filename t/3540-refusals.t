#!/usr/bin/env python3
"""An order that fails says why and what to do, and holds up nobody else."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, pebble={"binary": pebble_new(), "domainBlocklist": ["blocked.example"]})
    daemon = site.daemon
    site.pebble.names.tell("set-servfail", host="lost.example.")

    with_error(t, daemon, "lost", "lost.example fine.lost.example", "connection", "port 80")
    with_error(t, daemon, "blocked", "blocked.example", "rejectedIdentifier", "will not issue")
    daemon.add_cert("fine", "fine.example")
    t.equal(daemon.cert("fine")["status"], "active", "another one is issued meanwhile")

    site.nginx.stop()
    with_error(t, daemon, "closed", "closed.example", "connection", "port 80")

    site.pebble.names.tell("clear-servfail", host="lost.example.")
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    daemon.ctl("cert", "issue", "lost", "--wait")
    shown = daemon.cert("lost")
    t.equal((shown["status"], shown["failures"], shown.get("error")), ("active", 0, None),
        "when the cause is gone it is issued, and the error too")


def with_error(t, daemon, name, names, problem, hint):
    try:
        daemon.add_cert(name, names)
        t.ok(False, f"{name}: certeractl fails")
    except CtlError as e:
        t.equal(e.code, 13, f"{name}: certeractl says that the CA refused")
    shown = daemon.cert(name)
    t.equal(shown["status"], "failed", f"{name}: it has failed")
    t.ok(shown["failures"] == 1 and shown["retry_at"], f"{name}: the next attempt is planned", shown)
    who = "you, in the settings of the certificate" if problem == "rejectedIdentifier" else "you, at the web servers or the DNS of the names"
    t.equal(shown["must_act"], who, f"{name}: which side must act")
    t.ok(who.encode() in daemon.run_ctl("cert", "show", name).stdout and f"Who must act: {who}" in daemon.page(f"/certificates/{name}")[1], f"{name}: is said by certeractl and on the page")
    said = str(shown["error"])
    t.contains(said, problem, f"{name}: the CA's problem is named")
    t.contains(said, names.split()[0], f"{name}: and the name at fault")
    t.contains(said, hint, f"{name}: with what to do")


run(main)
