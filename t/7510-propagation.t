#!/usr/bin/env python3
"""The CA is told only when every authoritative server shows the records; who does not is named."""
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

LAG = 5


def main(t):
    bind = Bind(t, {"shop.example": []}, secondary=True)
    second = Bind(t, bind.zones, primary=bind, name="named2")
    hooks = Hooks(t)
    hooks.add("nsupdate")
    hooks.add("nothing", "exit 0\n")
    daemon = dns_site(t, bind, hooks).daemon
    until("the secondary has the zones", lambda: second.running() and b"transferred serial 1" in second.log())

    shown = []
    thread = threading.Thread(target=lag, args=(bind, second, shown))
    thread.start()
    daemon.add_cert("shop", "shop.example *.shop.example", challenge="dns-01")
    issued = time.monotonic()
    thread.join()
    cert = daemon.cert("shop")
    t.equal((cert["status"], cert["failures"]), ("active", 0), f"a secondary that lags {LAG} s: issued at the first attempt")
    t.ok(shown and issued > shown[0], "after the secondary had it")
    t.matches("\n".join(cert["order"]["log"]), r"waiting for _acme-challenge\.shop\.example at ns2\.shop\.example \(\[::1\]:\d+, UDP\)",
        "the history names the server it waited for")

    # It never comes: the order fails at the deadline, and says where it is missing.
    daemon.configure(dns={"timeout": "3s"})
    daemon.reload()
    done = daemon.run_ctl("cert", "add", "late", "--names", "late.shop.example", "--account", "ca", "--challenge", "dns-01", "--wait")
    t.equal(done.returncode, 14, "missing at the deadline: the order fails as too late")
    said = done.stderr.decode()
    t.contains(said, "is not at every name server: ns2.shop.example ([::1]:", "it names the server")
    t.contains(said, "ns1.shop.example (127.0.0.1:%d, TCP) has it" % bind.port, "and tells what the others show")
    t.equal(len(bind.all_txt("shop.example")), 1, "the record stays: the next attempt goes on with the order")
    daemon.ctl("cert", "rm", "late", "--yes")
    until("the record goes with the order", lambda: not bind.all_txt("shop.example"))

    daemon.add_cert("trusting", "trusting.shop.example", challenge="dns-01", no_propagation=True, wait=False)
    cert = daemon.wait_for_cert("trusting", lambda c: c["status"] in ("active", "failed"))
    t.lacks("\n".join(cert["order"]["log"]), "waiting for _acme", "switched off for a certificate, nothing is waited for")

    done = daemon.run_ctl("cert", "add", "none", "--names", "none.shop.example", "--account", "ca", "--challenge", "dns-01",
        "--hook-set", "nothing", "--wait")
    t.contains(done.stderr.decode(), "has no such name", "a hook that did nothing is found out")

    # One server is dead for good: it holds nothing up.
    second.end()
    daemon.configure(dns={"timeout": "60s"})
    daemon.reload()
    start = time.monotonic()
    done = daemon.run_ctl("hook", "test", "shop.example", timeout=60)
    t.equal(done.returncode, 0, "a name server that is down does not hold things up")
    t.ok(time.monotonic() - start < 40, "nor wait for the deadline")

    daemon.configure(dns={"resolvers": "127.0.0.1:%d" % free_port()})
    daemon.reload()
    done = daemon.run_ctl("hook", "test", "shop.example", timeout=60)
    t.equal(done.returncode != 0, True, "without a resolver it fails")
    t.contains(done.stderr.decode(), "dns.resolvers", "and says whom it asked")


def lag(bind, second, shown):
    until("the hook has set both", lambda: len(bind.all_txt("shop.example")) == 2)
    time.sleep(LAG)
    shown.append(time.monotonic())
    second.notify("shop.example")


run(main)
