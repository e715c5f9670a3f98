#!/usr/bin/env python3
"""Which key a certificate uses: a different one for a certificate that is there, and what deploy scripts get meanwhile."""
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, record=True)
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    keys = {"shop": made["key_api_keys"][0], "cert": made["api_keys"][0]}
    keys["other"] = daemon.ctl("key", "add", "other", "--type", "p384")["api_keys"][0]
    former = daemon.leaf("shop").public_key

    in_between(t, site, keys, former)
    changed(t, daemon, keys, former)
    a_new_one(t, daemon, keys)
    refused(t, daemon)
    on_the_pages(t, daemon)


def fetched(daemon, key, api_key, **more):
    got = daemon.download("key", key, api_key, **more)
    return public_key_of_key(got.text) if got.status == 200 else got.status


def users(daemon, key):
    return daemon.ctl("key", "show", key)["used_by"]


def in_between(t, site, keys, former):
    """The key is changed, and the CA does not issue yet."""
    daemon = site.daemon
    go = threading.Event()
    site.recorder.before = lambda seen: seen.kind == "finalize" and go.wait(60) and None
    said = daemon.ctl("cert", "set", "shop", "--key", "other")
    t.equal((said["key"], said["key_type"], said["ordered"]), ("other", "p384", True), "an existing key: it is ordered with that, and of that type")
    t.equal(fetched(daemon, "shop", keys["shop"], certificate="shop"), former, "until it is issued, the former key is the one that fits")
    t.equal(fetched(daemon, "other", keys["other"], certificate="shop"), 409, "and the new one is refused for it")
    bundle = daemon.download("certificate", "shop", keys["cert"], format="bundle").text
    t.equal(public_key_of_key(bundle), former, "a bundle has the key that goes with it")
    t.equal((users(daemon, "other"), users(daemon, "shop")), (["certificate shop"], ["certificate shop, until its next version"]),
        "both keys say who uses them")
    done = daemon.run_ctl("key", "rm", "shop")
    t.ok(done.returncode == 7 and b"in use" in done.stderr, "so the former key cannot be removed", done.stderr)
    go.set()


def changed(t, daemon, keys, former):
    daemon.wait_for_cert("shop", lambda c: c["current"] == 2, "it is issued")
    leaf = daemon.leaf("shop").public_key
    t.ok(leaf != former and leaf == fetched(daemon, "other", keys["other"], certificate="shop"), "issued: the key that was named fits")
    bundle = daemon.download("certificate", "shop", keys["cert"], format="bundle").text
    t.equal(public_key_of_key(bundle), leaf, "also in a bundle, without asking anybody again")
    t.equal(fetched(daemon, "shop", keys["shop"], certificate="shop"), 404, "the former key is no more that of the certificate")
    events = [e["message"] for e in daemon.ctl("events", "--object", "shop", "--action", "certificate.changed")["events"]]
    t.contains(events[0], "key, now other", "the audit log has it")
    daemon.ctl("cert", "rollback", "shop", "1")
    t.equal(fetched(daemon, "shop", keys["shop"], certificate="shop"), former, "rolled back: the former key fits again")
    daemon.ctl("cert", "rollback", "shop", "2")
    t.equal(daemon.run_ctl("key", "rm", "shop").returncode, 0, "nothing uses the former key: it can be removed")
    daemon.add_cert("second", "second.example", key="other")
    t.equal(sorted(users(daemon, "other")), ["certificate second", "certificate shop"], "key show lists all that share it")
    t.ok(daemon.leaf("second").public_key == leaf, "which have one key in force")


def a_new_one(t, daemon, keys):
    done = daemon.run_ctl("cert", "set", "second", "--new-key", "fresh", "--key-type", "rsa2048", "--wait", timeout=120 * PATIENCE)
    t.ok(done.returncode == 0 and b"/api/key/fresh" in done.stdout and b"API keys of the key" in done.stdout,
        "a new key: its API keys are shown, and what changes for deploy scripts", done)
    api_key = done.stdout.decode().split("API keys of the key")[1].split("\n")[1].split()[1]
    shown = daemon.ctl("key", "show", "fresh")
    t.equal((shown["type"], shown["used_by"], shown["newest"]), ("rsa2048", ["certificate second"], 1), "of the type that was wanted, used at once")
    t.equal(fetched(daemon, "fresh", api_key, certificate="second"), daemon.leaf("second").public_key, "its API key fetches what fits")
    t.equal(users(daemon, "other"), ["certificate shop"], "the others keep theirs")
    said = daemon.ctl("cert", "set", "second", "--new-key", "fresher", "--wait", timeout=120 * PATIENCE)
    t.equal((len(said["key_api_keys"]), said["status"], said["key"]), (2, "active", "fresher"), "as JSON, too")


def refused(t, daemon):
    status, said = daemon.api("POST", "/certificates/shop", {"key": "nosuch"})
    t.equal((status, said["errors"][0]["field"]), (409, "key"), "a key that is not there")
    status, said = daemon.api("POST", "/certificates/shop", {"new_key": "fresh"})
    t.equal((status, said["errors"][0]["field"]), (409, "new_key"), "a new one whose name is taken")
    status, said = daemon.api("POST", "/certificates/shop", {"key": "fresh", "new_key": "b"})
    t.equal(status, 422, "both at once")
    account = daemon.ctl("account", "show", "ca")["key"]
    status, said = daemon.api("POST", "/certificates/shop", {"key": account})
    t.ok(status == 409 and "account" in said["detail"], "an account's key", said)
    before = daemon.cert("shop")["orders"]
    t.equal(daemon.api("POST", "/certificates/shop", {"key": "other"})[0], 200, "the key that it has")
    t.equal(daemon.cert("shop")["orders"], before, "orders nothing")
    robot = Person(daemon, token=daemon.ctl("token", "add", "robot", "--role", "operator")["token"])
    status, said = robot("POST", "/certificates/shop", {"key": "fresh"})
    t.ok(status == 403 and "tokens" in said["detail"], "a token may not hand out a key that exists", said)
    status, said = robot("POST", "/certificates/shop", {"new_key": "robots"})
    t.equal((status, len(said.get("key_api_keys", []))), (200, 2), "but have a new one made")
    daemon.wait_for_cert("shop", lambda c: c["current"] == 3, "it is ordered")


def on_the_pages(t, daemon):
    add_user(daemon, "root")
    person = Person(daemon)
    person.sign_in("root")
    t.contains(person.page("/certificates/shop/settings").text, "Use a different key", "the page of the certificate offers it")
    answer = person.submit("/certificates/shop/key?staging=false", "/certificates/shop", key="other", new_key="", key_type="", _form="certificate_key", _password=PASSWORD)
    t.ok(answer.status == 200 and "orders the certificate with this key now" in answer.text and "/api/key/other" in answer.text,
        "an existing key: what follows is said", answer.text[:800])
    daemon.wait_for_cert("shop", lambda c: c["current"] == 4, "it is ordered")
    answer = person.submit("/certificates/shop/key?staging=false", "/certificates/shop", key="", new_key="page", key_type="", _form="certificate_key", _password=PASSWORD)
    t.ok(answer.status == 200 and answer.text.count('class="secret"') == 2, "a new one: its API keys, once", answer.text[:800])
    daemon.wait_for_cert("shop", lambda c: c["current"] == 5, "it is ordered")
    daemon.add_cert("third", "third.example", key="page")
    t.contains(person.page("/keys/page").text, "Certificates that share a key keep it at renewals", "a shared key says what that means")


run(main)
