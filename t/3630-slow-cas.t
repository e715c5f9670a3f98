#!/usr/bin/env python3
"""CAs that take their time hold up nobody else; orders that are stuck go on, or are replaced; an order says what it waits for."""
import json
import signal
import sys
import time
from datetime import datetime, timedelta, timezone
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.faults import *


def main(t):
    site = Site(t, account=False, acme={"timeout": "20s", "patience": f"{24 * PATIENCE:g}s", "orders_at_once": 4, "orders_per_ca": 2})
    slow_cas(t, site)
    turn(t, site)
    waits_long(t, site)
    other_account(t, site)
    site.end()
    site = Site(t, account=False, suffix="-short", acme={"timeout": "1s", "patience": f"{2 * PATIENCE:g}s"})
    told_before(t, site)
    stuck(t, site)
    held(t, site)
    site.end()
    stands_still(t)


def account(site, name, ca):
    site.daemon.ctl("account", "add", name, "--directory", ca.directory, "--ca-file", ca.ca_file, "--agree-terms", "--wait")


def undecided(said, ca):
    """It has the answer, and has not looked yet."""
    said["status"] = "pending"
    for challenge in said["challenges"]:
        challenge["status"] = "processing"


def slow_cas(t, site):
    """CAs whose validations do not end take all places; another one has its own."""
    daemon, slow = site.daemon, {f"slow-{i}": None for i in range(4)}
    for name in slow:
        slow[name] = FaultyCA(site.pebble, f"{name}.example", "authz", change(undecided), EVERY_TIME)
        account(site, name, slow[name])
        daemon.add_cert(name, f"{name}.example", account=name, wait=False)
    daemon.wait_until("all places are taken", lambda: all(
        (daemon.cert(name)["order"] or {}).get("step") == "validate" for name in slow), 20)
    account(site, "quick", FaultyCA(site.pebble, "", "", NOTHING, 0))
    began = time.monotonic()
    daemon.add_cert("quick", "quick.example", account="quick")
    t.ok(time.monotonic() - began < 8 * PATIENCE, "a certificate of another CA does not wait for them", time.monotonic() - began)
    for i in range(3):
        daemon.add_cert(f"more-{i}", f"more-{i}.example", account="slow-0", wait=False)
    daemon.wait_until("all are issued", lambda: all(daemon.cert(f"more-{i}")["current"] for i in range(3)), 20)
    t.ok(time.monotonic() - began < 16 * PATIENCE, "nor do those of a slow CA that it does look at")
    t.equal([daemon.cert(name)["status"] for name in slow], ["issuing"] * 4, "the slow ones are all under way still")
    for ca in slow.values():
        ca.heal()
    daemon.wait_until("the slow ones end", lambda: all(daemon.cert(name)["status"] == "active" for name in slow), 30)
    t.ok(True, "and go on when their CA has looked")


def turn(t, site):
    """While the CA sits on the request of one, the next of that account waits, and says so."""
    daemon = site.daemon
    ca = FaultyCA(site.pebble, "first.example", "neworder", STALL, 1)
    account(site, "stalls", ca)
    daemon.add_cert("first", "first.example", account="stalls", wait=False)
    daemon.wait_until("it is being asked", lambda: ca.struck)
    daemon.add_cert("second", "second.example", account="stalls", wait=False)
    shown = daemon.wait_for_cert("second", lambda c: c["waits_for"], "it says what it waits for", 20)
    t.contains(shown["waits_for"], "its turn", "a certificate whose order has not begun says what it waits for")
    t.contains(daemon.run_ctl("cert", "show", "second").stdout.decode(), "its turn", "also for people")
    daemon.add_user("root", "admin", PASSWORD)
    person = Person(daemon)
    person.sign_in("root", PASSWORD)
    t.contains(person.page("/certificates/second").text, "Waiting for its turn", "and on its page")
    done = daemon.run_ctl("cert", "issue", "second", "--wait", "--timeout", "1")
    t.equal((done.returncode, b"--timeout" in done.stderr), (14, True), "who does not want to wait longer says so")
    status, body = daemon.api("GET", "/certificates/first")
    t.equal((status, body["waits_for"]), (200, None), "the one before it waits for nothing")


def waits_long(t, site):
    """A limit of a day and a half: told as it is, and nobody sits there until it is over."""
    daemon, seconds = site.daemon, 36 * 3600
    ca = FaultyCA(site.pebble, "limited.example", "neworder", retry_after(str(seconds), 429, "rateLimited"), EVERY_TIME)
    account(site, "limited", ca)
    for words in (["cert", "add", "limited", "--names", "limited.example", "--account", "limited"], ["cert", "issue", "limited"]):
        began = time.time()
        done = daemon.run_ctl(*words, "--wait")
        t.equal(done.returncode, 15, f"{words[1]} --wait ends with an exit code of its own")
        t.contains(done.stderr, b"limited waits for a limit of the CA", "and says what is waited for")
    shown = daemon.cert("limited")
    planned = datetime.fromisoformat(shown["retry_at"].replace("Z", "+00:00")).timestamp()
    t.ok(began + seconds - 60 < planned < began + seconds + 60, "until the time that the CA told", shown["retry_at"])
    t.equal(len(ca.of("neworder")), 1, "the CA was asked once")


def stamp(days):
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def other_account(t, site):
    """A CA refuses an order that says it replaces another account's certificate, or that comes with any other odd word."""
    daemon = site.daemon
    ca = FaultyCA(site.pebble, "moved.example", "renewal", window(stamp(20), stamp(30)), EVERY_TIME)
    usual, problem = ca.before, ["unauthorized"]

    def before(seen):
        if seen.kind == "neworder" and "replaces" in (seen.payload or {}):
            problem.append("marked")
            return refuse(409, problem[0], "the certificate to be replaced is not yours").before(seen)
        return usual(seen)
    for name in ("own", "other"):
        account(site, name, ca)
    daemon.add_cert("moved", "moved.example", account="own")
    daemon.wait_for_cert("moved", lambda c: c["ari_start"], "the CA told when to renew")
    ca.before = before
    daemon.run_ctl("cert", "set", "moved", "--account", "other")
    daemon.run_ctl("cert", "issue", "moved", "--wait")
    shown = daemon.cert("moved")
    t.equal((shown["current"], shown["failures"], shown["account"]), (2, 0, "other"), "another account orders it")
    t.equal(problem, ["unauthorized"], "and does not say that it replaces what it never ordered")
    problem[0] = "conflict"
    daemon.wait_for_cert("moved", lambda c: c["ari_start"], "the CA told again when to renew")
    daemon.run_ctl("cert", "issue", "moved", "--wait")
    shown = daemon.cert("moved")
    t.equal((shown["current"], shown["failures"], problem), (3, 0, ["conflict", "marked"]), "what is refused with that mark is ordered without it")
    t.equal(daemon.ctl("account", "show", "other")["troubles"], 0, "the account is not held up")


def told_before(t, site):
    """An authorization of an order before, whose challenge is `processing`; the CA looks only when it is told again."""
    ca, told = FaultyCA(site.pebble, "", "", NOTHING, 0), []

    def before(seen):
        told.extend([1] if seen.kind == "challenge" else [])

    def after(seen):
        if seen.kind == "authz" and not told:
            said = json.loads(seen.reply.body)
            undecided(said, ca)
            return with_body(seen.reply, json.dumps(said).encode())
    ca.before, ca.after = before, after
    account(site, "told", ca)
    site.daemon.add_cert("told", "told.example", account="told", wait=False)
    shown = site.daemon.wait_for_cert("told", lambda c: c["status"] == "active" or c["failures"], "its attempt has ended", 30)
    t.equal((shown["status"], shown["failures"], len(told)), ("active", 0, 1), "it is told, and issues at the first attempt")


def stuck(t, site):
    """An order that runs out of time at the same step again and again is given up for a new one."""
    daemon = site.daemon
    ca = FaultyCA(site.pebble, "stuck.example", "authz", change(undecided), EVERY_TIME)
    account(site, "stuck", ca)
    daemon.add_cert("stuck", "stuck.example", account="stuck", wait=False)
    for attempt in range(1, 4):
        daemon.wait_for_cert("stuck", lambda c: c["failures"] == attempt, f"attempt {attempt} has ended", 30)
        if attempt < 3:
            daemon.run_ctl("cert", "issue", "stuck")
    shown = daemon.cert("stuck")
    t.equal((ca.orders_of("stuck.example"), shown["orders"]), (1, 1), "three attempts are made with one order")
    t.contains(str(shown["error"]), "status page of the CA", "the error says what a person can do")
    t.ok(len(ca.of("challenge")) >= 3, "each attempt tells the CA again", len(ca.of("challenge")))
    ca.heal()
    daemon.run_ctl("cert", "issue", "stuck", "--wait")
    shown = daemon.cert("stuck")
    t.equal((shown["status"], ca.orders_of("stuck.example")), ("active", 2), "then it is ordered anew")


def held(t, site):
    """An account in trouble, with an order that the CA made before: what becomes of that one tells nothing of the trouble."""
    daemon = site.daemon
    ca = FaultyCA(site.pebble, "kept.example", "finalize", refuse(503, "serverInternal"), EVERY_TIME)
    account(site, "held", ca)
    daemon.add_cert("kept", "kept.example", account="held", wait=False)
    daemon.wait_for_cert("kept", lambda c: c["failures"], "its first attempt has ended", 30)
    terms, usual = refuse(403, "userActionRequired"), ca.before
    ca.before = lambda seen: terms.before(seen) if seen.kind == "neworder" else usual(seen)
    daemon.add_cert("next", "next.example", account="held", wait=False)
    daemon.wait_until("the account has trouble", lambda: daemon.ctl("account", "show", "held")["troubles"])
    ca.heal()
    daemon.ctl("cert", "issue", "kept", "--wait")
    t.equal((daemon.cert("kept")["status"], len(ca.of("neworder"))), ("active", 2), "an order that was kept goes on while its account has trouble")
    shown = daemon.ctl("account", "show", "held")
    t.ok(shown["troubles"] == 1 and shown["held_until"], "and ends it not: the CA still makes no new ones", shown)


def stands_still(t):
    """A CA that no longer answers while many requests are under way."""
    site = Site(t, suffix="-still", pebble={"sleep": 5}, acme={"timeout": "2s"})
    daemon, names = site.daemon, [f"still-{i}" for i in range(6)]
    for name in names:
        daemon.add_cert(name, f"{name}.example", wait=False)
    daemon.wait_until("the CA looks at some of them", lambda: sum((daemon.cert(name)["order"] or {}).get("step") == "validate" for name in names) > 1)
    site.pebble.signal(signal.SIGSTOP)
    daemon.wait_until("the time of some requests is over", lambda: daemon.log().count(b" timed out after 2") > 1)
    t.ok(b"looking up" not in daemon.log(), "what was asked over a connection that was there is not said to be looked up", daemon.tail(20))
    site.pebble.signal(signal.SIGCONT)
    daemon.wait_until("all are issued", lambda: all(daemon.cert(name)["status"] == "active" for name in names), 40)
    t.equal([daemon.cert(name)["failures"] for name in names], [0] * len(names), "when the CA goes on, so do the orders")


run(main)
