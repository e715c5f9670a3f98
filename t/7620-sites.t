#!/usr/bin/env python3
"""Sites are tracked: what is good is valid, what is bad is called by its name, and a site that is down is not valid."""
import itertools
import sys
import time
from datetime import datetime
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def scan(daemon, site):
    """`site scan SITE`: the site as it is after that."""
    return daemon.ctl("site", "scan", site)


def faults(site):
    return [f["fault"] for a in site["addresses"] for f in a.get("faults", [])]


def events(daemon, site):
    return [e["action"] for e in reversed(daemon.ctl("events", "--object", site)["events"])]


def next_scan(daemon, site):
    """Seconds until it."""
    due = next(r["due"] for r in daemon.ctl("status")["agenda"] if r["kind"] == "scan" and r["name"] == site)
    return datetime.strptime(due, "%Y-%m-%dT%H:%M:%S%z").timestamp() - time.time()


def main(t):
    ca = Authority(t)
    daemon = Certerad(t, tracking={"roots": ca.file, "timeout": "3s"})
    good = TlsServer(t, ca.leaf("IP:127.0.0.1"), name="good")
    the_list(t, daemon, good)
    kinds(t, daemon, ca)
    versions(t, daemon, ca)
    change(t, daemon, ca, good)
    down(t, daemon, good)
    history(t, daemon, ca)
    all_at_once(t, daemon)
    the_last(t, daemon)


def the_list(t, daemon, good):
    t.contains(daemon.run_ctl("site", "list").stdout.decode(), "No sites yet", "no site at first")
    file = t.write("sites", f"# ours\n\nhttps://{good.site}/path?x\n  smtp://[::1]:{free_port()}  \n")
    added = daemon.ctl("site", "add", "127.0.0.9:1", "--file", file)
    t.equal(len(added["added"]), 3, "three lines are three sites")
    listed = daemon.ctl("site", "list")["sites"]
    t.equal([s["name"] for s in listed], ["127.0.0.9:1", good.site, added["added"][2]], "in the order in which they were typed")
    t.equal(daemon.ctl("site", "add", good.site)["already"], [good.site], "what is there already is not there twice")
    daemon.wait_until("it is scanned by itself", lambda: daemon.ctl("site", "show", good.site)["state"])
    site = daemon.ctl("site", "show", f"https://{good.site}")
    t.equal((site["valid"], site["reason"]), (True, None), "a good one is valid")
    t.equal(site["subject"], "leaf1", "subject")
    t.equal(site["issuer"], "authority Middle", "issuer")
    t.ok(28 <= site["days"] <= 30, "days", site)
    t.ok(0.9 * 12 * 3600 - 60 <= next_scan(daemon, good.site) <= 1.1 * 12 * 3600, "it is scanned again in twelve hours, or so", next_scan(daemon, good.site))
    address = site["addresses"][0]
    t.equal((address["address"], address["certificates"], address["key"]), ("127.0.0.1", 2, "ECDSA P-256"), "what its address shows")
    for bad, why in (("http://a.example", "there is no TLS with http"), ("*.a.example", "an asterisk"), ("a.example:0", "a port"),
            ("gopher://a.example", "the scheme gopher is not known"), ("", "no site"), ("all", "stands for every site"),
            ("a b.example", "is not the name of a server")):
        done = daemon.run_ctl("site", "add", "--", bad)
        t.ok(done.returncode and why in done.stderr.decode(), f"{bad!r} is refused: {why}", done.stderr)
    t.equal(len(daemon.ctl("site", "list")["sites"]), 3, "and nothing of it added")
    t.equal(daemon.run_ctl("site", "show", "no.example").returncode, 6, "one that is not tracked is not found")
    text = daemon.run_ctl("site", "list").stdout.decode()
    t.matches(text, r"SITE +SUBJECT +ISSUER +SCANNED +VALID +EXPIRES", "a table for people")


def kinds(t, daemon, ca):
    other = Authority(t, "stranger")
    cases = [
        ("expired", ca.leaf("IP:127.0.0.1", days=0), "expired", "The certificate expired at 20"),
        ("another name", ca.leaf("DNS:shop.example,DNS:www.shop.example"), "wrong-name",
            "The certificate is not for 127.0.0.1, but for shop.example, www.shop.example."),
        ("self-signed", ca.self_signed("IP:127.0.0.1"), "self-signed", "no CA issued it"),
        ("no intermediate", ca.leaf("IP:127.0.0.1", chain=False), "incomplete-chain", "does not send the certificate of \"authority Middle\""),
        ("another root", other.leaf("IP:127.0.0.1"), "incomplete-chain", "\"stranger Root\""),
        ("not for servers", ca.leaf("IP:127.0.0.1", extensions="extendedKeyUsage=clientAuth"), "not-for-servers", "not for servers"),
        ("RSA 1024", ca.leaf("IP:127.0.0.1", key="rsa1024"), "weak-key", "1024 bits"),
        ("RSA 2048", ca.leaf("IP:127.0.0.1", key="rsa2048"), None, None),
    ]
    for what, pair, fault, says in cases:
        server = TlsServer(t, pair, "-cipher", "DEFAULT:@SECLEVEL=0", name=what.replace(" ", "-"))
        daemon.ctl("site", "add", server.site)
        site = scan(daemon, server.site)
        if fault:
            t.equal((site["state"], site["valid"], faults(site)[:1]), ("invalid", False, [fault]), f"{what}: {fault}")
            t.contains(site["reason"], says, f"{what}: says why")
            t.ok(site["addresses"][0]["hint"], f"{what}: and what to do")
            t.equal(events(daemon, server.site), ["site.added", "site.invalid"], f"{what}: it is told once")
        else:
            t.equal((site["state"], site["addresses"][0]["key"]), ("valid", "RSA 2048"), what)
        server.end()


def versions(t, daemon, ca):
    for option, what in (("-tls1_2", "TLS 1.2"), ("-tls1_3", "TLS 1.3")):
        server = TlsServer(t, ca.leaf("IP:127.0.0.1"), option, name=option[1:])
        daemon.ctl("site", "add", server.site)
        site = scan(daemon, server.site)
        tls = site["addresses"][0].get("tls")
        if site["state"] == "unchecked":
            t.equal((what, site["valid"]), ("TLS 1.3", None), "only TLS 1.3, in a build that has only 1.2: nothing is said of it")
            t.contains(site["reason"], "only TLS 1.3, which this build cannot check", "but that")
        else:
            t.equal((site["state"], tls), ("valid", "TLSv" + what[4:]), f"only {what}")
        server.end()
    server = TlsServer(t, ca.leaf("IP:127.0.0.1"), "-Verify", "1", "-verify_return_error", name="wants-ours")
    daemon.ctl("site", "add", server.site)
    t.equal(scan(daemon, server.site)["valid"], True, "a server that wants a certificate of ours is judged by its own")
    server.end()
    in_pieces(t, daemon, ca)
    silent = [
        ("reset", Talker(reset), "breaks off the TLS handshake"),
        ("plain", Talker(lambda c: (c.recv(100), c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))), "does not speak TLS"),
        ("closed", Talker(lambda c: c.recv(10000)), "closes the connection during the TLS handshake"),
        ("black hole", BlackHole(), "does not answer"),
        ("tar pit", Talker(lambda c: c.recv(10000) and c.recv(10000)), "does not come to an end with the TLS handshake"),
    ]
    for what, server, says in silent:
        daemon.ctl("site", "add", server.site)
        site = scan(daemon, server.site)
        t.equal((site["state"], site["valid"]), ("unreachable", False), f"{what}: unreachable, not valid")
        t.contains(site["reason"], says, f"{what}: says why")
        server.close()


def in_pieces(t, daemon, ca):
    """Handshake messages may be split over records (RFC 8446 section 5.1); mbedTLS puts none together."""
    server = TlsServer(t, ca.leaf("IP:127.0.0.1", key="rsa2048"), "-max_send_frag", "512", name="pieces")
    daemon.ctl("site", "add", server.site)
    t.equal(scan(daemon, server.site)["reason"], None, "a server that sends small records is read")
    splitter = Splitter(server.port)
    daemon.ctl("site", "add", splitter.site)
    t.equal(scan(daemon, splitter.site)["valid"], True, "so is one that sends tiny ones")
    server.end()
    splitter.close()
    names = ",".join(f"DNS:a-name-of-some-length-{i}.example" for i in range(600))
    server = TlsServer(t, ca.leaf(f"IP:127.0.0.1,{names}"), name="huge")
    daemon.ctl("site", "add", server.site)
    site = scan(daemon, server.site)
    t.equal((site["state"], site["valid"]), ("unchecked", None), "a certificate that is too long for mbedTLS: nothing is said of the server")
    t.contains(site["reason"], "longer than 16 KiB", "but why")
    server.end()


def change(t, daemon, ca, good):
    first = daemon.ctl("site", "show", good.site)["fingerprint"]
    good.change(ca.leaf("IP:127.0.0.1"))
    site = scan(daemon, good.site)
    t.ok(site["fingerprint"] != first, "another certificate is seen")
    t.equal((site["history"][0]["fingerprint"], site["history"][0]["before"]), (site["fingerprint"], first), "the history has old and new")
    event = daemon.ctl("events", "--object", good.site)["events"][0]
    t.equal((event["action"], first in event["message"], site["fingerprint"] in event["message"]), ("site.changed", True, True),
        "so has the audit log")
    scan(daemon, good.site)
    site = scan(daemon, good.site)
    t.equal(site["history"][0]["times"], 3, "results that are alike are one line of the history")


def down(t, daemon, good):
    good.end()
    site = scan(daemon, good.site)
    t.equal((site["valid"], site["state"]), (False, "unreachable"), "a site that is down is not valid")
    t.contains(site["reason"], "It last showed a certificate at", "it says when it last was seen")
    t.ok(0 < next_scan(daemon, good.site) <= 330, "soon it is looked at again", next_scan(daemon, good.site))
    t.lacks(events(daemon, good.site), "site.invalid", "once may be a hiccup: nothing is told yet")
    scan(daemon, good.site)
    t.contains(events(daemon, good.site), "site.invalid", "twice is told")
    scan(daemon, good.site)
    t.equal(events(daemon, good.site).count("site.invalid"), 1, "once")
    good.begin()
    t.equal(scan(daemon, good.site)["valid"], True, "it is back")
    t.equal(events(daemon, good.site)[-1], "site.valid", "which is told")
    t.equal(events(daemon, good.site).count("site.changed"), 1, "with the certificate it had: no change")


def history(t, daemon, ca):
    """A site that shows another certificate each time: the oldest lines go."""
    talks = itertools.cycle([starttls(ca.leaf("IP:127.0.0.1")), starttls(ca.leaf("IP:127.0.0.1"))])
    server = Talker(lambda connection: next(talks)(connection))
    daemon.ctl("site", "add", server.site)
    for _ in range(22):
        site = scan(daemon, server.site)
    t.equal(len(site["history"]), 20, "the history has twenty lines, however much there was")
    t.ok(all(line["before"] == older["fingerprint"] for line, older in zip(site["history"], site["history"][1:])),
        "each with the certificate before it", site["history"])
    server.close()


def all_at_once(t, daemon):
    before = {s["name"]: s["scans"] for s in daemon.ctl("site", "list")["sites"]}
    t.equal(daemon.ctl("site", "scan", "all")["sites"], len(before), "all of them are scanned")
    daemon.wait_until("all are scanned", lambda: all(s["scans"] > before[s["name"]] for s in daemon.ctl("site", "list")["sites"]), 40)
    daemon.kill()
    daemon.begin()
    listed = daemon.ctl("site", "list")["sites"]
    t.equal([s["name"] for s in listed], list(before), "after kill -9 everything is there, in its order")


def the_last(t, daemon):
    for site in daemon.ctl("site", "list")["sites"]:
        daemon.ctl("site", "rm", site["name"])
    t.equal(daemon.ctl("site", "list")["sites"], [], "every one can be removed, also the last")
    t.equal([r for r in daemon.ctl("status")["agenda"] if r["kind"] == "scan"], [], "and none of them is scanned any more")
    t.contains([e["action"] for e in daemon.ctl("events")["events"]], "site.removed", "which is in the audit log")


run(main)
