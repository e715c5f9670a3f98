#!/usr/bin/env python3
"""Pages travel compressed, style and scripts are kept for ever; what is secret is never compressed (BREACH)."""
import gzip
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

OURS = {"Accept": "text/html", "Accept-Encoding": "gzip, deflate, br", "Sec-Fetch-Site": "same-origin"}


def main(t):
    daemon = Certerad(t)
    add_user(daemon, "root")
    person = Person(daemon)
    person.sign_in("root")
    pages(t, person)
    secrets(t, daemon, person)
    tokens(t, person)
    static(t, daemon, person)


def packed(answer):
    return answer.header("Content-Encoding") == "gzip"


def get(person, path, **headers):
    sent = {**OURS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return person.fetch("GET", path, headers={name: value for name, value in sent.items() if value})


def pages(t, person):
    plain = get(person, "/overview", Accept_Encoding=None)
    small = get(person, "/overview")
    t.ok(packed(small) and not packed(plain) and len(small.body) < len(plain.body) / 2, "a page is compressed for who takes that",
        [len(small.body), len(plain.body)])
    t.contains(gzip.decompress(small.body).decode(), "<h1>Overview</h1>", "and is the page")
    for site, what in (("none", True), ("same-site", False), ("cross-site", False), (None, False)):
        t.equal(packed(get(person, "/overview", Sec_Fetch_Site=site)), what, f"asked for from {site}: {'' if what else 'not '}compressed")
    for codings, what in (("gzip;q=0.5", True), ("gzip;q=0", False), ("br", False), ("*", True), ("x-gzip-like", False)):
        t.equal(packed(get(person, "/overview", Accept_Encoding=codings)), what, f"Accept-Encoding: {codings}")


def secrets(t, daemon, person):
    """Nothing that guesses could be made about."""
    person.confirm()
    for path in ("/api/v1/certificates", "/api/v1/me"):
        t.ok(not packed(get(person, path)), f"{path}: what the API says is not")
    answer = person.fetch("POST", "/tokens", f"_csrf={person.csrf}&_page=/tokens&name=ci&role=viewer&expires=30",
        {**OURS, "Content-Type": "application/x-www-form-urlencoded"})
    t.ok(not packed(answer), "the answer to a form is not")
    person.form("/me/totp", "/me", _next="/me/totp")
    page = get(person, "/me/totp")
    t.ok(page.status == 200 and 'class="secret"' in page.text and not packed(page), "a page with the secret of an app is not")
    fresh = Certerad(t, name="fresh")
    page = get(Person(fresh), f"/setup?token={setup_token(fresh)}")
    t.ok(page.status == 200 and "cst_" in page.text and not packed(page), "the first page of the setup is not")
    fresh.stop()
    t.ok(not packed(get(person, "/nosuch")), "nor is an error")


def tokens(t, person):
    found = [re.search('name="_csrf" value="([^"]+)"', person.page("/help").text)[1] for _ in range(3)]
    t.equal(len(set(found)), 3, "the token of the forms looks different on each page")
    for number, token in enumerate(found):
        person.csrf = token
        t.equal(person.form("/sites", "/sites", sites=f"{number}.example").status, 303, f"and each is good ({number})")
    person.csrf = found[0][:-2] + "AA"
    t.equal(person.form("/sites", "/sites", sites="x.example").status, 403, "one that is not is refused")
    person.csrf = "A" * len(found[0])
    t.equal(person.form("/sites", "/sites", sites="x.example").status, 403, "so is one that says nothing")
    person.page("/help")


def static(t, daemon, person):
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', person.page("/overview").text)
    t.ok(len(found) >= 3 and all(re.match("/static/[0-9a-f]{12}/", path) for path in found), "style, script and icon have the digest in their address", found)
    for path in found:
        answer = get(person, path)
        t.ok(packed(answer) and "immutable" in answer.header("Cache-Control") and answer.header("Vary") == "Accept-Encoding", f"{path}: compressed, and kept for ever", answer.headers)
    old = re.sub("[0-9a-f]{12}", "0" * 12, found[1])
    t.ok(get(person, old).status == 200 and "no-cache" in get(person, old).header("Cache-Control"), "by the address of another version it is there, and asked for again")
    tag = get(person, old).header("ETag")
    t.equal(get(person, old, If_None_Match=tag).status, 304, "which costs nothing")
    t.equal(get(person, found[1].replace("style.css", "../html/page/begin.html")).status, 404, "nothing else is there")


run(main)
