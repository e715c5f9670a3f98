#!/usr/bin/env python3
"""The CA says when to renew (RFC 9773): asked after issuance and as often as it likes, done, and told what is replaced."""
import base64
import json
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, record=True, pebble={"binary": pebble_new()})
    daemon, recorder = site.daemon, site.recorder
    recorder.change = {"Retry-After": "1"}  # as often as it goes: once a minute

    issue_during_an_order(t, site)
    daemon.add_cert("calm", "calm.example")
    shop = daemon.wait_for_cert("shop", lambda c: c["ari_start"], "the CA was asked")
    t.ok(shop["ari_start"] <= shop["renew_at"] < shop["ari_end"], "the renewal is planned within the CA's window", shop)
    planned = [e for e in daemon.ctl("events", "--object", "shop")["events"] if e["action"] == "certificate.planned"]
    t.equal(len(planned), 1, "which the events tell")
    calm = daemon.wait_for_cert("calm", lambda c: c["ari_start"], "the CA was asked")

    now = datetime.now(timezone.utc)
    window = {"start": stamp(now - timedelta(days=2)), "end": stamp(now - timedelta(days=1))}
    answer = fetch(f"https://localhost:{site.pebble.management}/set-renewal-info/", body=json.dumps({
        "Certificate": chain_of(daemon.ctl("cert", "export", "shop")["pem"])[0],
        "ARIResponse": json.dumps({"suggestedWindow": window, "explanationURL": "https://ca.example/why"})}))
    t.equal(answer.status, 200, "the CA is told to want it renewed yesterday")

    began = time.monotonic()
    shop = daemon.wait_for_cert("shop", lambda c: c["current"] == 2, "it is renewed", 90)
    t.ok(time.monotonic() - began < 75 * PATIENCE, "within the poll interval", time.monotonic() - began)
    t.equal(shop["failures"], 0, "at the first attempt")
    replaced = [s for s in recorder.of("neworder") if "replaces" in s.payload]
    t.equal([(s.status, s.payload["identifiers"][0]["value"]) for s in replaced], [(201, "shop.example")],
        "the order says what it replaces, and the CA takes that")
    planned = [e for e in daemon.ctl("events", "--object", "shop")["events"] if "https://ca.example/why" in e["message"]]
    t.equal(len(planned), 1, "the explanation is shown")

    again = daemon.wait_for_cert("calm", lambda c: True)
    t.equal((again["renew_at"], again["current"]), (calm["renew_at"], 1), "while a window stays, so does the chosen time")
    t.ok(len([s for s in recorder.seen if s.kind == "renewal" and s.status == 200]) >= 4, "although the CA was asked again")
    daemon.ctl("cert", "set", "calm", "--renew-before", "3000")
    daemon.wait_for_cert("calm", lambda c: c["renew_at"] and c["renew_at"] < calm["renew_at"],
        "an earlier time of its own goes before")
    t.ok(True, "a certificate's own renew-before goes before the CA's window if it is earlier")


def issue_during_an_order(t, site):
    """A wish that comes while an order runs is not left over: what follows, the CA's window moved, would be held up by it."""
    daemon, recorder = site.daemon, site.recorder
    go = threading.Event()
    recorder.before = lambda seen: go.wait(60) if seen.kind == "finalize" else None

    def begin(name):
        daemon.add_cert(name, f"{name}.example", wait=False)
        daemon.wait_until("its order is under way", lambda: any(s.payload["csr"] for s in recorder.of("finalize")))
    begin("shop")
    done = daemon.run_ctl("cert", "issue", "shop")
    t.contains(done.stdout.decode(), "is already in progress", "ordered while an order runs, that one will do: so it is said")
    t.equal(daemon.cert("shop")["wanted"], False, "and no other is wanted")
    go.set()
    shown = daemon.wait_for_cert("shop", lambda c: c["status"] == "active", "it is issued")
    t.equal((shown["wanted"], shown["orders"]), (False, 1), "that order served the wish")
    said = [e["message"] for e in daemon.ctl("events", "--object", "shop")["events"] if e["action"] == "certificate.issue"]
    t.equal(said, ["order requested; the order in progress counts"], "the events say so")

    go.clear()
    recorder.seen.clear()
    begin("late")
    daemon.ctl("cert", "set", "late", "--preferred-chain", "some other root")
    done = daemon.run_ctl("cert", "issue", "late")
    t.contains(done.stdout.decode(), "began before the last change", "something was changed since it began: so it is said")
    shown = daemon.cert("late")
    t.equal((shown["orders"], bool(shown["open_order"]), shown["wanted"]), (1, True, True), "another order will follow")
    go.set()
    shown = daemon.wait_for_cert("late", lambda c: c["current"] == 2, "it is ordered again")
    t.equal((shown["orders"], shown["wanted"], shown["failures"]), (2, False, 0), "the wish outlived the order, and was done then")
    recorder.before = lambda seen: None


def stamp(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


run(main)
