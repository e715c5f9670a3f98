#!/usr/bin/env python3
"""Renewals wait for the window in which they may begin, and what failed is tried again at a set time of the day: both in the
zone that is set, not the machine's."""
import sys
import time
from datetime import datetime
from zoneinfo import ZoneInfo
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

HOUR, ZONE = 3600, "Asia/Kathmandu"  # 5:45 ahead of UTC
LIFE = 6 * HOUR
# From now on.  The CA's own window is all of the life; at the latest a quarter is left.
RECHECK, LATEST, OPENS = 2400, LIFE * 3 / 4, LIFE * 3 / 4 + 600


def main(t):
    clock, start = Clock(t), time.time()

    def local(seconds):
        """The time of the day then."""
        return datetime.fromtimestamp(start + seconds, ZoneInfo(ZONE)).strftime("%H:%M")
    site = Site(t, env={**clock.env, "TZ": "UTC"}, pebble={"lifetime": LIFE}, renewal={"zone": ZONE, "recheck": local(RECHECK),
        "windows": f"{local(OPENS)}-{local(OPENS + 1800)}"})
    daemon = site.daemon

    def move(seconds):
        """The clock, and the engine looks at it."""
        clock.set(seconds)
        daemon.ctl("account", "check", "ca", "--wait")
    daemon.add_cert("shop", "shop.example")
    recheck(t, site, move)
    windows(t, daemon, move, start)


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def recheck(t, site, move):
    daemon = site.daemon
    site.nginx.stop()
    daemon.run_ctl("cert", "add", "down", "--names", "down.example", "--account", "ca", "--wait")
    for _ in range(2):
        daemon.run_ctl("cert", "issue", "down", "--wait")
    shown = daemon.cert("down")
    t.equal(shown["failures"], 3, "after three failures the next attempt is more than an hour off")
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    move(RECHECK - 120)
    t.equal(daemon.cert("down")["failures"], 3, "shortly before the set time nothing happens")
    move(RECHECK + 30)
    daemon.wait_for_log("the daily recheck retries 1 certificates")
    move(RECHECK + 700)
    # By our clock, which is ahead, its renewal may be overdue already: active or expiring.
    shown = daemon.wait_for_cert("down", lambda c: c["current"] or c["failures"] > 3)
    t.equal((shown["current"], shown["failures"]), (1, 0), "at that time it is tried again, within ten minutes")


def windows(t, daemon, move, start):
    shown = daemon.cert("shop")
    t.equal((shown["current"], shown["failures"]), (1, 0), "meanwhile another one waits for its renewal")
    move(LATEST + 120)
    shown = daemon.wait_for_cert("shop", lambda c: c["waits_for"] or c["current"] == 2, "its renewal is due")
    t.contains(str(shown["waits_for"]), "the next window for renewals", "when that is due, it waits for the window")
    t.ok(abs(at(shown["retry_at"]) - start - OPENS) <= 60, "which opens when it should in the zone that is set", shown)
    daemon.ctl("cert", "reissue", "down", "--wait", timeout=60)
    t.equal(daemon.cert("down")["current"], 2, "what a person asks for now waits for no window")
    daemon.ctl("cert", "set", "shop", "--disable")
    t.equal([a for a in daemon.ctl("status")["agenda"] if a["kind"] == "issue" and a["name"] == "shop"], [],
        "switched off while it waits, it is planned no more")
    daemon.ctl("cert", "set", "shop", "--enable")
    move(OPENS + 60)
    shown = daemon.wait_for_cert("shop", lambda c: c["current"] >= 2)
    t.equal(shown["failures"], 0, "in the window it is renewed")
    # The CA's clock has not moved: for ours, whatever it issues now is nearly over already.
    shown = daemon.wait_for_cert("shop", lambda c: at(c["renew_at"]) > start + OPENS + 500 and not c["open_order"])
    time.sleep(3)
    t.equal(daemon.cert("shop")["current"], shown["current"], "with a clock that is ahead, it is not renewed for ever")


run(main)
