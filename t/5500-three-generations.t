#!/usr/bin/env python3
"""Lifetimes of under a minute: renewed with no one asking, three generations, also across a restart."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# Its CA's window for a renewal is all of its life; at the latest a quarter is left, which must do for a slow machine.
LIFE = int(min(24 * PATIENCE, 56))


def main(t):
    site = Site(t, pebble={"lifetime": LIFE})
    daemon = site.daemon
    made = {name: daemon.add_cert(name, f"{name}.example") for name in ("one", "two")}
    gaps = []

    def generation(number):
        def there():
            answer = daemon.download("certificate", "one", made["one"]["api_keys"][0])
            gaps.append(Certificate(answer.text).not_after)
            return all(daemon.cert(name)["current"] >= number for name in made)
        daemon.wait_until(f"generation {number} is there", there, LIFE + 15)

    generation(2)
    t.ok(True, "the second generation came by itself")
    daemon.kill()
    daemon.begin()
    generation(3)
    t.ok(True, "the third after a restart")
    generation(4)
    t.ok(True, "the fourth")

    for name in made:
        versions = daemon.cert(name)["versions"]
        t.ok(len(versions) >= 4, f"{name}: history shows them", versions)
        times = sorted((v["not_before"], v["not_after"]) for v in versions)
        t.ok(all(later[0] < earlier[1] for earlier, later in zip(times, times[1:])),
            f"{name}: each was renewed before it ended", times)
        t.equal(len({v["serial"] for v in versions}), len(versions), f"{name}: each is another certificate")
        listed = daemon.ctl("events", "--object", name)["events"]
        t.ok(sum(e["action"] == "certificate.issued" for e in listed) >= 4, f"{name}: and so do the events", listed)
    t.equal(gaps, sorted(gaps), "what was served never went back to an older one")


run(main)
