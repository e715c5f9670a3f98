#!/usr/bin/env python3
"""The column READ/CHANGE of routes.def, judged: with a disk that takes nothing, each READ is answered as before, and no CHANGE succeeds.

With several machines a READ is answered by any node from its own store, also while nobody leads; a CHANGE goes to the leader.
"""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

ROW = re.compile(r'^ROUTE\((\w+), +"([^"]*)", +\w+, +\w+, +(\w+), +"[^"]*"\)', re.M)
FOR = {"certificates": "c", "certificate": "c", "keys": "k", "key": "k", "accounts": "ca", "users": "target", "plans": "p", "tokens": "tok", "sites": "www.example",
    "settings": "renewal.before", "readers": "r", "channels": "hook", "outbox": "hook", "static": "style.css", "test": "c", "secrets": "mail.password"}

EXCEPTIONS = {("GET", "/shown/:id"), ("POST", "/api/certificate/:name"), ("POST", "/api/key/:name"), ("POST", "/api/v1/check"), ("POST", "/api/v1/decode"),
    ("POST", "/api/v1/me/zone"), ("POST", "/chosen"), *[("POST", f"/api/v1/cluster/{word}") for word in ("init", "join", "leave")]}


def main(t):
    with open(TOP + "/webui/routes.def") as f:
        rows = ROW.findall(f.read())
    t.equal({effect for *_, effect in rows}, {"READ", "CHANGE"}, f"{len(rows)} rows, each with its effect")
    t.equal({(m, p) for m, p, e in rows if (e == "READ") != (m == "GET")}, EXCEPTIONS,
        "GET is READ and all else CHANGE, but for files that are only looked at or fetched, choices that a browser keeps, what only the leader "
        "remembers, and what a server does for itself")
    disk = Disk(t)
    daemon = Certerad(t, env=disk.env)
    keys, bodies = prepare(t, daemon)
    reads = [(method, example(path)) for method, path, effect in rows if effect == "READ"]
    before = {row: ask(daemon, *row, keys, bodies.get(row[1])) for row in reads}
    shown = [row for row, status in before.items() if status == 200]
    t.ok(len(shown) > 0.75 * len(reads) and ("POST", "/api/v1/decode") in shown and ("GET", "/api/key/k") in shown,
        f"{len(shown)} of {len(reads)} READs show something", [f"{row}: {status}" for row, status in before.items() if status != 200])
    disk.breaks()
    t.equal(daemon.api("POST", "/sites", {"sites": "x.example"})[0], 503, "then the disk takes nothing any more")
    for row in reads:
        t.equal(ask(daemon, *row, keys, bodies.get(row[1])), before[row], f"{' '.join(row)}: READ, answered as before")
    for method, path, effect in rows:
        if effect == "CHANGE" and path.startswith("/api/"):
            status = ask(daemon, method, example(path), keys, {"format": "pfx", "password": "a b c d e f"} if path.endswith("/export") else {})
            t.ok(status >= 400, f"{method} {path}: CHANGE, which does not succeed without a disk", status)
    disk.breaks(False)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def prepare(t, daemon):
    """One thing of each kind; the API keys of two, and the files that some are asked with."""
    cert, key = t.path("c.pem"), t.path("c.key")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", "/CN=c.example",
        "-addext", "subjectAltName=DNS:c.example", "-keyout", key, "-out", cert)
    with open(cert) as c, open(key) as k:
        pem = c.read()
        file = t.write("all.pem", pem + k.read())
    made = {"certificate": daemon.ctl("cert", "import", "c", "--file", file)["api_keys"][0], "key": daemon.ctl("key", "add", "k")["api_keys"][0]}
    for argv in (("account", "add", "ca", "--directory", "https://localhost:1/dir"), ("user", "add", "target", "--role", "viewer"), ("plan", "add", "p"),
            ("token", "add", "tok", "--role", "viewer"), ("site", "add", "www.example")):
        daemon.ctl(*argv)
    return made, {"/api/v1/decode": {"file": pem}, "/api/v1/check": {"certificate": pem}}


def ask(daemon, method, path, keys, body):
    """As local administrator: the status."""
    kind = path.split("/")[2] if path.startswith("/api/") else ""
    headers = {"apiKey": keys[kind]} if kind in keys else {}
    if not path.startswith(("/api/", "/metrics")):
        return daemon.page(path)[0]  # GET
    return daemon.api(method, path, body if method == "POST" and kind not in keys else None, {"Content-Type": "application/json", **headers})[0]


def example(path):
    """:x and *x as something that is there."""
    parts = path.split("/")
    for i, part in enumerate(parts):
        if part.startswith((":", "*")):
            parts[i] = FOR.get(parts[i - 1], "1")
    return "/".join(parts)


run(main)
