#!/usr/bin/env python3
"""As time passes: a site's certificate ends, and what nobody has fetched is told, each by itself."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY = 86400


def told(daemon, name):
    return [e["action"] for e in reversed(daemon.ctl("events", "--object", name)["events"])]


def main(t):
    ca, clock = Authority(t), Clock(t)
    daemon = Certerad(t, env=clock.env, tracking={"roots": ca.file, "timeout": "3s", "interval": "30d"})

    def move(seconds):
        """The clock, and the engine looks at it."""
        clock.set(seconds)
        daemon.ctl("site", "scan", "all")
    server = TlsServer(t, ca.leaf("IP:127.0.0.1", days=5))
    daemon.ctl("site", "add", server.site)
    t.equal(daemon.ctl("site", "scan", server.site)["valid"], True, "a certificate for five days")
    for name in ("*.wild.example", "fetched.example"):
        pair = ca.leaf("DNS:" + name, days=90)
        made = daemon.ctl("cert", "import", name.strip("*."), "--file", pair[0], "--key-file", pair[1])
        if name == "fetched.example":
            daemon.ctl("cert", "set", name, "--live", "off")
            daemon.download("certificate", name, made["api_keys"][0])
            daemon.wait_for_cert(name, lambda c: c["consumers"], "it is fetched")
    move(2 * DAY)
    t.lacks(told(daemon, "wild.example"), "certificate.undelivered", "two days: there is time to fetch it")
    move(3 * DAY + 60)
    until("what nobody fetched is told", lambda: "certificate.undelivered" in told(daemon, "wild.example"))
    t.equal(daemon.cert("wild.example")["status"], "undelivered", "three days: a wildcard that nobody has fetched is undelivered")
    clock.set(5 * DAY + 60)
    t.equal(daemon.ctl("site", "show", server.site)["valid"], False, "a certificate that has ended since the last scan is not valid")
    daemon.ctl("site", "add", "127.0.0.9:1")  # the engine looks at the clock
    until("its end is told", lambda: "site.invalid" in told(daemon, server.site))
    t.contains(daemon.ctl("site", "show", server.site)["reason"], "The certificate expired", "its end is found as soon as it is there, and told")
    t.equal(told(daemon, "wild.example").count("certificate.undelivered"), 1, "what nobody fetched was told once")
    t.lacks(told(daemon, "fetched.example"), "certificate.undelivered", "what was fetched was not")


run(main)
