#!/usr/bin/env python3
"""Who may come from where: address lists, and proxies that are believed or not.

127.0.0.0/8 is all this machine, so a request's source address can be chosen.
"""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, access={
        "api": "127.0.0.2, 127.0.1.0/24, 203.0.113.7, ::/128",
        "admin": "127.0.0.3",
        "trusted_proxies": "127.0.0.9"})
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    key = made["api_keys"][0]

    def status(source, forwarded=None, api_key=key, path="/api/certificate/shop"):
        headers = {"apiKey": api_key, **({"X-Forwarded-For": forwarded} if forwarded else {})}
        return daemon.https(path, headers=headers, source=source).status

    for source, forwarded, wanted, sentence in (
        ("127.0.0.2", None, 200, "an address of the list"),
        ("127.0.1.77", None, 200, "an address of a network of the list"),
        ("127.0.0.1", None, 403, "another address"),
        ("127.0.0.3", None, 403, "an address of the other list"),
        ("127.0.0.1", "127.0.0.2", 403, "somebody who claims to be forwarded"),
        ("127.0.0.9", "203.0.113.7", 200, "forwarded by a trusted proxy"),
        ("127.0.0.9", "203.0.113.8", 403, "another address forwarded by it"),
        ("127.0.0.9", "203.0.113.7, 203.0.113.8", 403, "the nearest forwarded address counts"),
        ("127.0.0.9", "203.0.113.8, 203.0.113.7", 200, "not what a client put before it"),
        ("127.0.0.9", "203.0.113.7, 127.0.0.9", 200, "a chain of trusted proxies"),
        ("127.0.0.9", "nonsense", 403, "nonsense forwarded"),
        ("127.0.0.9", "*:80", 403, "every address forwarded, which is none"),
        ("127.0.0.9", ":80", 403, "a port forwarded, without an address"),
        ("127.0.0.9", None, 403, "the proxy itself"),
    ):
        t.equal(status(source, forwarded), wanted, f"{sentence}: {wanted}")

    inside = daemon.https("/api/certificate/shop", headers={"apiKey": key}, source="127.0.0.1")
    nowhere = daemon.https("/api/nosuch", headers={"apiKey": key}, source="127.0.0.1")
    t.equal((inside.status, inside.body), (nowhere.status, nowhere.body),
        "from elsewhere every path gets the same answer")
    t.lacks(str(inside).lower(), "certera", "which does not say what runs here")
    t.equal(status("127.0.0.1", api_key="wrong"), 403, "the address is looked at before the key")
    for path in ("/", "/api/v1/status", "/api/v1/certificates"):
        t.ok(status("127.0.0.2", path=path) in (403, 404), f"{path} is not for deploy scripts")
        t.ok(status("127.0.0.3", path=path) in (303, 401, 403, 404), "nor open to admins without a sign-in")

    log = daemon.log().decode()
    t.ok("refused 127.0.0.2: this address is not in access.admin" in log and "refused 127.0.0.3: this address is not in access.api" in log,
        "the log says who was refused, and by which setting", log[-2000:])
    t.ok(1 <= log.count("refused 127.0.0.1: ") <= 8, "once for a thread, not each time", log[-2000:])
    t.lacks(log, "/api/nosuch", "and nothing of paths that strangers make up")

    daemon.configure(access={"api": "127.0.0.1"})
    daemon.reload()
    t.equal([status("127.0.0.1"), status("127.0.0.2")], [200, 403], "SIGHUP: the new list counts")


run(main)
