#!/usr/bin/env python3
"""dns-01 against a real name server: wildcards, delegation by CNAME, and nothing left behind."""
import socket
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    bind = Bind(t, {"shop.example": [], "alias.example": [], "a.example": ["@ A 127.0.0.1"],
        "other.example": ["_acme-challenge.www CNAME www.other.alias.example."],
        "cloud.example": ["lb A 127.0.0.1"],
        "mine.example": ["*.home CNAME lb.cloud.example.", "home A 127.0.0.1",
            "_acme-challenge.own.home CNAME own.alias.example.", "_acme-challenge.two CNAME two.acme.mine.example.", "* CNAME lb.cloud.example."]})
    hooks = Hooks(t)
    hooks.add("nsupdate")
    site = dns_site(t, bind, hooks)
    daemon = site.daemon

    daemon.add_cert("shop", "shop.example *.shop.example", challenge="dns-01")
    shown = daemon.cert("shop")
    t.equal(shown["status"], "active", "wildcard and base: issued")
    t.equal(daemon.leaf("shop").names, ["*.shop.example", "shop.example"], "for both names")
    t.contains("\n".join(shown["order"]["log"]), "setting _acme-challenge.shop.example by nsupdate", "the history tells of the hook")
    until("its records are removed", lambda: not bind.all_txt("shop.example"))
    t.ok(True, "both values are removed afterwards")
    until("the history tells of it", lambda: str(daemon.cert("shop")["order"]["log"]).count("removed _acme-challenge") == 2)

    daemon.add_cert("other", "www.other.example", challenge="dns-01")
    log = "\n".join(daemon.cert("other")["order"]["log"])
    t.contains(log, "setting www.other.alias.example by", "delegated by CNAME: the record is set in the other zone")
    t.equal(daemon.cert("other")["status"], "active", "and the certificate issued")
    until("the record is removed there", lambda: not bind.all_txt("alias.example"))

    wildcards(t, daemon, bind)
    daemon.add_cert("dark", "www.nowhere.test", challenge="dns-01", wait=False)
    error = daemon.wait_for_cert("dark", lambda c: c["failures"])["error"]
    t.contains(error["detail"], "the resolver answered SERVFAIL", "a resolver that fails is quoted")

    done = daemon.run_ctl("cert", "add", "wild", "--names", "*.x.example", "--account", "ca", "--challenge", "http-01")
    t.equal(done.returncode, 3, "a wildcard with http-01 is refused")
    t.contains(done.stderr.decode(), "dns-01", "and told what to choose")
    done = daemon.run_ctl("cert", "add", "wild", "--names", "192.0.2.1", "--account", "ca", "--challenge", "dns-01")
    t.ok(done.returncode == 3 and b"http-01" in done.stderr, "nor can an address be proved by a DNS record")
    daemon.add_cert("chosen", "a.example *.b.shop.example")
    t.equal(daemon.cert("chosen")["challenges"], ["*.b.shop.example=dns-01"], "where nobody chooses, a wildcard gets dns-01")
    daemon.add_cert("mixed", "a.example *.shop.example", challenge_for="*.shop.example=dns-01")
    t.equal(daemon.cert("mixed")["status"], "active", "http-01 and dns-01 in one certificate")

    done = daemon.run_ctl("hook", "test", "shop.example")
    t.equal(done.returncode, 0, "hook test passes")
    for part in ("setting _acme-challenge.shop.example by nsupdate", "removed _acme-challenge.shop.example"):
        t.contains(done.stdout.decode(), part, f"it shows: {part.split()[0]}")
    t.equal(bind.all_txt("shop.example"), [], "and leaves nothing")
    advice(t, daemon)


def advice(t, daemon):
    """What cannot be ordered is said before the CA is asked, and with what to do."""
    daemon.configure(dns={"resolvers": f"127.0.0.1:{knows_nothing()}"})
    daemon.reload()
    done = daemon.run_ctl("hook", "test", "unknown.example")
    t.contains((done.stdout + done.stderr).decode(), "Is the domain spelled right, registered and delegated?", "no zone: what to look at")
    daemon.configure(hooks={"set": ""})
    daemon.reload()
    daemon.add_cert("none", "none.shop.example", challenge="dns-01", wait=False)
    shown = daemon.wait_for_cert("none", lambda c: c["failures"])
    t.equal(shown["error"]["detail"], "no script sets DNS records", "no script: that is the fault")
    t.contains(shown["error"]["hint"], "hooks.set", "and how to mend it")
    t.equal(shown["order"], None, "the CA is not asked")


def knows_nothing():
    """A resolver: NXDOMAIN, and no zone beside it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve():
        while True:
            asked, who = sock.recvfrom(4096)
            sock.sendto(asked[:2] + b"\x81\x83" + asked[4:6] + bytes(6) + asked[12:asked.index(b"\0", 12) + 5], who)
    threading.Thread(target=serve, daemon=True).start()
    return sock.getsockname()[1]


def wildcards(t, daemon, bind):
    """A CNAME that a wildcard makes up leads to somebody else's zone, and is gone when the record is there."""
    for name, names, record, what in (
            ("home", "home.mine.example *.home.mine.example", "_acme-challenge.home.mine.example", "a wildcard's CNAME is not followed"),
            ("own", "own.home.mine.example", "own.alias.example", "one of its own, beside a wildcard, is"),
            ("two", "two.mine.example", "two.acme.mine.example", "it leads to where a wildcard is not followed either")):
        daemon.add_cert(name, names, challenge="dns-01")
        t.contains("\n".join(daemon.cert(name)["order"]["log"]), f"setting {record} by", what)
    until("all is removed again", lambda: not bind.all_txt("mine.example") + bind.all_txt("alias.example"))


run(main)
