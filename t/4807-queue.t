#!/usr/bin/env python3
"""The audit log as a queue: programs read it forward, wait for the next event, and acknowledge what they are done with."""
import json
import os
import signal
import subprocess
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.daemon import SANITIZERS


def main(t):
    site = Site(t, pebble={"binary": pebble_new(), "domainBlocklist": ["blocked.example"]})
    daemon = site.daemon
    classes(t, daemon)
    forward(t, daemon)
    readers(t, daemon)
    waiting(t, daemon)
    follow(t, daemon)
    other_peoples(t, daemon)
    at_the_end(t, daemon)


def queue(daemon, **query):
    status, said = daemon.api("GET", "/events", **query)
    if status != 200:
        raise RuntimeError((status, said))
    return said


def classes(t, daemon):
    daemon.add_cert("shop", "shop.example")
    daemon.ctl("cert", "issue", "shop", "--wait")
    daemon.ctl("cert", "reissue", "shop", "--wait")
    daemon.run_ctl("cert", "add", "bad", "--names", "www.blocked.example", "--account", "ca", "--wait")
    daemon.api("POST", "/certificates/shop/revoke", {"reason": "superseded"})
    daemon.wait_for_cert("shop", lambda c: c["revoked"])
    daemon.ctl("cert", "add", "mine", "--names", "mine.example", "--account", "ca", "--by-hand")
    daemon.wait_for_cert("mine", lambda c: c["waiting"])
    daemon.ctl("cert", "cancel", "mine")
    of = [(e["name"], e["class"], e["subclass"]) for e in queue(daemon, after=0, limit=1000)["events"] if e["class"]]
    wanted = [("shop", "CERTIFICATE_REQUEST", "REQUEST_SUCCESSFUL"), ("shop", "CERTIFICATE_RENEW", "RENEW_SUCCESSFUL"),
        ("shop", "CERTIFICATE_REISSUE", "REISSUE_SUCCESSFUL"), ("bad", "CERTIFICATE_REQUEST", "REQUEST_FAILED"),
        ("shop", "CERTIFICATE_CLOSE", "CLOSE_SUCCESSFUL"), ("mine", "CERTIFICATE_CLOSE", "CLOSE_SUCCESSFUL")]
    t.equal(list(dict.fromkeys(of)), wanted, "what became of certificates has a class and a subclass")
    t.equal({e["name"] for e in queue(daemon, after=0, **{"class": "CERTIFICATE_REQUEST"})["events"]}, {"shop", "bad"}, "only one class")
    t.equal({e["name"] for e in queue(daemon, **{"class": "REQUEST_FAILED"})["events"]}, {"bad"}, "only one subclass, the newest first, too")
    done = daemon.run_ctl("events", "--class", "RENEW_FALED", "--follow", timeout=20)
    t.ok(done.returncode and b'no class of events "RENEW_FALED"' in done.stderr, "nobody waits for a class that there is not", done.stderr)
    daemon.ctl("cert", "set", "shop", "--names", "shop.example www.shop.example", "--wait")
    t.equal(queue(daemon, **{"class": "CERTIFICATE_REISSUE"})["events"][0]["number"], max(e["number"] for e in queue(daemon, after=0, limit=1000)["events"] if e["class"]),
        "with other names it is a reissue")
    t.equal(daemon.ctl("verify")["state"], "passed", "the chain of the log is whole")


def forward(t, daemon):
    said = queue(daemon, after=0, limit=5)
    t.equal(([e["number"] for e in said["events"]], said["after"], said["more"]), ([1, 2, 3, 4, 5], 5, True), "from the first on, the oldest first")
    numbers, after = [], 0
    while True:
        said = queue(daemon, after=after, limit=7)
        numbers += [e["number"] for e in said["events"]]
        after = said["after"]
        if not said["more"]:
            break
    t.equal(numbers, list(range(1, len(numbers) + 1)), "page by page all of it, without gaps")
    said = queue(daemon, after=after)
    t.equal((said["events"], said["after"], said["more"]), ([], after, False), "then there is nothing more")
    t.equal({e["name"] for e in queue(daemon, after=0, object="bad")["events"]}, {"bad"}, "filters are as ever")
    t.equal(queue(daemon, after=0, action="token")["after"], after, "what does not pass them need not be looked at again")
    t.equal(daemon.api("GET", "/events", after=1, before=9)[0], 400, "there is one direction")


def readers(t, daemon):
    first = queue(daemon, reader="billing", limit=3)
    t.equal([e["number"] for e in first["events"]], [1, 2, 3], "a reader begins at the beginning")
    t.equal([e["number"] for e in queue(daemon, reader="billing", limit=3)["events"]], [1, 2, 3], "and gets the same until it has acknowledged it")
    status, said = daemon.api("POST", "/readers/billing", {"acknowledge": str(first["after"])})
    t.equal((status, said["name"], said["acknowledged"], said["created_by"]), (200, "billing", 3, "local admin"), "it acknowledges")
    t.equal(queue(daemon, reader="billing", limit=1)["events"][0]["number"], 4, "then it gets the next")
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    daemon.begin()
    t.equal(queue(daemon, reader="billing", limit=1)["events"][0]["number"], 4, "also after kill -9")
    said = daemon.ctl("reader", "ack", "billing", "6")
    t.equal((said["acknowledged"], daemon.ctl("reader", "show", "billing")["behind"]), (6, daemon.ctl("events", "--limit", "1")["events"][0]["number"] - 6), "certeractl does it, too")
    t.equal([r["name"] for r in daemon.ctl("reader", "list")["readers"]], ["billing"], "and lists them")
    for wrong in ("999999", "-1", "x", ""):
        t.equal(daemon.api("POST", "/readers/billing", {"acknowledge": wrong})[0], 422, f"no event has the number {wrong!r}")
    t.equal(daemon.api("POST", "/readers/a%2fb", {"acknowledge": "1"})[0], 422, "a reader has a name")


def waiting(t, daemon):
    after = queue(daemon, after=0, limit=1000)["after"]
    t.equal(queue(daemon, after=after, wait=1), {"events": [], "after": after, "more": False}, "a request can wait, and ends without an event")
    got = []
    asking = threading.Thread(target=lambda: got.append(queue(daemon, after=after, wait=60)))
    asking.start()
    time.sleep(0.3)
    t.equal(got, [], "it waits")
    daemon.ctl("key", "add", "awaited")
    asking.join(30)
    t.equal([e["name"] for e in got[0]["events"]], ["awaited"], "and is answered as soon as something happens")
    asking = threading.Thread(target=lambda: got.append(queue(daemon, after=got[0]["after"], wait=60, action="certificate")))
    asking.start()
    daemon.ctl("key", "add", "not-awaited")
    daemon.ctl("cert", "set", "shop", "--note", "hello")
    asking.join(30)
    t.equal([e["action"] for e in got[1]["events"]], ["certificate.changed"], "with filters, for what passes them")
    t.equal(daemon.api("GET", "/events", after=1, wait=61)[0], 400, "a minute at most")


def follow(t, daemon):
    after = queue(daemon, after=0, limit=1000)["after"]
    argv = [os.path.join(BUILD, "certeractl"), "--socket", daemon.socket, "--json", "events", "--follow", "--reader", "tail", "--after", str(after)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, **SANITIZERS}) as tail:
        daemon.ctl("key", "add", "followed")
        t.equal(json.loads(tail.stdout.readline())["name"], "followed", "certeractl events --follow prints what happens")
        until("it has acknowledged that", lambda: any(r["name"] == "tail" and r["acknowledged"] == after + 1 for r in daemon.ctl("reader", "list")["readers"]))
        daemon.stop()
        daemon.begin()
        daemon.ctl("key", "add", "later")
        t.equal(json.loads(tail.stdout.readline())["name"], "later", "it goes on when the daemon has been started anew")
        tail.send_signal(signal.SIGTERM)
    plain = subprocess.Popen(argv[:3] + ["events", "--follow", "--limit", "2"], stdout=subprocess.PIPE, env={**os.environ, **SANITIZERS})
    lines = [plain.stdout.readline().decode() for _ in range(2)]
    t.ok("key.added followed" in lines[0] and "key.added later" in lines[1], "without --after it begins with the last ones, in their order", lines)
    plain.send_signal(signal.SIGTERM)
    plain.communicate()


def other_peoples(t, daemon):
    daemon.ctl("plan", "add", "small", "--domains", "small.example")
    daemon.add_user("vera", "viewer", PASSWORD)
    daemon.add_user("paul", "operator", PASSWORD, plan="small")
    vera, paul = Person(daemon), Person(daemon)
    vera.sign_in("vera")
    paul.sign_in("paul")
    t.equal(vera("GET", "/readers/billing")[0], 404, "a reader is its owner's alone")
    t.equal(vera("POST", "/readers/billing", {"acknowledge": "2"})[0], 200, "two may have the same name")
    page = vera.page("/readers").text
    t.ok("billing" in page and 'href="/readers/billing/remove"' in page, "its page shows it", page)
    t.equal((daemon.ctl("reader", "show", "billing")["acknowledged"], vera("GET", "/readers/billing")[1]["acknowledged"]), (6, 2), "each is where it is")
    t.equal({e["name"] for e in paul("GET", "/events?after=0&limit=1000&action=certificate")[1]["events"]}, set(), "a user with a plan reads of their own certificates only")
    t.equal(vera("POST", "/readers/second", {"acknowledge": "1"})[0], 200, "one more")
    vera.page("/readers")
    answer = vera.form("/readers/second", "/readers", _method="DELETE", _next="/readers")
    t.equal((answer.header("Location"), [r["name"] for r in vera("GET", "/readers")[1]["readers"]]), ("/readers", ["billing"]), "which its page removes")
    daemon.ctl("user", "rm", "vera")
    daemon.add_user("vera", "viewer", PASSWORD)
    vera.sign_in("vera")
    t.equal(vera("GET", "/readers")[1]["readers"], [], "readers go with their user")
    t.equal(daemon.ctl("reader", "rm", "billing")["name"], "billing", "or are removed")
    t.equal(daemon.api("GET", "/readers/billing")[0], 404, "then there is none")


def at_the_end(t, daemon):
    got = []
    after = queue(daemon, after=0, limit=1000)["after"]
    asking = threading.Thread(target=lambda: got.append(queue(daemon, after=after, wait=60)))
    asking.start()
    time.sleep(0.3)
    t.equal(daemon.stop(), 0, "the daemon ends cleanly, though somebody waits")
    asking.join(30)
    t.equal((got[0]["events"], got[0]["after"]), ([], after), "who gets a whole answer")


run(main)
