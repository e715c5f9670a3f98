#!/usr/bin/env python3
"""People are told when somebody signs in from elsewhere, and when passwords are guessed; strangers' words are repeated to nobody."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

STRANGE = "Buy-now"


def main(t):
    receiver = Receiver()
    daemon = Certerad(t, notify={"gather": "0s", "retry_after": "1s", "private": "127.0.0.1"})
    daemon.ctl("channel", "add", "web", "--kind", "webhook", "--url-file", t.write("url", receiver.url))
    add_user(daemon, "alice")
    alice = Person(daemon)

    def told():
        until("all is delivered", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"])
        return [(p.json["alert"], p.json["name"]) for p in receiver.posted]

    t.equal(alice.sign_in("alice")[0], 200, "alice signs in")
    t.equal(told(), [("login", "alice")], "the first time from there: told")
    t.equal(receiver.posted[0].json["facts"], {"user": "alice", "from": "127.0.0.1"}, "with the address")
    Person(daemon).sign_in("alice")
    t.equal(len(told()), 1, "again from there: not told")

    for _ in range(5):
        Person(daemon).sign_in("alice", "a guess of somebody")
    t.equal(told()[1:], [("lockout", "alice")], "guesses that lock the user: told once")
    t.contains(receiver.posted[1].json["text"], "127.0.0.1", "with the address")
    for _ in range(5):
        Person(daemon).sign_in(STRANGE, "a guess of somebody")
    t.equal(told()[2:], [("lockout", "127.0.0.1")], "guesses of many names: the address is told")
    t.lacks(str([p.json for p in receiver.posted]), STRANGE, "and never what was typed")


run(main)
