#!/usr/bin/env python3
"""A certificate is handed over: what moves with it, and who gains or loses it, is said beforehand and in the answer."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t)
    daemon = site.daemon
    daemon.ctl("plan", "add", "small", "--certificates", "5")
    daemon.ctl("plan", "add", "narrow", "--domains", "other.example")
    for name, role, more in (("alice", "operator", {"plan": "small"}), ("bob", "operator", {"plan": "small"}), ("nina", "operator", {"plan": "narrow"}),
            ("olga", "operator", {}), ("anna", "admin", {})):
        daemon.add_user(name, role, PASSWORD, **more)
    people = {name: Person(daemon) for name in ("alice", "bob", "olga", "anna")}
    for name, person in people.items():
        person.sign_in(name)
        person.confirm()
    prepare(t, daemon, people["alice"])
    preview(t, daemon, **people)
    done(t, daemon, **people)
    t.equal(daemon.ctl("verify")["state"], "passed", "the store is whole")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def prepare(t, daemon, alice):
    status, said = alice("POST", "/certificates", {"name": "shop", "names": ["shop.example"], "account": "ca", "contacts": ["shop@example.org"]})
    t.equal(status, 201, "alice has a certificate")
    daemon.wait_for_cert("shop", lambda c: c["status"] == "active")
    daemon.ctl("cert", "add", "twin", "--names", "twin.example", "--account", "ca", "--key", "shop", "--no-issue")
    for name, body in (("hers", {"domains": ["shop.example"]}), ("elsewhere", {"domains": ["else.example"]})):
        t.equal(alice("POST", "/tokens", {"name": name, "role": "viewer", **body})[0], 201, f"her token {name}")
    daemon.ctl("token", "add", "deploy", "--role", "viewer", "--domains", "shop.example")
    daemon.ctl("token", "add", "all", "--role", "viewer")


MOVES = {"certificate": "shop", "from": "alice", "to": "bob", "versions": 1, "orders": 1, "key": "shop", "key_stays": None,
    "key_shared_with": ["twin"], "contacts": ["shop@example.org"], "other_tokens": 0}
USERS = [("alice", "loses it"), ("bob", "gains it")]
TOKENS = [("deploy", "keeps it"), ("hers", "loses it")]


def told(moves):
    return ({k: moves[k] for k in MOVES}, [(u["name"], u["then"]) for u in moves["users"]], sorted((x["name"], x["then"]) for x in moves["tokens"]))


def preview(t, daemon, alice, bob, olga, anna):
    said = daemon.ctl("cert", "hand-over", "shop", "--to", "bob", "--dry-run")
    t.equal((said["dry_run"], told(said["moves"])), (True, (MOVES, USERS, TOKENS)), "a dry run names all that moves, and whom it touches")
    t.equal((daemon.cert("shop")["owner"], alice("GET", "/keys/shop")[0]), ("alice", 200), "and changes nothing")
    text = daemon.run_ctl("cert", "hand-over", "shop", "--to", "bob", "--dry-run").stdout.decode()
    t.ok("hers loses it" in text and "Nothing was changed." in text, "certeractl says it in words", text)
    status, said = olga("POST", "/certificates/shop/owner?dry_run=true", {"user": "bob"})
    t.equal((status, said["moves"]["tokens"], said["moves"]["other_tokens"]), (200, [], 2), "the names of other people's tokens are for administrators")
    t.equal(alice("POST", "/certificates/shop/owner?dry_run=true", {"user": "bob"})[0], 403, "who has a plan may not, and sees no preview")
    status, said = anna("POST", "/certificates/shop/owner?dry_run=true", {"user": "nina"})
    t.ok(status in (403, 409, 422) and "for nina" in said["detail"], "a new owner's plan is looked at in the preview", (status, said))
    t.equal(anna("POST", "/certificates/shop/owner?dry_run=perhaps", {"user": "bob"})[0], 400, "dry_run is true or false")
    answer = anna.form("/certificates/shop/owner?staging=false&dry_run=true", "/certificates/shop/settings", _form="certificate_owner", _empty="user", user="bob")
    t.ok(answer.status == 200 and "This would move from alice to bob" in answer.text and "The API token hers loses it" in answer.text and
        'value="bob"' in answer.text, "its page has the preview", answer.text)
    t.equal(daemon.cert("shop")["owner"], "alice", "of which nothing was done")


def done(t, daemon, alice, bob, olga, anna):
    said = daemon.ctl("cert", "hand-over", "shop", "--to", "bob")
    t.equal((said["dry_run"], said["owner"], told(said["moves"])), (False, "bob", (MOVES, USERS, TOKENS)), "the answer names the same")
    t.equal((alice("GET", "/certificates/shop")[0], bob("GET", "/certificates/shop")[0], bob("GET", "/keys/shop")[0]), (404, 200, 200), "which is so")
    event = daemon.ctl("events", "--object", "shop", "--action", "certificate.handed_over")["events"][0]
    t.equal(event["message"], "to bob, with its key shop", "the audit log names the key")
    said = daemon.ctl("cert", "hand-over", "shop", "--to", "")
    t.equal((said["moves"]["from"], said["moves"]["to"], [(u["name"], u["then"]) for u in said["moves"]["users"]]), ("bob", None, [("bob", "loses it")]), "to nobody, too")


run(main)
