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
    token_used(t, daemon, alice)
    api_key(t, daemon, alice)
    rollback(t, daemon, alice)
    withhold(t, daemon, alice)
    disable(t, daemon, alice)
    token(t, daemon, alice)
    user(t, daemon, alice)
    key(t, daemon, alice)
    account(t, daemon, alice)
    channel(t, daemon, alice)
    plan(t, daemon, alice)
    reset(t, daemon, alice)
    secret(t, daemon, alice)
    who_may(t, daemon)
    revoke(t, daemon, alice)
    app(t, daemon, alice)
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
    t.contains(words(fresh), "Nobody has used key 1 (server): nothing stops.", "a key that nobody uses")
    t.contains(words(fresh), "Key 2 (spare) keeps working. Nobody has used it.", "nor the other one")
    t.contains(alice.page("/certificates/shop/install").text, 'href="/certificates/shop/apikeys/1?staging=false"', "the certificate's page leads there")
    key = re.search(r"cak_[\w-]+", press(alice, fresh, page, "certificate_apikey").text).group(0)
    t.equal(daemon.api("POST", "/keys", {"name": "spare"})[0], 201, "a key that nothing uses, for later")
    t.contains(words(alice.page("/keys/spare/remove")), "Nobody has downloaded it by API key: nothing stops.", "nobody has it")
    one = daemon.ctl("apikey", "rotate", "key", "spare", "1", "--yes")["api_key"]
    fetch(f"https://127.0.0.1:{daemon.https_port}/api/key/spare", headers={"apiKey": one}, source="127.0.0.6")
    for source in ("127.0.0.1", "127.0.0.2"):
        t.equal(download(daemon, key, source).status, 200, f"{source} downloads with it")
    until("both are noted", lambda: used(daemon, 1) == {("127.0.0.1", 1), ("127.0.0.2", 1)})
    guard = alice.page(page)
    said = words(guard)
    t.ok("These servers use key 1 (server): their downloads are refused" in said and "127.0.0.1 version 1" in said and "127.0.0.2 version 1" in said,
        "both servers are named, with what they have", said)
    t.ok("Nobody has used it. To change without an interruption, give it to the servers first." in said, "and the way without an interruption", said)
    t.contains(words(alice.page("/certificates/shop/apikeys/2?staging=false")), "Key 1 (server) keeps working. It is used by: 127.0.0", "from the other key's side")
    t.contains(words(alice.page("/certificates/shop/install")), "Replace key 1", "nothing has happened yet")
    done = press(alice, guard, page, "certificate_apikey")
    new = re.search(r"cak_[\w-]+", done.text).group(0)
    t.equal((download(daemon, key, "127.0.0.1").status, download(daemon, new, "127.0.0.3").status), (401, 200), "then the old key is refused, and the new one works")
    until("what the old key did is not the new one's", lambda: used(daemon, 1) == {("127.0.0.3", 1)})
    t.equal(daemon.api("GET", "/certificates/shop/apikeys/3")[0], 400, "there are two")
    page = "/keys/shop/apikeys/2"
    t.contains(words(alice.page(page)), "Nobody has used key 2 (spare): nothing stops.", "the same for the API keys of a private key")
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


def token_used(t, daemon, alice):
    """Early: it is noted some seconds later."""
    daemon.token = daemon.ctl("token", "add", "ci", "--role", "viewer", "--domains", "shop.example")["token"]
    t.contains(words(alice.page("/tokens/ci")), "Nobody has used it: nothing stops.", "a token that nobody uses")
    t.equal(Person(daemon, token=daemon.token, source="127.0.0.1")("GET", "/certificates")[0], 200, "a program uses it")


def token(t, daemon, alice):
    until("its use is noted", lambda: "Nobody has used it" not in words(alice.page("/tokens/ci")))
    said = words(alice.page("/tokens/ci"))
    t.matches(said, r"The program at 127\.0\.0\.1 used it .*: it is refused from then on", "the page says which")
    t.ok("Role viewer" in said and "shop.example" in said, "and what it may do", said)
    done = press(alice, alice.page("/tokens/ci"), "/tokens/ci", "token_delete")
    t.contains(words(done), "The token ci is removed", "then it is removed")
    t.equal(Person(daemon, token=daemon.token)("GET", "/certificates")[0], 401, "and refused")


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


def key(t, daemon, alice):
    t.contains(words(alice.page("/keys/spare/remove")), "the next time they are refused. 127.0.0.6 key 1 (server), generation 1", "who has it")
    used = alice.page("/keys/shop/remove")
    t.ok("in use and cannot be removed" in words(used) and "certificate shop" in words(used) and "key_delete" not in used.text, "of one that is in use the page says by what, and has no button", words(used))
    done = press(alice, alice.page("/keys/spare/remove"), "/keys/spare/remove", "key_delete", _confirm="spare")
    t.ok("The key spare is removed." in words(done) and daemon.run_ctl("key", "show", "spare").returncode != 0, "then it is removed")


def account(t, daemon, alice):
    daemon.ctl("cert", "set", "shop", "--enable")
    daemon.ctl("account", "add", "second", "--directory", "https://127.0.0.1:1/dir", "--agree-terms")
    t.matches(words(alice.page("/accounts/ca/deactivate")), r"It orders 1 certificate \. Their next renewals fail.*shop renewal in \d+ (days|years)", "which certificates can no longer be renewed, and when that is")
    daemon.ctl("cert", "set", "shop", "--fallback", "second")
    t.contains(words(alice.page("/accounts/ca/deactivate")), "shop then by second", "or by which account")
    said = daemon.api("GET", "/accounts/ca/leaving")[1]
    t.equal((said["certificate_count"], [(c["name"], c["fallback"]) for c in said["certificates"]]), (1, [("shop", "second")]), "the same by the API")
    page = alice.page("/accounts/ca/remove")
    t.ok("cannot be removed" in words(page) and "account_delete" not in page.text, "while it is in use it cannot be removed, and the page has no button", words(page))
    page = alice.page("/accounts/second/remove")
    t.ok("it is the second choice of shop" in words(page) and "account_delete" not in page.text, "nor while it is the second choice", words(page))
    daemon.ctl("cert", "set", "shop", "--fallback", "")
    t.contains(words(alice.page("/accounts/second/remove")), "It orders no certificates: nothing stops.", "otherwise nothing stops")
    t.equal(press(alice, alice.page("/accounts/second/remove"), "/accounts/second/remove", "account_delete", _confirm="seco").status, 422, "it wants the name")
    done = press(alice, alice.page("/accounts/second/remove"), "/accounts/second/remove", "account_delete", _confirm="second")
    t.contains(words(done), "The account second is removed.", "then it is removed")


def channel(t, daemon, alice):
    for name in ("ops", "night"):
        daemon.ctl("channel", "add", name, "--kind", "webhook", "--url-file", t.write("url", f"https://127.0.0.1:{free_port()}/"))
    said = words(alice.page("/channels/ops/remove"))
    t.ok("Then nobody is notified" not in said and "Waiting for delivery nothing" in said and "Last delivered never" in said, "a channel beside another one", said)
    daemon.ctl("channel", "set", "night", "--alerts", "failed")
    said = words(alice.page("/channels/ops/disable"))
    alone = re.search(r"Then nobody is notified of: ([\w -]+) To", said)
    t.ok(alone and "expiring" in alone[1].split() and "failed" not in alone[1].split(), "the alerts that no other channel gets", said)
    done = press(alice, alice.page("/channels/ops/disable"), "/channels/ops/disable", "channel_disable")
    t.ok("is disabled: it gets no alerts." in words(done) and ">Undo<" in done.text and daemon.ctl("channel", "show", "ops")["disabled"], "then it is disabled, which can be undone")
    done = press(alice, alice.page("/channels/ops/remove"), "/channels/ops/remove", "channel_delete", _confirm="ops")
    t.contains(words(done), "The channel ops and its messages are removed.", "or removed")


def plan(t, daemon, alice):
    daemon.ctl("plan", "add", "tiny")
    t.contains(words(alice.page("/plans/tiny/remove")), "No user has this plan", "a plan that nobody has")
    add_user(daemon, "olaf", "operator", plan="tiny")
    page = alice.page("/plans/tiny/remove")
    t.ok("These users have the plan, so it cannot be removed. Give them a different plan first: olaf" in words(page) and "plan_delete" not in page.text, "one that a user has is not removed", words(page))
    daemon.ctl("user", "rm", "olaf")
    t.contains(words(press(alice, alice.page("/plans/tiny/remove"), "/plans/tiny/remove", "plan_delete", _confirm="tiny")), "The plan tiny is removed.", "then it is removed")


def reset(t, daemon, alice):
    add_user(daemon, "nina", "viewer")
    nina = Person(daemon, source="127.0.0.1")
    nina.sign_in("nina")
    said = words(alice.page("/users/nina/reset"))
    t.ok("The present password stops working, and these sessions end." in said and "Sessions 127.0.0.1" in said, "a new password ends these sessions", said)
    done = press(alice, alice.page("/users/nina/reset"), "/users/nina/reset", "user_reset", no_app="false")
    t.ok('class="secret"' in done.text and nina("GET", "/me")[0] == 401, "then there is one, and they have ended")


def secret(t, daemon, alice):
    t.contains(words(alice.page("/secrets/mail.password/remove")), "It is not stored here: there is nothing to remove.", "a secret that is not stored")
    daemon.api("POST", "/secrets/mail.password", {"value": "x"})
    t.contains(words(alice.page("/secrets/mail.password/remove")), "Certera then uses what the configuration file has for it.", "one that is: what counts then")
    t.equal(daemon.api("GET", "/secrets/mail.password")[1]["set"], True, "the API says that it is there")
    t.contains(words(press(alice, alice.page("/secrets/mail.password/remove"), "/secrets/mail.password/remove", "secret_remove")), "The secret mail.password is removed.", "then it is removed")
    t.equal((daemon.api("GET", "/secrets/mail.password")[1]["set"], daemon.api("GET", "/secrets/nosuch")[0]), (False, 404), "indeed")


def revoke(t, daemon, alice):
    page = "/certificates/shop/revoke?staging=false"
    said = words(alice.page(page))
    t.ok("Revoke version 1 of shop?" in said and "These servers have downloaded it" in said and "127.0.0.4" in said, "which version, and which servers have it", said)
    t.contains(said, daemon.cert("shop")["in_force"]["serial"], "with its serial number")
    t.contains(alice.page("/certificates/shop/settings").text, 'href="/certificates/shop/revoke?staging=false"', "the settings lead there")
    t.equal(press(alice, alice.page(page), page, "certificate_revoke", _confirm="sho").status, 422, "it wants the name")
    t.contains(words(alice.answer), "These servers have downloaded it", "on the same page")
    t.contains(words(press(alice, alice.page(page), page, "certificate_revoke", _confirm="shop")), "The CA is being asked to revoke shop.", "then the CA is asked")
    daemon.wait_for_cert("shop", lambda c: c["status"] == "revoked")


def app(t, daemon, alice):
    t.contains(words(alice.page("/me/totp/off")), "You have no authenticator app", "who has no app has none to turn off")
    secret = alice("POST", "/me/totp", {})[1]["secret"]
    alice("POST", "/me/totp/confirm", {"code": totp(secret, -1)})
    said = words(alice.page("/me/totp/off"))
    t.ok("From then on your password alone signs you in. Its codes and your recovery codes stop working." in said, "what follows from turning it off", said)
    page = alice.page("/me").text
    t.ok('href="/me/totp/off" data-dialog' in page and 'href="/me/recovery-codes" data-dialog' in page, "the account leads there, and to new recovery codes")
    t.contains(words(alice.page("/me/recovery-codes")), "The recovery codes that you have stop working.", "which end the old ones")
    done = press(alice, alice.page("/me/recovery-codes"), "/me/recovery-codes", "recovery_new")
    t.equal(done.text.count('class="secret"'), 10, "then there are new ones")
    t.contains(words(press(alice, alice.page("/me/totp/off"), "/me/totp/off", "totp_remove")), "Your authenticator app is turned off", "then it is off")


def who_may(t, daemon):
    add_user(daemon, "vera", "viewer")
    vera = Person(daemon)
    vera.sign_in("vera")
    for path in ("/certificates/shop/apikeys/1", "/certificates/shop/rollback/1", "/certificates/shop/disable", "/keys/shop/apikeys/1", "/users/alice/disable",
            "/certificates/shop/revoke", "/keys/shop/remove", "/accounts/ca/deactivate", "/accounts/ca/remove", "/users/alice/reset"):
        t.equal(vera.page(path).status, 403, f"a viewer has no business at {path}")
    daemon.ctl("plan", "add", "small")
    add_user(daemon, "oscar", "operator", plan="small")
    oscar = Person(daemon)
    oscar.sign_in("oscar")
    for path in ("/certificates/shop/apikeys/1", "/certificates/shop/key-download/off", "/keys/shop/apikeys/1", "/tokens/nosuch", "/certificates/shop/revoke", "/keys/shop/remove"):
        t.equal(oscar.page(path).status, 404, f"for a user with a plan there is no {path} of others")


run(main)
