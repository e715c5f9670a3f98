#!/usr/bin/env python3
"""No page is larger than 60 KB as it travels, with its style and scripts: also where lists have as many rows as a page can have.

Of 10,000 certificates; SOAK=1 (`make soak`): of 100,000.  A page has at most 250 of them, so the pages are as long.
"""
import gzip
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 100000 if os.environ.get("SOAK") else 10000
MOST = 60 * 1024
FULL = "limit=1000"
# What :x of a path is, and what a full list is asked with.
EXAMPLES = {
    "/certificates": ["/certificates", f"/certificates?{FULL}", f"/certificates?{FULL}&sort=status&status=active,expiring,failed"],
    "/keys": [f"/keys?{FULL}"], "/orders": [f"/orders?{FULL}"], "/events": [f"/events?{FULL}"], "/sites": [f"/sites?{FULL}"],
    "/search": ["/search?q=shop-0"],
}


def main(t):
    daemon = Certerad(t)
    daemon.stop()
    run_command(os.path.join(BUILD, "bench", "fill"), daemon.store, COUNT, check=True, timeout=120)
    daemon.begin()
    add_user(daemon, "root")
    daemon.api("POST", "/sites", {"sites": [f"127.0.0.1:{port}" for port in range(1, 1001)]})
    person = Person(daemon)
    person.sign_in("root")
    found = {}
    for path in paths():
        answer = get(person, path)
        if answer.status == 200:
            found[path] = (len(answer.body), sum(static(person, file) for file in re.findall(r'(?:href|src)="(/static/[^"]+)"', plain(answer))))
    t.ok(len(found) > 40, f"{len(found)} pages")
    for path, (page, files) in found.items():
        t.ok(page + files <= MOST, f"{path}: {page + files} bytes with style and scripts, {page} alone, are at most {MOST}")
    for path in sorted(found, key=lambda p: -sum(found[p]))[:5]:
        t.note(f"{sum(found[path]):7} {path}")


def paths():
    with open(os.path.join(TOP, "webui", "routes.def")) as f:
        rows = re.findall(r'^ROUTE\(GET,\s*"([^"]+)",\s*\w+,\s*\w+,\s*\w+,\s*"([^"@]+)"\)', f.read(), re.M)
    for path, _ in rows:
        path = path.removeprefix("/api/v1")
        yield from EXAMPLES.get(path, [path.replace("/certificates/:name", "/certificates/shop-000000").replace("/keys/:name", "/keys/shop-000001")
            .replace(":slot", "1").replace(":version", "1").replace(":word", "off").replace("/users/:name", "/users/root")])


def get(person, path):
    return person.fetch("GET", path, headers={"Accept": "text/html", "Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"})


def plain(answer):
    return gzip.decompress(answer.body).decode() if answer.header("Content-Encoding") == "gzip" else answer.text


def static(person, file, known={}):
    if file not in known:
        known[file] = len(get(person, file).body)
    return known[file]


run(main)
