#!/usr/bin/env python3
"""From end to end with a newer Pebble (2.10): strict, Retry-After, profiles, renewal information, an external account binding
required."""
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
PROFILES = {"classic": {"description": "ninety days", "validityPeriod": 90 * 86400},
    "shortlived": {"description": "six days", "validityPeriod": 6 * 86400}}


def main(t):
    site = Site(t, record=True, account=False, pebble={"binary": pebble_new(), "eab": {"kid-1": MAC_KEY}, "nonce_reject": 10,
        "authz_reuse": 50, "profiles": PROFILES, "retryAfter": {"authz": 1, "order": 1}})
    daemon = site.daemon
    done = daemon.run_ctl("account", "add", "unbound", "--directory", site.ca.directory, "--ca-file", site.ca.ca_file,
        "--agree-terms", "--wait")
    t.contains(done.stderr, b"takes no account without an external account binding", "without an external account binding there is no account")
    daemon.add_account(site.ca, eab_kid="kid-1", eab_key_file=t.write("mac", MAC_KEY))
    end_to_end(t, site)
    profile(t, daemon)
    renewal_information(t, site)


def profile(t, daemon):
    daemon.add_cert("short", "short.example", profile="shortlived")
    days = (daemon.leaf("short").not_after - time.time()) / 86400
    t.ok(5 < days < 7, "the profile is ordered", str(days))


def renewal_information(t, site):
    daemon = site.daemon
    shown = daemon.wait_for_cert("short", lambda c: c["ari_end"], "the CA has said when to renew it")
    t.ok(shown["ari_start"] <= shown["renew_at"] < shown["ari_end"], "its renewal is planned in the CA's window", shown)
    daemon.ctl("cert", "issue", "short", "--wait")
    orders = [s for s in site.recorder.of("neworder") if s.payload["identifiers"][0]["value"] == "short.example"]
    t.equal([("replaces" in s.payload, s.payload["profile"], s.status) for s in orders if s.status != 400],
        [(False, "shortlived", 201), (True, "shortlived", 201)], "its successor says what it replaces, and the CA takes that")


run(main)
