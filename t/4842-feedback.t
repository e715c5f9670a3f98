#!/usr/bin/env python3
"""What a page says after a form: once, with a way to undo it; and secrets that a reload neither repeats nor loses.  Without scripts."""
import html
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# Rows that send a browser on without a word: the page it comes to says it itself.
SILENT = {"page_sign_in", "page_sign_in_code", "page_setup_begin", "page_totp_new", "page_check_add", "page_cert_look", "page_reader_set"}


def main(t):
    every_row(t)
    site = Site(t)
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example")
    daemon.ctl("cert", "reissue", "shop")
    until("a second version is in force", lambda: daemon.cert("shop")["current"] == 2)
    add_user(daemon, "alice")
    alice = Person(daemon)
    alice.sign_in("alice")
    said_once(t, alice)
    undone(t, daemon, alice)
    forged(t, alice)
    secrets(t, daemon, alice)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def line(answer):
    """What the status line says; None: there is none."""
    found = re.search(r'role="status">\s*<p>(.*?)</p>', answer.text, re.S)
    return html.unescape(re.sub("<[^>]*>", "", found.group(1))).strip() if found else None


def undo(person, answer, page):
    """Presses its button, and the page that follows."""
    form = re.search(r'role="status">.*?<form method="post" action="([^"]+)">(.*?)</form>', answer.text, re.S)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form.group(2)))
    return person.submit(html.unescape(form.group(1)), page, **{k: html.unescape(v) for k, v in fields.items() if k not in ("_csrf", "_page")})


def every_row(t):
    with open(TOP + "/webui/routes.def") as f:
        rows = re.findall(r'^ROUTE\((POST|DELETE), +"([^"]*)", +(\w+), +(\w+), +\w+, +"([^"]*)"\)', f.read(), re.M)
    with open(TOP + "/webui/said.def") as f:
        said = set(re.findall(r"^SAID\((\w+),", f.read(), re.M))
    sent_on = {handler for _, _, handler, role, template in rows if not template and role != "APIKEY"}
    t.equal(sent_on - said - SILENT, set(), "every row that sends a browser on has its sentence")
    t.equal(said - sent_on, set(), "and there is none for others")


def said_once(t, alice):
    answer = alice.form("/plans", "/plans", name="small", certificates="2", domains="")
    t.equal((answer.status, answer.header("Location")), (303, "/plans"), "a form sends the browser on")
    cookie = [c for c in answer.headers.get_all("Set-Cookie")]
    t.equal(sorted(cookie[0].split("; ")[1:]), ["HttpOnly", "Max-Age=60", "Path=/", "SameSite=Strict", "Secure"], "the words travel in a cookie of this host")
    page = alice.page("/plans")
    t.equal(line(page), "The plan small is added. Open it", "the next page says what was done")
    t.contains(page.text, '<a href="/plans/small">Open it</a>', "with a link to it")
    t.equal(line(alice.page("/plans")), None, "once: a reload says nothing")
    wrong = alice.form("/plans", "/plans", _form="plan_add", name="small", certificates="2", domains="")
    t.equal((wrong.status, line(wrong)), (409, None), "what was not done is not said to be")
    t.equal(line(alice.submit("/sites", "/sites", sites="one.example\ntwo.example")), "2 added.", "a count")
    t.equal(line(alice.submit("/sites", "/sites", sites="one.example\nthree.example")), "1 added; 1 already tracked.", "and what was there before")
    t.equal(line(alice.submit("/issue", "/certificates", certificates="shop")), "1 order has begun. See the orders", "orders that have begun, with the way to them")
    t.equal(line(alice.submit("/sign-out", "/plans", _next="/sign-in")), "You are signed out.", "who is signed out is told, too")
    alice.sign_in("alice")


def undone(t, daemon, alice):
    until("the order has ended", lambda: daemon.cert("shop")["current"] == 3)
    page = "/certificates/shop?staging=false"
    back = alice.submit("/certificates/shop/rollback/1?staging=false", page)
    t.equal((line(back), daemon.cert("shop")["current"]), ("Version 1 of shop is in force.", 1), "rolled back")
    again = undo(alice, back, page)
    t.equal((line(again), daemon.cert("shop")["current"]), ("Version 3 of shop is in force.", 3), "Undo puts the version before in force again")
    off = alice.submit("/certificates/shop?staging=false", page, disabled="true")
    t.ok(line(off).startswith("shop is disabled") and daemon.cert("shop")["disabled"], "disabled", line(off))
    t.equal((line(undo(alice, off, page)), daemon.cert("shop")["disabled"]), ("shop is enabled.", False), "Undo enables it")
    withheld = alice.submit("/certificates/shop/key-download/off?staging=false", page)
    t.contains(line(withheld), "no longer download", "its keys are withheld")
    t.equal(daemon.cert("shop")["key_withheld"], True, "indeed")
    undo(alice, withheld, page)
    t.equal(daemon.cert("shop")["key_withheld"], False, "Undo allows it again")
    owned = alice.submit("/certificates/shop/owner?staging=false", page, user="alice")
    t.equal((line(owned), daemon.cert("shop")["owner"]), ("alice is the owner of shop.", "alice"), "it has an owner")
    t.equal((line(undo(alice, owned, page)), daemon.cert("shop")["owner"]), ("shop has no owner.", None), "Undo: it has none again")
    value = lambda: daemon.api("GET", "/settings/notify.expiring")[1]["value"]
    before = value()
    changed = alice.submit("/settings/notify.expiring", "/settings", value="20 5")
    t.equal((line(changed), value()), ("notify.expiring is now “20 5”.", "20 5"), "a setting is changed")
    undo(alice, changed, "/settings")
    t.equal(value(), before, "Undo: it is as it was")
    site = daemon.ctl("site", "list")["sites"][0]
    gone = alice.submit(f"/sites/{site['id']}", "/sites", _method="DELETE", _next="/sites")
    t.equal(line(gone), f"Tracking of {site['name']} has stopped.", "a site is removed")
    undo(alice, gone, "/sites")
    t.ok(site["name"] in [s["name"] for s in daemon.ctl("site", "list")["sites"]], "and tracked again")


def forged(t, alice):
    """A cookie that somebody else has put there."""
    import base64
    import json
    def page(said):
        text = said if isinstance(said, bytes) else base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=")
        alice.jar["said"] = "__Host-certera-said=" + text.decode()
        answer = alice.page("/plans")
        alice.jar.clear()
        return answer
    shown = page({"text": "<script>alert(1)</script>", "link": {"text": "x", "path": "//evil.example/"}, "undo": {"text": "x", "action": "https://evil.example/"}})
    t.lacks(shown.text, "<script>alert", "is escaped")
    t.lacks(shown.text, "evil.example", "and leads nowhere else")
    for broken in (b"%%%", b"", b"AAAA", b"bnVsbA", b"W10", b"eyJ0ZXh0IjoxfQ", b"A" * 6000):
        t.equal((page(broken).status, line(alice.answer)), (200, None), f"{broken[:20]!r} says nothing")


def secrets(t, daemon, alice):
    """By redirect: a reload neither makes a second one nor loses it."""
    answer = alice.form("/certificates/shop/apikeys/1?staging=false", "/certificates/shop?staging=false")
    where = answer.header("Location")
    t.equal((answer.status, where.startswith("/shown/"), answer.body), (303, True, b""), "a new API key is shown at an address of its own")
    pages = [alice.page(where) for _ in range(3)]
    keys = {re.search(r"cak_[\w-]+", page.text).group(0) for page in pages}
    t.equal(len(keys), 1, "a reload shows the same key")
    key = keys.pop()
    url = f"https://127.0.0.1:{daemon.https_port}/api/certificate/shop"
    t.equal(fetch(url, headers={"apiKey": key}).status, 200, "which is the one that counts")
    t.contains(pages[0].text, 'href="/certificates/shop?staging=false"', "the way on leads to the certificate")
    t.equal(pages[0].header("Cache-Control"), "no-store", "nobody keeps the page")
    other = Person(daemon)
    other.sign_in("alice")
    t.equal(other.page(where).status, 404, "another session of the same user does not see it")
    t.equal(Person(daemon).page(where).header("Location"), f"/sign-in?next={where}", "nor does who is not signed in")
    t.equal(alice.page("/shown/nosuch").status, 404, "nor is there another")
    for path, page, pattern, fields in (
        ("/tokens", "/tokens", r"ctk_[\w-]+", {"name": "ci", "role": "viewer"}),
        ("/keys", "/new/key", r"kak_[\w-]+|cak_[\w-]+", {"name": "k"}),
        ("/users", "/new/user", r'secret">[a-z0-9-]{23}<', {"name": "bob", "role": "viewer"}),
        ("/users/bob/reset", "/users/bob", r'secret">[a-z0-9-]{23}<', {}),
    ):
        where = alice.form(path, page, **fields).header("Location")
        shown = [re.findall(pattern, alice.page(where).text) for _ in range(2)]
        t.ok(shown[0] and shown[0] == shown[1], f"{path}: shown, and shown again", shown)
    mine = where
    with open(daemon.store + "/data.mdb", "rb") as f:
        t.ok(key.encode() not in f.read(), "the store does not hold it")
    cookie = alice.cookie
    alice.form("/sign-out", "/plans", _next="/sign-in")
    alice.cookie = cookie
    t.equal(alice.page(mine).status, 303, "signed out: it is not shown")
    alice.sign_in("alice")
    t.equal(alice.page(mine).status, 404, "nor in the next session")
    where = alice.form("/tokens", "/tokens", name="again", role="viewer").header("Location")
    daemon.stop()
    daemon.begin()
    t.equal(alice.page(where).status, 404, "nor after a restart")
    t.contains(alice.answer.text, "replace it", "which says what to do")


run(main)
