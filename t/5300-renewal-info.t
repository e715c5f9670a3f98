#!/usr/bin/env python3
"""The CA says when to renew (RFC 9773): asked after issuance and as often as it likes, done, and told what is replaced."""
import base64
import json
import sys
import time
from datetime import datetime, timedelta, timezone
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, record=True, pebble={"binary": pebble_new()})
    daemon, recorder = site.daemon, site.recorder
    recorder.change = {"Retry-After": "1"}  # as often as it goes: once a minute

    daemon.add_cert("shop", "shop.example")
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


def stamp(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


run(main)
