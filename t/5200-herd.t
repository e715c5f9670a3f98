#!/usr/bin/env python3
"""A herd of certificates due at once, and a CA that takes but a few new orders in a while and does not say so before.

HERD, LIMIT and WINDOW scale it; bench/herd runs the full size.  A slow machine, too, must send LIMIT orders in WINDOW seconds.
"""
import os
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

HERD, LIMIT, WINDOW = (int(float(os.environ.get(n, d))) for n, d in (("HERD", 75), ("LIMIT", 25), ("WINDOW", 10 * PATIENCE)))


class Limited:
    """A trap for the Recorder: at most LIMIT new orders in any WINDOW seconds."""

    def __init__(self):
        self.taken, self.refused, self.lock = [], [], threading.Lock()

    def __call__(self, seen):
        if seen.kind != "neworder":
            return
        with self.lock:
            now = time.time()
            recent = [at for at in self.taken if at > now - WINDOW]
            if len(recent) < LIMIT:
                self.taken.append(now)
                return
            self.refused.append(len(self.taken))  # on a slow machine more than LIMIT, in more than WINDOW
            raise Refuse(429, {"type": "urn:ietf:params:acme:error:rateLimited", "status": 429,
                "detail": f"too many new orders ({LIMIT}) from this account"}, Retry_After=int(recent[0] + WINDOW - now) + 1)


def main(t):
    site = Site(t, record=True, acme={"orders_at_once": 20})
    daemon, limit = site.daemon, Limited()
    site.recorder.before = limit
    names = [f"c{i}" for i in range(HERD)]
    for name in names:
        daemon.add_cert(name, f"{name}.example", wait=False, no_issue=True)
    for name in names:
        daemon.ctl("cert", "issue", name)
    memory, start = memory_of(daemon), time.monotonic()

    other = Pebble(t, site.nginx.port, names=site.pebble.names, name="other")
    daemon.wait_until("the CA refuses one", lambda: limit.refused, 60)
    daemon.add_account(other, "other")
    began = time.monotonic()
    daemon.add_cert("free", "free.example", account="other")
    t.ok(time.monotonic() - began < 5 * PATIENCE, "a certificate of another CA is not held up",
        time.monotonic() - began)
    waiting = [c for c in daemon.certs().values() if c["waits_for"]]
    t.ok(waiting and all(c["retry_at"] and "new orders" in c["waits_for"] for c in waiting),
        "those that wait say for what and until when", waiting[:1])
    t.equal([c["failures"] for c in waiting], [0] * len(waiting), "and have not failed")
    used = daemon.ctl("account", "show", "ca")["limits"][0]
    t.equal((used["most"], used["learned"]), (limit.refused[0], True), "the limit is learned, and account show has it")
    t.contains(daemon.run_ctl("account", "show", "ca").stdout.decode(), "new orders of an account", "also for people")

    answers = answers_meanwhile(daemon, lambda: all(
        c["current"] for n, c in daemon.certs().items()), 60 + HERD / LIMIT * WINDOW * 3)
    t.ok(True, "all are issued in the end")
    t.equal(len(limit.refused), 1, "one request was refused: the one that taught the limit")
    t.equal(len(limit.taken), HERD, "and each certificate took one order")
    slowest, usual = answers[-1], answers[len(answers) * 99 // 100]
    t.ok(usual < 0.1 * PATIENCE and slowest < 2 * PATIENCE, "challenge answers were quick all the time",
        f"99 of 100 took at most {usual:.3f} s, the slowest {slowest:.3f} s")
    peak = memory_of(daemon, "VmHWM")
    t.ok(sanitized(daemon) or peak < memory + 64 * 1024, "memory is bounded", f"{memory} -> {peak} kB")
    t.equal([c["name"] for c in daemon.certs().values() if c["waits_for"] or c["failures"]], [],
        "none waits or has failed any more")
    t.note(f"{HERD} certificates, {LIMIT} new orders in {WINDOW} s: {time.monotonic() - start:.0f} s; {len(limit.refused)} "
        f"refused; memory {memory} kB before, {peak} kB at most; of {len(answers)} challenge answers, 99 in 100 within "
        f"{usual * 1000:.0f} ms, the slowest in {slowest * 1000:.0f} ms")


def answers_meanwhile(daemon, done, seconds):
    """Asks for an unknown challenge until done(); how many seconds the answers took, sorted."""
    took, ended = [], []

    def ask():
        while not ended:
            began = time.monotonic()
            daemon.http("/.well-known/acme-challenge/unknown")
            took.append(time.monotonic() - began)
            time.sleep(0.05)
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        until("the herd is issued", done, seconds, every=0.5)
    finally:
        ended.append(True)
        thread.join()
    return sorted(took)


def memory_of(daemon, what="VmRSS"):
    """kB; VmHWM: the most it ever was."""
    with open(f"/proc/{daemon.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what))


def sanitized(daemon):
    """Sanitizers keep what is freed."""
    with open(f"/proc/{daemon.pid}/maps") as f:
        return "asan" in f.read()


run(main)
