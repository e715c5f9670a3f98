#!/usr/bin/env python3
"""A renewal that fails is tried again after 1 and 10 minutes, across restarts, and says so."""
import sys
import time
from datetime import datetime
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, acme={"timeout": "2s"})
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    serial = Certificate(daemon.download("certificate", "shop", made["api_keys"][0]).text).serial

    site.pebble.stop()
    daemon.run_ctl("cert", "issue", "shop")
    first = daemon.wait_for_cert("shop", lambda c: c["failures"] == 1, "the first attempt has failed", 90)
    t.equal(first["status"], "failed", "it shows as failed")
    t.ok(abs(planned(first) - time.time() - 60) < 15, "tried again after a minute", first)
    t.contains(str(first["error"]), f"localhost:{site.pebble.port}", "the error names the CA's address")
    text = daemon.run_ctl("cert", "show", "shop").stdout.decode()
    t.matches(text, r"failed", "a person sees it in cert show")
    t.contains(text, "localhost", "with the reason")
    answer = daemon.download("certificate", "shop", made["api_keys"][0])
    t.equal((answer.status, Certificate(answer.text).serial), (200, serial),
        "the certificate it has is served all the same")

    daemon.kill()
    daemon.begin()
    again = daemon.cert("shop")
    t.equal((again["failures"], again["retry_at"]), (first["failures"], first["retry_at"]),
        "a restart changes nothing of that")

    daemon.run_ctl("cert", "issue", "shop")
    second = daemon.wait_for_cert("shop", lambda c: c["failures"] == 2, "the second attempt has failed", 90)
    t.ok(abs(planned(second) - time.time() - 600) < 15, "then after ten minutes", second)
    failed = [e for e in daemon.ctl("events", "--object", "shop")["events"] if e["action"] == "certificate.failed"]
    t.equal(len(failed), 2, "both are in the events")

    site.pebble.begin()
    daemon.run_ctl("cert", "issue", "shop", "--wait")
    t.note(daemon.cert("shop"))


def planned(cert):
    return datetime.fromisoformat(cert["retry_at"].replace("Z", "+00:00")).timestamp()


run(main)
