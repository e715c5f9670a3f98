#!/usr/bin/env python3
"""What stands before a button that stops something: who used it and when, what follows.  Pages without scripts, and the same by API."""
import html
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *



def main(t):
    site = Site(t)
    daemon = site.daemon
    keys = daemon.add_cert("shop", "shop.example www.shop.example")
    add_user(daemon, "alice")
    alice = Person(daemon)
    alice.sign_in("alice")
    api_key(t, daemon, alice)
    rollback(t, daemon, alice)
    withhold(t, daemon, alice)
    disable(t, daemon, alice)
    token(t, daemon, alice)
    user(t, daemon, alice)
    who_may(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def words(answer):
    """What a person reads of a page's main part."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text.split("<main")[1])).split())


def press(person, answer, page, form, **fields):
    """Its form, as it stands there."""
    found = re.search(rf'<form id="{form}" method="post" action="([^"]+)".*?</form>', answer.text, re.S)
    hidden = {k: html.unescape(v) for k, v in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found.group(0))}
    return person.submit(html.unescape(found.group(1)), page, **{**{k: v for k, v in hidden.items() if k not in ("_csrf", "_page")}, **fields})


def download(daemon, key, source, **query):
    from urllib.parse import urlencode
    return fetch(f"https://127.0.0.1:{daemon.https_port}/api/certificate/shop?{urlencode(query)}", headers={"apiKey": key}, source=source)


def used(daemon, slot):
    return {(u["address"], u["version"]) for u in daemon.api("GET", f"/certificates/shop/apikeys/{slot}")[1]["used"]}


def api_key(t, daemon, alice):
    page = "/certificates/shop/apikeys/1?staging=false"
    fresh = alice.page(page)
    t.contains(words(fresh), "Nobody has used key 1: nothing stops.", "a key that nobody uses")
    t.contains(words(fresh), "Key 2 keeps working. Nobody has used it.", "nor the other one")
    t.contains(alice.page("/certificates/shop/install").text, 'href="/certificates/shop/apikeys/1?staging=false"', "the certificate's page leads there")
    key = re.search(r"cak_[\w-]+", press(alice, fresh, page, "certificate_apikey").text).group(0)
    for source in ("127.0.0.1", "127.0.0.2"):
        t.equal(download(daemon, key, source).status, 200, f"{source} downloads with it")
    until("both are noted", lambda: used(daemon, 1) == {("127.0.0.1", 1), ("127.0.0.2", 1)})
    guard = alice.page(page)
    said = words(guard)
    t.ok("These servers use key 1: their downloads are refused" in said and "127.0.0.1 version 1" in said and "127.0.0.2 version 1" in said,
        "both servers are named, with what they have", said)
    t.ok("Nobody has used it. To change without an interruption, give it to the servers first." in said, "and the way without an interruption", said)
    t.contains(words(alice.page("/certificates/shop/apikeys/2?staging=false")), "Key 1 keeps working. It is used by: 127.0.0", "from the other key's side")
    t.contains(words(alice.page("/certificates/shop/install")), "Replace key 1", "nothing has happened yet")
    done = press(alice, guard, page, "certificate_apikey")
    new = re.search(r"cak_[\w-]+", done.text).group(0)
    t.equal((download(daemon, key, "127.0.0.1").status, download(daemon, new, "127.0.0.3").status), (401, 200), "then the old key is refused, and the new one works")
    until("what the old key did is not the new one's", lambda: used(daemon, 1) == {("127.0.0.3", 1)})
    t.equal(daemon.api("GET", "/certificates/shop/apikeys/3")[0], 400, "there are two")
    page = "/keys/shop/apikeys/2"
    t.contains(words(alice.page(page)), "Nobody has used key 2: nothing stops.", "the same for the API keys of a private key")
    t.ok(press(alice, alice.page(page), page, "key_apikey").text.count('class="secret"') == 1, "whose button makes a new one")


def rollback(t, daemon, alice):
    daemon.ctl("cert", "set", "shop", "--names", "shop.example")
    until("version 2 is in force", lambda: daemon.cert("shop")["current"] == 2)
    page = "/certificates/shop/rollback/1?staging=false"
    said = words(alice.page(page))
    t.ok("Put version 1 of shop in force?" in said and "Names added www.shop.example" in said and "127.0.0.3" in said, "what changes, and who gets it", said)
    t.equal(daemon.cert("shop")["current"], 2, "so far nothing has changed")
    done = press(alice, alice.page(page), page, "certificate_rollback")
    t.ok("Version 1 of shop is in force." in words(done) and ">Undo<" in done.text and daemon.cert("shop")["current"] == 1, "then it is done, and can be undone")
    t.equal(alice.page("/certificates/shop/rollback/9?staging=false").status, 404, "a version that is not there")


def withhold(t, daemon, alice):
    page = "/certificates/shop/key-download/off?staging=false"
    t.contains(words(alice.page(page)), "Nobody has downloaded such a format: nothing stops.", "nobody has fetched the private key")
    key = daemon.ctl("apikey", "rotate", "cert", "shop", "2", "--yes")["api_key"]
    t.equal(download(daemon, key, "127.0.0.4", format="bundle").status, 200, "a server fetches it")
    until("that is noted", lambda: "127.0.0.4" in words(alice.page(page)))
    said = words(alice.page(page))
    t.ok("Their next download is refused" in said and "127.0.0.3" not in said, "the page names it, and not those that fetch the certificate alone", said)
    done = press(alice, alice.page(page), page, "certificate_withhold")
    t.ok("no longer download" in words(done) and download(daemon, key, "127.0.0.4", format="bundle").status == 403, "then it is refused")
    press(alice, alice.page(page.replace("off", "on")), page, "certificate_withhold")
    t.equal(download(daemon, key, "127.0.0.4", format="bundle").status, 200, "and allowed again")


def disable(t, daemon, alice):
    page = "/certificates/shop/disable?staging=false"
    said = words(alice.page(page))
    t.ok(re.search(r"Skipped renewal \d+ \w+ 20\d\d", said) and "It is downloaded by: 127.0.0" in said, "which renewal is left out, who goes on with the old version", said)
    press(alice, alice.page(page), page, "certificate_disable")
    t.ok(daemon.cert("shop")["disabled"], "then it is disabled")
    page = "/certificates/shop/remove?staging=false"
    said = words(alice.page(page))
    t.ok("Their downloads are then refused: 127.0.0" in said and "Kept the private key shop" in said, "removing says whose downloads end, and what stays", said)
    t.equal(press(alice, alice.page(page), page, "certificate_delete", _confirm="sho").status, 422, "it wants the name")
    t.contains(words(alice.answer), "Their downloads are then refused", "on the same page")


def token(t, daemon, alice):
    made = daemon.ctl("token", "add", "ci", "--role", "viewer", "--domains", "shop.example")["token"]
    t.contains(words(alice.page("/tokens/ci")), "Nobody has used it: nothing stops.", "a token that nobody uses")
    t.equal(Person(daemon, token=made, source="127.0.0.1")("GET", "/certificates")[0], 200, "a program uses it")
    until("its use is noted", lambda: "Nobody has used it" not in words(alice.page("/tokens/ci")))
    said = words(alice.page("/tokens/ci"))
    t.matches(said, r"The program at 127\.0\.0\.1 used it .*: it is refused from then on", "the page says which")
    t.ok("Role viewer" in said and "shop.example" in said, "and what it may do", said)
    done = press(alice, alice.page("/tokens/ci"), "/tokens/ci", "token_delete")
    t.contains(words(done), "The token ci is removed", "then it is removed")
    t.equal(Person(daemon, token=made)("GET", "/certificates")[0], 401, "and refused")


def user(t, daemon, alice):
    add_user(daemon, "bob", "operator")
    bob = Person(daemon, source="127.0.0.1")
    bob.sign_in("bob")
    t.equal(bob("POST", "/tokens", {"name": "bobs", "role": "viewer"})[0], 201, "bob makes a token")
    t.equal(bob("POST", "/keys", {"name": "bobs"})[0], 201, "and a key")
    said = words(alice.page("/users/bob/disable"))
    t.ok("Sessions 127.0.0.1" in said and "bobs never used" in said and "keys: 1" in said, "who is disabled: sessions, tokens, what is owned", said)
    done = press(alice, alice.page("/users/bob/disable"), "/users/bob/disable", "user_disable")
    t.contains(words(done), "bob is disabled and signed out everywhere.", "then it is so")
    t.equal(bob("GET", "/me")[0], 401, "indeed")
    t.contains(words(alice.page("/users/bob/remove")), "certificates and keys become unowned", "removing says what becomes of things")
    t.equal(press(alice, alice.page("/users/bob/remove"), "/users/bob/remove", "user_delete", _confirm="bob").status, 200, "then it is done")
    t.equal(alice.page("/users/bob").status, 404, "for good")


def who_may(t, daemon):
    add_user(daemon, "vera", "viewer")
    vera = Person(daemon)
    vera.sign_in("vera")
    for path in ("/certificates/shop/apikeys/1", "/certificates/shop/rollback/1", "/certificates/shop/disable", "/keys/shop/apikeys/1", "/users/alice/disable"):
        t.equal(vera.page(path).status, 403, f"a viewer has no business at {path}")
    daemon.ctl("plan", "add", "small")
    add_user(daemon, "oscar", "operator", plan="small")
    oscar = Person(daemon)
    oscar.sign_in("oscar")
    for path in ("/certificates/shop/apikeys/1", "/certificates/shop/key-download/off", "/keys/shop/apikeys/1", "/tokens/nosuch"):
        t.equal(oscar.page(path).status, 404, f"for a user with a plan there is no {path} of others")


run(main)
