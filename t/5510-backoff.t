#!/usr/bin/env python3
"""A renewal that fails is tried again after 1 and 10 minutes, across restarts, and says so."""
import sys
import time
from datetime import datetime
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, record=True, acme={"timeout": "10s", "patience": f"{20 * PATIENCE:g}s"})
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    serial = daemon.leaf("shop").serial

    site.nginx.stop()
    first = fail(daemon, 1)
    t.equal(first["status"], "failed", "it shows as failed")
    t.ok(abs(planned(first) - time.time() - 60) < 15, "tried again after a minute", first)
    text = daemon.run_ctl("cert", "show", "shop").stdout.decode()
    t.matches(text, r"failed.*shop\.example.*port 80", "a person sees it in cert show, with the reason and what to do")
    answer = daemon.download("certificate", "shop", made["api_keys"][0])
    t.equal((answer.status, Certificate(answer.text).serial), (200, serial),
        "the certificate it has is served all the same")

    daemon.kill()
    daemon.begin()
    again = daemon.cert("shop")
    t.equal((again["failures"], again["retry_at"]), (first["failures"], first["retry_at"]),
        "a restart changes nothing of that")
    second = fail(daemon, 2)
    t.ok(abs(planned(second) - time.time() - 600) < 15, "then after ten minutes", second)
    failed = [e for e in daemon.ctl("events", "--object", "shop")["events"] if e["action"] == "certificate.failed"]
    t.ok(len(failed) >= 2, "both are in the events", failed)

    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    site.recorder.before = drop
    third = fail(daemon, 3)
    t.ok(abs(planned(third) - time.time() - 6000) < 90, "then after a hundred, when the CA is out of reach", third)
    t.contains(str(third["error"]), f"localhost:{site.recorder.port}", "the error names its address")

    site.recorder.before = lambda seen: None
    daemon.ctl("cert", "issue", "shop", "--wait")
    shown = daemon.cert("shop")
    t.equal((shown["status"], shown["failures"], shown["retry_at"], shown["error"]), ("active", 0, None, None),
        "when all is well again it is issued, and nothing of the failures is left")


def fail(daemon, count):
    """Orders until so many have failed in a row: Pebble asks for no new proof for one order in a hundred, and then it is issued."""
    while True:
        before = daemon.cert("shop")
        daemon.run_ctl("cert", "issue", "shop")
        now = daemon.wait_for_cert("shop", lambda c: (c["failures"], c["current"]) != (before["failures"], before["current"]), "the order has ended", 90)
        if now["failures"] == count:
            return now


def planned(cert):
    return datetime.fromisoformat(cert["retry_at"].replace("Z", "+00:00")).timestamp()


def drop(seen):
    raise Drop


run(main)
