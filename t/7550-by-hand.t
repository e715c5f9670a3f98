#!/usr/bin/env python3
"""Orders that wait for a person: what to publish is shown, restarts do not matter, "verify" looks and goes on."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    bind = Bind(t, {"shop.example": [], "web.example": ["@ A 127.0.0.1"]}, secondary=True)
    second = Bind(t, bind.zones, primary=bind, name="named2")
    until("the secondary has the zones", lambda: second.log().count(b"transferred serial 1") == 2)
    site = dns_site(t, bind, Hooks(t), settings={"acme": {"orders_at_once": 1}})
    daemon = site.daemon

    done = daemon.run_ctl("cert", "add", "hand", "--names", "shop.example *.shop.example", "--account", "ca",
        "--challenge", "dns-01", "--by-hand", "--wait")
    t.equal(done.returncode, 0, "with --wait, it ends when the order waits")
    cert = daemon.wait_for_cert("hand", lambda c: c["status"] == "waiting")
    todo = cert["order"]["todo"]
    t.equal([x["record"] for x in todo], ["_acme-challenge.shop.example"] * 2, "status waiting; the records are shown")
    for one in todo:
        t.contains(done.stdout.decode(), one["value"], "the value is on the screen")
    t.equal([row for row in daemon.ctl("status")["agenda"] if row["name"] == "hand"], [], "nothing is planned for it meanwhile")
    daemon.add_cert("other", "web.example")
    t.equal(daemon.cert("other")["status"], "active", "with one order at a time, another certificate is issued meanwhile")

    done = daemon.run_ctl("cert", "verify", "hand")
    t.equal(done.returncode, 14, "verify with nothing published fails")
    t.contains(done.stderr.decode(), "ns1.shop.example", "and says who lacks it")
    bind.update("zone shop.example.", *[f'update add {x["record"]}. 1 TXT "{x["value"]}"' for x in todo])
    done = daemon.run_ctl("cert", "verify", "hand")
    said = done.stderr.decode()
    t.equal(done.returncode, 14, "published at the primary only, it still fails")
    t.matches(said, r"not at every name server: ns2\.shop\.example \(\[::1\]", "it names the server that still lacks it")
    t.contains(said, "(127.0.0.1:%d, UDP) has it" % bind.port, "and the one that has it")
    t.equal(daemon.cert("hand")["status"], "waiting", "the order still waits")

    orders = site.pebble.orders()
    daemon.kill()
    daemon.begin()
    t.equal(daemon.cert("hand")["status"], "waiting", "also after a crash")
    t.equal(daemon.cert("hand")["order"]["todo"], todo, "for the same")
    second.notify("shop.example")
    until("the secondary has it", lambda: len(bind.txt("_acme-challenge.shop.example", "::1")) == 2)
    done = daemon.run_ctl("cert", "verify", "hand", "--wait")
    t.equal(done.returncode, 0, "everywhere: verify goes on")
    cert = daemon.cert("hand")
    t.equal((cert["status"], cert["failures"], cert["waiting"]), ("active", 0, False), "and the certificate is issued")
    t.equal(site.pebble.orders(), orders, "with the order it had")
    done = daemon.run_ctl("cert", "verify", "hand")
    t.equal(done.returncode, 7, "with nothing waiting, verify is refused")

    # http-01 by hand: the person's own web server.
    daemon.add_cert("web", "web.example", by_hand=True)
    one = daemon.cert("web")["order"]["todo"][0]
    t.matches(one["url"], r"^http://web\.example/\.well-known/acme-challenge/[\w-]+$", "http-01: the URL is shown")
    t.equal(one["content"].split(".")[0], one["url"].rsplit("/", 1)[1], "with the content")
    site.nginx.configure(f"location = /{one['url'].split('/', 3)[3]} {{ return 200 {one['content']}; }}")
    site.nginx.stop()
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    done = daemon.run_ctl("cert", "verify", "web", "--wait")
    t.equal(done.returncode, 0, "published by hand: verify goes on")
    t.equal(daemon.cert("web")["status"], "active", "and the certificate is issued")


run(main)
