#!/usr/bin/env python3
"""Twenty orders at once whose challenge names all lead to one record: each value is there, none is clobbered."""
import base64
import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 20
REPLACE = """
    seen=$(dirname "$0")/running
    mkdir "$seen" || { echo "two at once for one record"; exit 1; }
    { echo "server $NSUPDATE_SERVER $NSUPDATE_PORT"; echo "update delete $1. TXT"
      for value in $CERTERA_VALUES; do echo "update add $1. 1 TXT \\"$value\\""; done
      echo send; } | nsupdate -k "$NSUPDATE_KEY"
    done=$?
    rmdir "$seen"
    exit $done
"""


def main(t):
    bind = Bind(t, {"alias.example": [],
        "m.example": [f"_acme-challenge.{script}{i} CNAME x.alias.example." for i in range(COUNT) for script in ("nsupdate", "replace")]})
    hooks = Hooks(t)
    hooks.add("nsupdate")
    hooks.add("replace", REPLACE)  # a provider that can only replace the whole record: it is told every value
    # Pebble reads 512 bytes of an answer, about eight values.  So it looks at nothing, and the test does: over TCP, at
    # the moment when the CA is told of each answer.
    site = dns_site(t, bind, hooks, dns={"timeout": "60s"}, pebble={"env": {"PEBBLE_VA_ALWAYS_VALID": "1"}}, record=True)
    daemon, recorder = site.daemon, site.recorder
    daemon.add_cert("hand", "hand.example", by_hand=True)
    thumbprint = daemon.cert("hand")["order"]["todo"][0]["content"].split(".")[1]
    told = []  # names are proved once each: one in a hundred times Pebble reuses what was proved before, whatever it is told

    def told_of(seen):
        if seen.kind == "challenge":
            told.append((value_of(recorder, seen.path, thumbprint), bind.txt("x.alias.example")))
    recorder.before = told_of
    for script, more in (("nsupdate", {}), ("replace", {"hook_set": "replace", "hook_arguments": "{{FullRecord}}"})):
        told.clear()
        with ThreadPoolExecutor(COUNT) as pool:
            list(pool.map(lambda i: daemon.add_cert(f"{script}{i}", f"{script}{i}.m.example", challenge="dns-01", wait=False,
                **more), range(COUNT)))
        certs = until(f"{script}: all orders end", lambda: ended(daemon, script), 120)
        t.equal([c["error"] for c in certs], [None] * COUNT, f"{script}: {COUNT} orders at once on one record, none fails")
        t.equal({c["status"] for c in certs}, {"active"}, f"{script}: all are issued")
        t.equal(len(told), COUNT, f"{script}: the CA is told of each answer once")
        t.equal([value for value, there in told if value not in there], [], f"{script}: each value is there at that moment")
        t.ok(max(len(there) for _, there in told) > 1, f"{script}: beside those of others",
            [len(there) for _, there in told])
        until(f"{script}: the record is gone", lambda: not bind.all_txt("alias.example"), 60)
        t.ok(True, f"{script}: at the end every value is removed")


def value_of(recorder, path, thumbprint):
    for seen in recorder.of("authz"):
        for challenge in (seen.answer or {}).get("challenges", []):
            if challenge["url"].endswith(path):
                digest = hashlib.sha256(f"{challenge['token']}.{thumbprint}".encode()).digest()
                return base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return None


def ended(daemon, script):
    certs = [c for c in daemon.certs().values() if c["name"].startswith(script)]
    return len(certs) == COUNT and all(c["status"] in ("active", "failed") for c in certs) and certs


run(main)
