#!/usr/bin/env python3
"""kill -9 of random processes (front, keeper, main) at random moments, while certificates are ordered and downloaded, keys made, API
keys replaced, people sign in and sites are added.

Whatever was answered is there: no key, no order, no event is missing, the log has no gap, and the store is as it was written.
`make soak` has 1,000 kills.
"""
import os
import random
import signal
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

KILLS = int(os.environ.get("KILLS", "1000" if os.environ.get("SOAK") else "30"))
MOST = 2 * KILLS  # of each kind of object: the load must not outgrow the machine


class Customer:
    """Does one thing after another, and notes what was answered with success.  Anything may be cut off."""

    def __init__(self, work):
        self.work, self.told, self.over, self.number, self.odd = work, {}, False, 0, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            try:
                told = self.work(self.number)
            except Exception:  # killed, before or after it was heard, or in the middle of the answer
                time.sleep(0.02)
                continue
            if told is not None:
                self.told[self.number] = told
                self.number += 1
            time.sleep(random.random() / 10)

    def end(self):
        self.over = True
        self.thread.join(60 * PATIENCE)


def good(answer):
    return answer[1] if answer[0] in (200, 201) else None


def orders(daemon):
    def work(n):
        if n >= MOST // 2:
            return time.sleep(0.2)
        return good(daemon.api("POST", "/certificates", {"name": f"c{n}", "names": [f"c{n}.example"], "account": "ca"})) and f"c{n}"
    return work


def keys(daemon):
    """Asked again with the same name after a cut it is a conflict: it was there."""
    def work(n):
        if n >= MOST:
            return time.sleep(0.2)
        status, said = daemon.api("POST", "/keys", {"name": f"k{n}", "type": "p256"})
        return said["api_keys"][0] if status == 201 else "" if status in (200, 409) else None
    return work


def rotations(daemon, name, known):
    """The newest API key that was told, always good; one that a cut took is found out by the next."""
    def work(n):
        said = good(daemon.api("POST", f"/keys/{name}/apikeys/1", {}))
        if said:
            known[:] = [said["api_key"]]
        return said and said["api_key"]
    return work


def sites(daemon):
    def work(n):
        return time.sleep(0.2) if n >= MOST else good(daemon.api("POST", "/sites", {"sites": f"192.0.2.{n % 250 + 1}:{n + 1000}"})) and f"192.0.2.{n % 250 + 1}:{n + 1000}"
    return work


def people(daemon):
    def work(n):
        return True if Person(daemon).sign_in("alice")[0] == 200 else None
    return work


def downloads(daemon, key, wrong):
    def work(n):
        answer = daemon.download("certificate", "first", key)
        if answer.status not in (200, 500, 503):  # these say that the server has trouble, and are asked again
            wrong.append(answer.status)
        return answer.status == 200 or None
    return work


def kill(t, daemon, who):
    pids = {"main": [daemon.pid], "keeper": daemon.keepers(), "front": daemon.fronts()}[who]
    if who == "front":
        if pids:
            quiet_kill(pids[0])
        return
    if who == "keeper" and pids:
        quiet_kill(pids[0])
        daemon.wait()
    else:
        daemon.kill()
    daemon.begin(60)


def quiet_kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def public(pem):
    return openssl("pkey", "-pubout", input=pem)


def main(t):
    site = Site(t, limits={"per_second": 10000, "per_address": 1000})
    daemon = site.daemon
    add_user(daemon, "alice")
    made = daemon.add_cert("first", "first.example")
    daemon.ctl("key", "add", "turning")
    before = public(daemon.run_ctl("key", "export", "turning").stdout)
    seed, wrong, known = int(os.environ.get("SEED", time.time())), [], []
    random.seed(seed)
    load = {"orders": Customer(orders(daemon)), "keys": Customer(keys(daemon)), "rotations": Customer(rotations(daemon, "turning", known)),
        "sites": Customer(sites(daemon)), "people": Customer(people(daemon)), "downloads": Customer(downloads(daemon, made["api_keys"][0], wrong))}
    killed = {"main": 0, "keeper": 0, "front": 0}
    for _ in range(KILLS):
        time.sleep(0.7 * random.random())
        who = random.choice(list(killed))
        kill(t, daemon, who)
        killed[who] += 1
    [customer.end() for customer in load.values()]
    t.note(f"killed: {killed}; done: { {what: c.number for what, c in load.items()} } (SEED={seed})")
    until("it answers", lambda: daemon.https("/sign-in").status == 200)
    t.ok(all(c.number for c in load.values()), "there was load of each kind", {what: c.number for what, c in load.items()})
    t.equal(wrong, [], "no download was refused")
    everything(t, daemon, load, known, before)
    daemon.wait_until("all is issued", lambda: {c["status"] for c in daemon.certs().values()} <= {"active"}, 120 + 2 * KILLS)
    t.equal([n for n, c in daemon.certs().items() if c["failures"]], [], "all is issued, and none has failed")
    events(t, daemon, load)
    t.equal(daemon.ctl("verify")["state"], "passed", "the chain is whole, the store as it was written")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def everything(t, daemon, load, known, before):
    certs, there = daemon.certs(), {k["name"] for k in daemon.ctl("key", "list")["keys"]}
    t.equal(sorted(set(load["orders"].told.values()) - set(certs)), [], "no certificate is missing")
    t.equal([n for n in load["keys"].told if f"k{n}" not in there], [], "no key is")
    lost = [n for n, api_key in list(load["keys"].told.items())[-40:] if api_key and daemon.download("key", f"k{n}", api_key).status != 200]
    t.equal(lost, [], "and each opens with its API key")
    found = {s["name"] for s in daemon.ctl("site", "list")["sites"]}
    t.equal(sorted(set(load["sites"].told.values()) - found), [], "no site is missing")
    t.equal(public(daemon.run_ctl("key", "export", "turning").stdout), before, "the key whose API keys were replaced is the same")
    done = daemon.ctl("apikey", "rotate", "key", "turning", "1", "--yes")
    t.equal((daemon.download("key", "turning", done["api_key"]).status, daemon.download("key", "turning", known[0]).status), (200, 401),
        "its newest API key opens it, the one before does not")
    t.equal(Person(daemon).sign_in("alice")[0], 200, "people sign in")


def events(t, daemon, load):
    shown, page = [], {"older": None}
    while not shown or page["older"]:
        _, page = daemon.api("GET", "/events", limit=1000, **({"before": page["older"]} if page["older"] else {}))
        shown += page["events"]
    numbers = sorted(e["number"] for e in shown)
    t.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "the log has no gap")
    of = {action: sum(e["action"] == action for e in shown) for action in ("certificate.added", "key.added", "key.apikey", "site.added", "user.signed_in")}
    told = {"certificate.added": len(load["orders"].told) + 1, "key.added": sum(bool(k) for k in load["keys"].told.values()),
        "key.apikey": len(load["rotations"].told), "site.added": len(load["sites"].told), "user.signed_in": len(load["people"].told)}
    t.equal({action: n for action, n in told.items() if of[action] < n}, {}, "no event of what was answered is missing")


run(main)
