#!/usr/bin/env python3
"""Challenge answers: for everybody, on both ports, exactly the key authorization; everything else goes to https."""
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

WELL_KNOWN = "/.well-known/acme-challenge/"


def main(t):
    site = Site(t, record=True, access={"admin": "192.0.2.1", "api": "192.0.2.1"})
    daemon = site.daemon
    looked = threading.Event()
    site.recorder.before = lambda seen: seen.kind == "challenge" and looked.wait(60)
    daemon.add_cert("shop", "shop.example", wait=False)
    until("the answer is ready", lambda: site.recorder.of("challenge"))
    token = site.recorder.token()

    answer = daemon.http(WELL_KNOWN + token)
    t.equal(answer.status, 200, "http answers a token it knows")
    t.matches(answer.text, "^" + token + r"\.[A-Za-z0-9_-]{43}$", "with exactly the key authorization: no newline")
    t.matches(answer.header("Content-Type"), r"^text/plain", "as text/plain")
    t.equal(daemon.https(WELL_KNOWN + token).body, answer.body, "https too")
    head = daemon.http(WELL_KNOWN + token, method="HEAD")
    t.equal((head.status, head.body, head.header("Content-Length")), (200, b"", str(len(answer.body))), "HEAD")
    for host in ("shop.example", "a.b.c.example:80", "[2001:db8::1]", "127.0.0.1"):
        t.equal(daemon.http(WELL_KNOWN + token, headers={"Host": host}).body, answer.body, f"Host: {host}")
    old = raw_fetch(daemon.http_port, f"GET {WELL_KNOWN}{token} HTTP/1.0\r\n\r\n")
    t.ok(old.endswith(b"\r\n\r\n" + answer.body), "no Host at all (HTTP/1.0)", old)

    for path in ("/" + WELL_KNOWN + token, WELL_KNOWN + token + "/", WELL_KNOWN + "/" + token, "/.well-known//acme-challenge/" + token + "//",
            WELL_KNOWN + token + "?from=shop.example"):
        t.equal([daemon.http(path).body, daemon.https(path).body], [answer.body] * 2, f"as web servers send it on: {path.replace(token, 'TOKEN')}")
    unknown = token[::-1]
    for path in (unknown, "", "/", token[:-1], token + "/x", token + "x", "../" + token, "%2e%2e/x", "x" * 3000,
            token + "%00"):
        t.equal(daemon.http(WELL_KNOWN + path).status, 404, f"not {path[:60] or 'nothing'}")
    t.ok(daemon.http(WELL_KNOWN + token, body="x").status in (404, 405), "POST is no way to ask")

    t.equal([daemon.http("/page").status, daemon.https("/page").status], [403, 403], "the rest is closed to other addresses")
    daemon.configure(access={"admin": "127.0.0.1"})
    daemon.reload()
    away = daemon.http("/some/page?x=1", headers={"Host": "admin.example"})
    t.ok(away.status in (301, 308), "an admin who asks by http is sent to https", away)
    t.equal(away.header("Location"), f"https://localhost:{daemon.https_port}/some/page?x=1", "of our own name")
    looked.set()
    daemon.wait_for_cert("shop", lambda c: c["status"] == "active")
    t.equal(daemon.http(WELL_KNOWN + token).status, 404, "after the order the answer is gone")


run(main)
