#!/usr/bin/env python3
"""What people are told, and how often: issued, renewed, failed, an account's trouble, the end coming near."""
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY = 86400


def main(t):
    receiver = Receiver()
    site = Site(t, pebble={"binary": pebble_new(), "domainBlocklist": ["blocked.example"]}, record=True,
        notify={"gather": "0s", "retry_after": "1s", "private": "127.0.0.1"})
    daemon = site.daemon
    daemon.ctl("channel", "add", "web", "--kind", "webhook", "--alerts", "all", "--url-file", t.write("url", receiver.url))
    daemon.ctl("channel", "add", "some", "--kind", "webhook", "--url-file", t.write("url", receiver.url.replace("/hook/", "/default/")))

    def told(since=0):
        """(channel, alert, name) of all that came, once nothing waits any more."""
        until("all is delivered", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"])
        return sorted((p.path.split("/")[1], p.json["alert"], p.json["name"]) for p in receiver.posted[since:])

    issued(t, daemon, receiver, told)
    failed(t, daemon, site, receiver, told)
    shared(t, daemon, site, receiver, told)
    ends(t, daemon, receiver, told)
    thresholds(t, daemon, receiver, told)


def issued(t, daemon, receiver, told):
    daemon.add_cert("fine", "fine.example")
    t.equal(told(), [("hook", "issued", "fine")], "issued: told who wants to know, once")
    t.contains(receiver.posted[0].json["facts"]["valid until"], "Z", "with its end")
    daemon.ctl("cert", "issue", "fine", "--wait")
    t.equal(told(1), [("hook", "renewed", "fine")], "renewed: no alarm by default, and told who wants all")


def failed(t, daemon, site, receiver, told):
    begin = len(receiver.posted)
    daemon.run_ctl("cert", "add", "bad", "--names", "blocked.example", "--account", "ca", "--wait")
    t.equal(told(begin), [("default", "failed", "bad"), ("hook", "failed", "bad")], "a failure is told")
    posted = receiver.posted[begin].json
    t.contains(posted["text"], "will not issue", "with the CA's reason")
    t.contains(posted["text"], "The next attempt is at", "and when it is tried again")
    for _ in range(2):
        daemon.run_ctl("cert", "issue", "bad", "--wait")
    t.equal(daemon.cert("bad")["failures"], 3, "it fails again, for the same reason")
    t.equal(len(told(begin)), 2, "which is not told again")
    site.pebble.names.tell("set-servfail", host="elsewhere.example.")
    daemon.run_ctl("cert", "set", "bad", "--names", "elsewhere.example", "--wait")
    until("it failed", lambda: daemon.cert("bad")["failures"] >= 4)
    t.equal(len(told(begin)), 4, "another reason is")
    site.pebble.names.tell("clear-servfail", host="elsewhere.example.")
    daemon.ctl("cert", "issue", "bad", "--wait")
    t.ok(("hook", "issued", "bad") in told(begin), "then it is issued")


def shared(t, daemon, site, receiver, told):
    begin, problem = len(receiver.posted), "urn:ietf:params:acme:error:unauthorized"

    def trouble(seen):
        if seen.kind == "neworder":
            raise Refuse(403, {"type": problem, "status": 403, "detail": "the database is on fire"})
    site.recorder.before = trouble
    for n in range(6):
        daemon.add_cert(f"many{n}", f"many{n}.example", wait=False)
    until("the account has trouble", lambda: daemon.ctl("account", "show", "ca")["trouble"])
    until("all wait", lambda: all(daemon.cert(f"many{n}")["waits_for"] for n in range(6)))
    t.equal(told(begin), [("default", "account", "ca"), ("hook", "account", "ca")], "what stops all of an account is told once, not for each certificate")
    t.contains(receiver.posted[begin].json["text"], "the database is on fire", "with the reason")
    begin, problem = len(receiver.posted), "urn:ietf:params:acme:error:userActionRequired"
    daemon.add_account(site.ca, "other")
    daemon.add_cert("terms", "terms.example", account="other", wait=False)
    until("the terms are in the way", lambda: daemon.ctl("account", "show", "other")["state"] == "terms")
    t.equal(told(begin), [("default", "account", "other"), ("hook", "account", "other")], "new terms are told of once, too")
    t.contains(receiver.posted[begin].json["text"], "agree to them for the account other", "with what to do")
    daemon.ctl("cert", "rm", "terms", "--yes")
    site.recorder.before = lambda seen: None
    daemon.ctl("cert", "issue", "many0", "--wait")
    until("all are issued", lambda: all(c["status"] == "active" for c in daemon.certs().values()), 60)


def ends(t, daemon, receiver, told):
    told()
    begin = len(receiver.posted)
    for name, left in (("one", 31 * DAY), ("two", 20 * DAY), ("three", 5 * DAY), ("over", 4)):
        daemon.ctl("cert", "import", name, "--file", dated(t, f"{name}.example", left - 90 * DAY, left))
    until("it is over", lambda: ("hook", "expired", "over") in told(begin))
    wanted = sorted((channel, alert, name) for channel in ("default", "hook") for alert, name in
        (("expiring", "two"), ("expiring", "three"), ("expiring", "over"), ("expired", "over")))
    t.equal(told(begin), wanted, "the end is told when it is near, and when it has come")
    levels = {(p.json["alert"], p.json["level"]) for p in receiver.posted[begin:]}
    t.equal(levels, {("expiring", "warning"), ("expired", "error")}, "at their levels")

    daemon.kill()
    daemon.begin()
    daemon.stop()
    daemon.begin()
    t.equal(told(begin), wanted, "each once, also after a crash and a restart")
    daemon.ctl("cert", "import", "two", "--file", dated(t, "two.example", -88 * DAY, 2 * DAY))
    again = lambda: [x for x in told(begin) if x[1:] == ("expiring", "two")]
    until("the engine has looked at it", lambda: len(again()) >= 4)
    t.equal(again(), [("default", "expiring", "two")] * 2 + [("hook", "expiring", "two")] * 2, "another version is told of anew")
    quiet = [p for p in receiver.posted if p.json["alert"] == "expiring" and p.json["name"] in ("fine", "bad", "many0")]
    t.equal(quiet, [], "what is renewed by itself raises no alarm")


def thresholds(t, daemon, receiver, told):
    """Notify two weeks before (Haltdos): how many days is a setting, and a channel may have its own."""
    def of(name, begin):
        return [(c, a) for c, a, n in told(begin) if n == name]
    refused = daemon.run_ctl("channel", "set", "some", "--expiring", "14 soon")
    t.ok(refused.returncode == 3 and b"number of days" in refused.stderr, "numbers of days are expected", refused)
    daemon.ctl("channel", "set", "some", "--expiring", "5")
    t.ok("<dt>Days before expiry</dt><dd>5</dd>" in daemon.page("/channels/some")[1], "the page shows them")
    begin = len(receiver.posted)
    daemon.ctl("cert", "import", "near", "--file", dated(t, "near.example", -80 * DAY, 10 * DAY))
    daemon.wait_until("the first channel is told", lambda: of("near", begin) == [("hook", "expiring")])
    t.ok(True, "ten days before: who has the configured days is told, who wants five is not")
    daemon.ctl("channel", "set", "some", "--expiring", "12 5")
    daemon.wait_until("so is the second", lambda: of("near", begin) == [("default", "expiring"), ("hook", "expiring")])
    t.ok(True, "with new days a channel is told at once, and the other one not again")
    daemon.configure(notify={"expiring": "11"})
    daemon.reload()
    daemon.wait_until("the configured ones count", lambda: of("near", begin) == [("default", "expiring"), ("hook", "expiring"), ("hook", "expiring")])
    t.ok(True, "so does a change of the setting")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
