#!/usr/bin/env python3
"""Lists of keys, accounts, sites, users and messages: filters and order, in the API, on the pages and at a command line."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t)
    keys(t, daemon)
    accounts(t, daemon)
    sites(t, daemon)
    users(t, daemon)
    outbox(t, daemon)
    on_the_pages(t, daemon)


def names(daemon, command, *argv, of="name"):
    listed = daemon.ctl(*command.split(), "list", *argv)
    return [one[of] for one in next(v for v in listed.values() if isinstance(v, list))]


def days(t, daemon, command, all_of_them):
    """From a day on, and before one."""
    early, late = "2001-01-01", "2200-01-01"
    t.equal((names(daemon, command, "--created-since", late), names(daemon, command, "--created-until", early), set(names(daemon, command, "--created-until", late))),
        ([], [], set(all_of_them)), f"{command}: by the day it was added")


def refused(t, daemon, path, **query):
    for name, value in query.items():
        status, said = daemon.api("GET", path, **{name: value})
        t.ok(status in (400, 404) and said["errors"][0]["field"] == name, f"{path}: {name}={value} is not understood", said)


def keys(t, daemon):
    daemon.ctl("user", "add", "ann", "--role", "operator")
    for name, kind in (("k1", "p256"), ("k2", "rsa2048"), ("k3", "p384"), ("k4", "p256")):
        daemon.ctl("key", "add", name, "--type", kind)
    t.equal(names(daemon, "key", "--algorithm", "rsa"), ["k2"], "keys by algorithm")
    t.equal(names(daemon, "key", "--algorithm", "ecdsa"), ["k1", "k3", "k4"], "the other one")
    t.equal(names(daemon, "key", "--type", "p384"), ["k3"], "by type")
    t.equal(names(daemon, "key", "--sort", "type"), ["k1", "k4", "k3", "k2"], "in the order of types, names within")
    t.equal(names(daemon, "key", "--sort", "-type")[0], "k2", "the other way round")
    t.equal(names(daemon, "key", "--owner", "ann"), [], "by owner")
    days(t, daemon, "key", ["k1", "k2", "k3", "k4"])
    status, said = daemon.api("GET", "/keys", algorithm="ecdsa", limit="1", first="1")
    t.equal((said["total"], [k["name"] for k in said["keys"]], said["next"]), (3, ["k3"], 2), "a page of what passes the filters")
    t.equal(daemon.api("GET", "/keys", algorithm="rsa", format="csv")[1].count("\n"), 2, "and as CSV")
    refused(t, daemon, "/keys", algorithm="dsa", owner="nobody", created_since="yesterday", sort="color")


def accounts(t, daemon):
    for name, ca, more in (("a1", "letsencrypt", ()), ("a2", "letsencrypt", ("--staging",)), ("a3", "zerossl", ("--eab-kid", "k", "--eab-key-file", t.write("mac", "c2VjcmV0")))):
        daemon.ctl("account", "add", name, "--ca", ca, "--agree-terms", *more)
    t.equal(names(daemon, "account", "--staging", "true"), ["a2"], "accounts for testing")
    t.equal(names(daemon, "account", "--staging", "false"), ["a1", "a3"], "and the others")
    t.equal(names(daemon, "account", "--ca", "zerossl"), ["a3"], "by CA")
    t.equal(names(daemon, "account", "--sort", "-ca")[0], "a3", "in the order of CAs")
    days(t, daemon, "account", ["a1", "a2", "a3"])
    refused(t, daemon, "/accounts", staging="maybe", sort="color")


def sites(t, daemon):
    own = f"127.0.0.1:{daemon.https_port}"
    daemon.ctl("site", "add", own, "smtp://mail.example.org:587", "www.example.org:8443", "example.com")
    daemon.ctl("site", "scan", own)
    t.equal(names(daemon, "site", "--domain", "example.org"), [n for n in names(daemon, "site") if "example.org" in n], "sites of a domain and below it")
    t.equal(len(names(daemon, "site", "--domain", "mail.example.org")), 1, "or of one host")
    t.equal(names(daemon, "site", "--domain", "ample.org"), [], "not of what only ends alike")
    shown = next(s for s in daemon.ctl("site", "list")["sites"] if s["not_after"])
    t.equal(names(daemon, "site", "--issuer", shown["issuer"][3:9].upper()), [shown["name"]], "by a part of the issuer")
    t.equal(names(daemon, "site", "--ends-until", "2200-01-01"), [shown["name"]], "by the end of the certificate; what shows none has no end")
    t.equal(names(daemon, "site", "--ends-until", "2001-01-01"), [], "nothing has ended by then")
    t.equal(names(daemon, "site", "--sort", "-issuer")[0], shown["name"], "in the order of issuers")
    days(t, daemon, "site", names(daemon, "site"))
    refused(t, daemon, "/sites", domain="a b", sort="color")


def users(t, daemon):
    daemon.ctl("plan", "add", "small", "--certificates", "3")
    daemon.ctl("user", "add", "bob", "--role", "viewer", "--plan", "small")
    daemon.ctl("user", "add", "cid", "--role", "admin")
    daemon.ctl("user", "set", "bob", "--disable")
    t.equal(names(daemon, "user", "--role", "operator"), ["ann"], "users by role")
    t.equal(names(daemon, "user", "--plan", "small"), ["bob"], "by plan")
    t.equal((names(daemon, "user", "--disabled", "true"), names(daemon, "user", "--disabled", "false")), (["bob"], ["ann", "cid"]), "those that are disabled, and the others")
    t.equal(names(daemon, "user", "--sort", "role"), ["cid", "ann", "bob"], "in the order of roles")
    days(t, daemon, "user", ["ann", "bob", "cid"])
    refused(t, daemon, "/users", plan="nosuch", disabled="maybe", sort="color")


def outbox(t, daemon):
    receiver = Receiver()
    daemon.ctl("channel", "add", "ops", "--kind", "webhook", "--alerts", "all", "--url-file", t.write("url", receiver.url))
    daemon.run_ctl("channel", "test", "ops")    # delivered or not
    alerts = names(daemon, "outbox", of="alert")
    t.equal(names(daemon, "outbox", "--alert", "test", of="alert"), ["test"], "messages of an alert")
    t.equal(len(names(daemon, "outbox", "--alert", "nosuch", of="alert")), 0, "or of none")
    levels = names(daemon, "outbox", of="level")
    t.equal(len(names(daemon, "outbox", "--level", levels[0], of="level")), levels.count(levels[0]), "by level")
    t.equal(sorted(names(daemon, "outbox", "--sort", "alert", of="alert")), sorted(alerts), "in the order of alerts")
    refused(t, daemon, "/outbox", created_since="soon", sort="color")


def on_the_pages(t, daemon):
    for path, there, not_there in (("/keys?algorithm=rsa", "/keys/k2", "/keys/k1"), ("/accounts?staging=true", "/accounts/a2", "/accounts/a1"),
            ("/users?disabled=true", "/users/bob", "/users/ann"), ("/sites?domain=mail.example.org", "mail.example.org:587", "example.com<")):
        status, page = daemon.page(path)
        t.ok(status == 200 and there in page and not_there not in page and "More filters" in page, f"{path}: the page shows what passes", page[-1500:])
    status, page = daemon.page("/outbox?alert=test&sort=state")
    t.ok(status == 200 and 'name="alert" value="test"' in page, "messages, too, and the form says what was asked for")
    for path in ("keys", "accounts", "sites", "users", "orders", "outbox"):
        page = daemon.page(f"/{path}?search=nosuchthing")[1]
        t.ok("Nothing found" in page and " yet</h2>" not in page, f"{path}: where filters let nothing through, that is said, not that there is nothing", page)


run(main)
