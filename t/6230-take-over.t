#!/usr/bin/env python3
"""Code of an attacker inside the front: no file, no process, no way out, no control socket; what it says that it must not, the core survives."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def attack(daemon, path):
    try:
        daemon.http(path)
    except OSError:
        pass  # a front that ends answers nobody


def main(t):
    with open(os.path.join(BUILD, "certerad"), "rb") as f:
        if b"__asan_init" in f.read():
            raise Skip("the cage is wider for sanitizers")
    state, control = t.path("certerad-state"), t.path("certerad.control")
    site = Site(t, env={"LD_PRELOAD": take_over_library(t), "TAKE_OVER": f"{state}:{control}"})
    daemon = site.daemon
    t.equal((daemon.state, daemon.socket), (state, control), "the attacker knows where things are")
    made = daemon.add_cert("shop", "shop.example")
    key = daemon.download("key", "shop", made["key_api_keys"][0]).text

    attack(daemon, "/take-over/")
    tried = taken_over(daemon)
    for what, result in tried.items():
        t.equal(result, "Function not implemented", what)
    t.ok(len(tried) >= 16, "all of that was tried", tried)

    attack(daemon, "/take-over/scribble")
    t.contains(daemon.log().decode(), "take-over: scribbled over what is shared: got it", "the counters are the front's to spoil")
    t.equal((daemon.api("GET", "/metrics")[0], daemon.api("GET", "/health")[0]), (200, 200), "and spoil nothing else")

    core, front = daemon.pid, daemon.fronts()[0]
    attack(daemon, "/take-over/lies")
    until("a front that lies is ended", lambda: front not in daemon.fronts())
    until("there is a new one", daemon.fronts)
    t.equal(daemon.download("key", "shop", made["key_api_keys"][0]).text, key, "which answers")
    t.equal((daemon.pid, daemon.popen.poll()), (core, None), "the core has survived")
    log = daemon.log().decode()  # a desk has read its lie, or the engine was quicker
    t.ok("the front does not keep to the rules of its line" in log or "the front says what it must not" in log, "and says what happened")
    t.ok("/api/v1/keys" not in daemon.log().decode(), "a request from the control socket's face is none")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
