#!/usr/bin/env python3
"""Every object says when it was made and last changed, and by whom: in the API, on its page, in certeractl."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t)
    daemon = site.daemon
    for name in ("anna", "bert"):
        daemon.add_user(name, "admin", PASSWORD)
    anna, bert = Person(daemon), Person(daemon)
    for name, person in (("anna", anna), ("bert", bert)):
        person.sign_in(name)
        person.confirm()
    kinds = make(t, anna)
    for path, change in kinds.items():
        status, made = anna("GET", path)
        t.ok(status == 200 and made["created"] and made["created_by"] == made["updated_by"] == "anna", f"{path}: who made it, and when", made)
        if change is None:
            continue
        status, said = bert("POST", path, change)
        now = bert("GET", path)[1]
        t.ok(status in (200, 202) and (now["created"], now["created_by"], now["updated_by"]) == (made["created"], "anna", "bert") and
            now["updated"] >= made["updated"], f"{path}: who changed it last", (status, said, now))
    what_is_no_change(t, daemon, anna, bert)
    shown(t, daemon, anna)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def make(t, anna):
    """One of each kind, and a change of it."""
    for path, body in (("/keys", {"name": "k"}), ("/certificates", {"name": "shop", "names": "shop.example", "account": "ca", "issue": False}),
            ("/accounts", {"name": "second", "directory": "https://localhost:1/dir"}), ("/plans", {"name": "small"}),
            ("/users", {"name": "carl", "role": "viewer"}), ("/tokens", {"name": "robot", "role": "viewer"}),
            ("/channels", {"name": "ops", "kind": "email", "recipients": ["ops@example.org"]}), ("/sites", {"sites": "www.example"})):
        status, said = anna("POST", path, body)
        t.ok(status in (200, 201, 202), f"{path} takes it", (status, said))
    site = anna("GET", "/sites")[1]["sites"][0]
    return {"/keys/k": {"description": "of the shop"}, "/certificates/shop": {"note": "ours"}, "/accounts/second": {"staging": True},
        "/plans/small": {"certificates": "5"}, "/users/carl": {"mail": "carl@example.org"}, "/tokens/robot": None,
        "/channels/ops": {"level": "error"}, f"/sites/{site['id']}": None}


def what_is_no_change(t, daemon, anna, bert):
    before = daemon.cert("shop")
    t.equal(anna("POST", "/certificates/shop/issue")[0], 202, "anna orders the certificate")
    daemon.wait_for_cert("shop", lambda c: c["status"] == "active")
    now = daemon.cert("shop")
    t.equal((now["updated_by"], now["updated"]), ("bert", before["updated"]), "an order is no change of it")
    daemon.add_user("dora", "viewer", PASSWORD)
    before = daemon.ctl("user", "show", "dora")
    t.equal(before["created_by"], "local admin", "certeractl on the server is named so")
    dora = Person(daemon)
    dora.sign_in("dora")
    now = daemon.ctl("user", "show", "dora")
    t.ok(now["signed_in"] and now["updated_by"] == "local admin" and now["updated"] == before["updated"], "to sign in is no change of a user", now)


def shown(t, daemon, anna):
    page = anna.page("/certificates/shop").text
    t.matches(page, r"<dt>Added</dt><dd><time[^>]*>[^<]*</time> by anna</dd>\s*<dt>Last changed</dt><dd><time[^>]*>[^<]*</time> by bert", "its page says so")
    for page in ("/keys/k", "/accounts/second", "/plans/small", "/users/carl", "/channels/ops"):
        t.contains(anna.page(page).text, "by bert", f"{page}, too")
    said = daemon.run_ctl("cert", "show", "shop").stdout.decode()
    t.matches(said, r"created by +anna\n(.*\n)?changed by +bert", "so does certeractl")
    t.contains(daemon.run_ctl("cert", "list", "--csv").stdout.decode().splitlines()[0], "created_by", "and a list as CSV")


run(main)
