#!/usr/bin/env python3
"""Reminders of old keys: a note where the key and its certificate are shown, and one event for each version of a key."""
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t)
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example", reuse_key=True)
    daemon.ctl("key", "add", "spare", "--rotate-after", "never")
    shown = daemon.ctl("key", "show", "shop")
    t.equal((shown["age_days"], shown["note"], daemon.cert("shop")["key_note"]), (0, None, None), "a new key: nothing to be said")
    time.sleep(2)
    daemon.configure(keys={"rotate_after": "1s"})
    daemon.stop()
    daemon.begin()
    t.contains(daemon.ctl("key", "show", "shop")["note"], "is 0 days old: order its certificate with a new key", "an old one: what to do")
    t.contains(daemon.cert("shop")["key_note"], "0 days old", "shown with its certificate too")
    for command in ("key", "cert"):
        t.contains(daemon.run_ctl(command, "show", "shop").stdout.decode(), "The key is 0 days old", f"{command} show, for people")
    t.contains(daemon.ctl("key", "show", daemon.ctl("account", "show", "ca")["key"])["note"], "account rollover", "an account's key: another way")
    t.equal(daemon.ctl("key", "show", "spare")["note"], None, "never: no reminder")
    t.equal([events(daemon, n) for n in ("shop", "spare")], [1, 0], "an event for the old one alone")
    daemon.stop()
    daemon.begin()
    t.equal(events(daemon, "shop"), 1, "once")
    daemon.ctl("cert", "reissue", "shop", "--wait")
    daemon.ctl("key", "set", "shop", "--rotate-after", "30", "--description", "the shop's")
    shown = daemon.ctl("key", "show", "shop")
    t.equal((shown["note"], shown["description"], shown["rotate_after"]), (None, "the shop's", 30 * 86400), "30 days for this one: no note any more")
    daemon.ctl("key", "set", "spare", "--rotate-after", "0")
    daemon.wait_until("the other one is told of", lambda: events(daemon, "spare") == 1)
    t.ok(daemon.ctl("key", "show", "spare")["note"], "0: as configured, which is looked at now")
    t.equal(events(daemon, "shop"), 1, "and of the first nothing more")
    for bad in ("soon", "-1", "4000"):
        t.equal(daemon.run_ctl("key", "set", "spare", "--rotate-after", bad).returncode, 3, f"--rotate-after {bad}: refused")
    t.equal(daemon.run_ctl("key", "set", "spare").returncode, 3, "nothing to be changed: said")


def events(daemon, name):
    return [e["action"] for e in daemon.ctl("events", "--object", name)["events"]].count("key.old")


run(main)
