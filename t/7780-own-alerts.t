#!/usr/bin/env python3
"""Alerts to one user alone: what the user may know, by mail to the user's address, chosen by the user."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    server = MailServer(t)
    site = Site(t, pebble={"binary": pebble_new(), "domainBlocklist": ["blocked.example"]}, notify={"gather": "0s", "retry_after": "1s", "private": "127.0.0.1"},
        mail={"host": "localhost", "port": server.port, "tls": "none", "from": "certera@example.org"})
    daemon = site.daemon
    daemon.ctl("plan", "add", "small", "--domains", "blocked.example")
    add_user(daemon, "alice", "operator", plan="small", mail="alice@example.org")
    add_user(daemon, "bob", "viewer", mail="bob@example.org")
    add_user(daemon, "carol", "viewer")
    people = {name: Person(daemon) for name in ("alice", "bob", "carol")}
    for name, person in people.items():
        person.sign_in(name)

    choosing(t, daemon, **people)
    telling(t, daemon, server, **people)
    trying(t, daemon, server, people["alice"])
    by_administrator(t, daemon, server, people["alice"])
    ending(t, daemon, server, **people)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def choosing(t, daemon, alice, bob, carol):
    status, said = carol("POST", "/me/alerts", {})
    t.equal((status, "no e-mail address" in said["detail"]), (409, True), "who has no address is told so")
    t.lacks(carol.page("/me").text, 'action="/me/alerts"', "and not offered any")
    t.equal(alice("GET", "/me")[1]["alerts"]["on"], False, "nothing is mailed unasked")
    alice.page("/me")
    t.equal(alice.form("/me/alerts", "/me", _form="me_alerts", _empty="alerts", level="info", alerts="").status, 422, "none at all is not a choice")
    sent = alice.form("/me/alerts", "/me", _form="me_alerts", _empty="alerts", level="info", alerts="failed\nissued")
    t.equal((sent.status, sent.header("Location")), (303, "/me"), "alice ticks two")
    page = alice.page("/me").text
    t.ok('value="failed" checked' in page and 'value="issued" checked' in page and 'value="expired">' in page, "which the page shows ticked, and no other")
    t.equal(bob("POST", "/me/alerts", {})[0], 201, "bob takes those that most people want")
    t.ok("failed" in bob("GET", "/me")[1]["alerts"]["wanted"] and "issued" not in bob("GET", "/me")[1]["alerts"]["wanted"], "which are not those of success")
    t.equal(bob("POST", "/me/alerts", {"level": "warning"})[0], 200, "asked again, it is changed")
    t.equal({c["name"]: (c["owner"], c["recipients"]) for c in daemon.ctl("channel", "list")["channels"]},
        {"user-alice": ("alice", ["alice@example.org"]), "user-bob": ("bob", ["bob@example.org"])}, "an administrator sees whose they are")
    t.equal([e["action"] for e in daemon.ctl("events", "--object", "user-bob")["events"]][:2], ["channel.changed", "channel.added"], "and what was done, by the channel's name")
    t.equal(bob("GET", "/channels")[0], 403, "who looks does not see the channels of others")


def told(server, before, count):
    """(to, subject) of what came since."""
    return sorted((m.to[0], m.subject) for m in server.wait_for_mails(before + count)[before:])


def telling(t, daemon, server, alice, bob, carol):
    before = len(server.mails())
    alice("POST", "/certificates", {"name": "hers", "names": ["www.blocked.example"], "account": "ca"})
    daemon.run_ctl("cert", "issue", "hers", "--wait")
    t.equal(told(server, before, 2), [(who + "@example.org", "[warning] hers cannot be issued") for who in ("alice", "bob")],
        "what fails is told to whose it is, and to who sees all")
    daemon.run_ctl("cert", "add", "ours", "--names", "ours.blocked.example", "--account", "ca", "--wait")
    t.equal(told(server, before + 2, 1), [("bob@example.org", "[warning] ours cannot be issued")], "who has a plan is not told of what is not his")


def trying(t, daemon, server, alice):
    before = len(server.mails())
    t.equal(alice("POST", "/me/alerts/test", {})[0], 202, "a test")
    t.equal(told(server, before, 1), [("alice@example.org", "[info] user-alice is a test")], "comes to whoever asked for it")
    daemon.ctl("user", "set", "alice", "--mail", "new@example.org")
    t.equal(daemon.ctl("channel", "test", "user-alice")["messages"][0]["recipient"], "new@example.org", "another address is used from then on")
    daemon.ctl("user", "set", "alice", "--mail", "")
    refused = daemon.run_ctl("channel", "test", "user-alice")
    t.ok(refused.returncode and b"reaches nobody" in refused.stderr, "without one a test does not pretend to have gone", refused.stderr)
    daemon.ctl("user", "set", "alice", "--mail", "new@example.org")


def by_administrator(t, daemon, server, alice):
    receiver = Receiver()
    daemon.ctl("channel", "add", "hook", "--kind", "webhook", "--owner", "alice", "--url-file", t.write("url", receiver.url))
    t.equal(daemon.run_ctl("channel", "add", "x", "--kind", "email", "--owner", "alice", "--to", "x@example.org").returncode, 3, "one of hers has no other recipients")
    t.equal(daemon.run_ctl("channel", "add", "x", "--kind", "email", "--owner", "nosuch").returncode, 3, "nor is there one of nobody")
    refused = daemon.run_ctl("channel", "add", "x", "--kind", "email", "--owner", "carol")
    t.ok(refused.returncode and b"Add an e-mail address" in refused.stderr, "nor by mail to who has no address, and what to do is said", refused.stderr)
    for name in ("more", "less"):
        daemon.run_ctl("cert", "add", name, "--names", f"{name}.blocked.example", "--account", "ca", "--no-issue")
    daemon.ctl("cert", "hand-over", "more", "--to", "alice")
    for name in ("less", "more"):
        daemon.run_ctl("cert", "issue", name, "--wait")
    until("the webhook is told", lambda: receiver.posted)
    t.equal([p.json["name"] for p in receiver.posted], ["more"], "a webhook that is hers is told only of what is hers")


def ending(t, daemon, server, alice, bob, carol):
    daemon.ctl("user", "set", "bob", "--disable")
    until("all is delivered", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"])
    before = len(server.mails())
    t.equal(alice("DELETE", "/me/alerts")[0], 200, "alice wants no more")
    t.equal((alice("DELETE", "/me/alerts")[0], alice("POST", "/me/alerts/test", {})[0]), (404, 404), "so there are none")
    daemon.run_ctl("cert", "add", "last", "--names", "last.blocked.example", "--account", "ca", "--wait")
    daemon.ctl("user", "rm", "alice")
    daemon.ctl("user", "rm", "bob")
    t.equal(daemon.ctl("channel", "list")["channels"], [], "what goes to a user alone goes with the user")
    t.equal(len(server.mails()), before, "who is disabled, or has ended them, gets none")


run(main)
