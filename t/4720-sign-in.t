#!/usr/bin/env python3
"""Signing in: passwords, codes of an app, recovery codes, lock-out, sessions and how they end, what the cookie is like, forged requests."""
import json
import os
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

OTHER = "another passphrase of mine"


def main(t):
    daemon = Certerad(t)
    add_user(daemon, "alice")
    cookies(t, daemon)
    constant(t, daemon)
    forged(t, daemon)
    sessions(t, daemon)
    passwords(t, daemon)
    codes(t, daemon)
    confirming(t, daemon)
    actors(t, daemon)
    lock_out(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def cookies(t, daemon):
    alice = Person(daemon)
    t.equal(alice("GET", "/me")[0], 401, "who has not signed in is told to")
    status, said = alice.sign_in("alice")
    t.equal((status, said["role"], said["must_change"]), (200, "admin", False), "alice signs in")
    cookie = alice.answer.header("Set-Cookie")
    t.ok(cookie.startswith("__Host-certera="), "the cookie is bound to this host", cookie)
    t.equal(sorted(cookie.split("; ")[1:]), ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"], "and has all the flags")
    status, me = alice("GET", "/me")
    t.equal((status, me["name"], len(me["sessions"]), me["sessions"][0]["current"]), (200, "alice", 1, True), "it is her session")
    secret = alice.cookie.split("=")[1]
    t.lacks(json.dumps(me), secret, "which does not tell its cookie")
    with open(os.path.join(daemon.store, "data.mdb"), "rb") as f:
        t.ok(secret.encode() not in f.read(), "nor does the store hold it")
    t.equal(Person(daemon)("GET", "/me", headers={"Cookie": "__Host-certera=nonsense"})[0], 401, "an invented cookie is nobody")
    t.equal(alice("POST", "/sign-out", {})[0], 200, "she signs out")
    t.contains(alice.answer.header("Set-Cookie"), "Max-Age=0", "the browser forgets the cookie")
    t.equal(alice("GET", "/me")[0], 401, "and so has the server")
    t.equal(daemon.http("/sign-in").status, 308, "http leads to https")


def constant(t, daemon):
    person = Person(daemon)
    answers = {json.dumps(person.sign_in(name, password)) for name, password in
        (("alice", "wrong password 1"), ("nobody", PASSWORD), ("../alice", PASSWORD), ("alice", ""), ("alice" * 40, PASSWORD))}
    t.equal(len(answers), 1, "wrong password, unknown name: the same answer")
    t.contains(answers.pop(), "the name, password or code is wrong", "which says no more")
    times = []
    for name in ("alice", "nobody"):
        start = time.monotonic()
        person.sign_in(name, "wrong password 2")
        times.append(time.monotonic() - start)
    t.ok(max(times) < 5 * min(times) + 0.5, "and takes about as long", f"{times}")
    t.equal(person.sign_in("alice")[0], 200, "all is forgotten when it was right")
    person("POST", "/sign-out", {})


def forged(t, daemon):
    alice = Person(daemon)
    alice.sign_in("alice")
    change = ("POST", "/users/alice", {"mail": "alice@example.org"})
    for what, options in (
        ("without the token", {"csrf": False}), ("with a wrong token", {"csrf": "x" * 43}),
        ("from another site", {"headers": {"Sec-Fetch-Site": "cross-site"}}), ("from a sister site", {"headers": {"Sec-Fetch-Site": "same-site"}}),
        ("with another origin", {"headers": {"Origin": "https://evil.example"}}),
    ):
        status, said = alice(*change, **options)
        t.equal((status, said["code"]), (403, "csrf"), f"{what}: refused")
    t.equal(daemon.ctl("user", "show", "alice")["mail"], None, "nothing has changed")
    t.equal(alice(*change, headers={"Sec-Fetch-Site": "same-origin", "Origin": f"https://localhost:{daemon.https_port}"})[0], 200, "from our page: done")
    other = Person(daemon)
    other.sign_in("alice")
    t.equal(alice(*change, csrf=other.csrf)[0], 403, "each session has a token of its own")
    stranger = Person(daemon)
    t.equal(stranger("POST", "/sign-in", {"name": "alice", "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"})[0], 403,
        "nobody is signed in by another site")
    for person in (alice, other):
        person("POST", "/sign-out", {})


def sessions(t, daemon):
    here, there, away = (Person(daemon) for _ in range(3))
    for person in (here, there, away):
        person.sign_in("alice")
    listed = here("GET", "/me")[1]["sessions"]
    t.equal(len(listed), 3, "three sessions")
    others = [s["id"] for s in listed if not s["current"]]
    t.equal(here("DELETE", f"/me/sessions/{others[0]}")[0], 200, "one is ended")
    t.equal(sorted(p("GET", "/me")[0] for p in (there, away)), [200, 401], "one of the others has ended")
    t.equal(here("DELETE", "/me/sessions")[0], 200, "all others are ended")
    t.equal([p("GET", "/me")[0] for p in (here, there, away)], [200, 401, 401], "this one goes on")
    t.equal(here("DELETE", "/me/sessions/nosuch")[0], 404, "one that is not there")
    daemon.stop()
    daemon.begin()
    t.equal(here("GET", "/me")[0], 200, "sessions outlive a restart")
    daemon.configure(session={"idle": "6s"})
    daemon.reload()
    there.sign_in("alice")
    for _ in range(6):
        time.sleep(1)
        if there("GET", "/me")[0] != 200:
            break
    else:
        t.ok(True, "a session that is used goes on")
    t.equal(here("GET", "/me")[0], 401, "one that nobody uses ends")
    daemon.configure(session={"idle": "20m", "most": "60s"})
    daemon.reload()
    t.equal(there("GET", "/me")[0], 200, "the whole of it is longer")
    daemon.configure(session={"most": "12h"})
    daemon.reload()


def passwords(t, daemon):
    alice, other = Person(daemon), Person(daemon)
    alice.sign_in("alice")
    other.sign_in("alice")
    for bad, word in (("short", "12 characters"), ("eleven char", "12"), ("aaaaaaaaaaaaaaaa", "guess"), ("x" * 20 + "y" * 600, "500 bytes")):
        status, said = alice("POST", "/me/password", {"new": bad})
        t.equal((status, word in said["detail"]), (422, True), f"not a password: {said['detail'][:60]}")
    t.equal(alice("POST", "/me/password", {"new": "ü" * 11 + "x"})[0], 200, "12 characters are 12 characters")
    t.equal(other("GET", "/me")[0], 401, "all other sessions have ended")
    t.equal(alice("POST", "/me/password", {"new": PASSWORD})[0], 200, "and back again")

    made = daemon.ctl("user", "reset", "alice")
    t.matches(made["password"], r"^[a-z0-9]{5}(-[a-z0-9]{5}){3}$", "certeractl makes a new one")
    t.equal(alice("GET", "/me")[0], 401, "which ends all sessions")
    t.equal(alice.sign_in("alice")[0], 401, "the old one is good no more")
    status, said = alice.sign_in("alice", made["password"])
    t.equal((status, said["must_change"]), (200, True), "the new one is, to be changed")
    t.equal(alice("GET", "/users")[1]["code"], "mustChange", "before anything else")
    t.equal(alice("POST", "/me/password", {"new": PASSWORD})[0], 200, "it is changed")
    t.equal(alice("GET", "/users")[0], 200, "then the rest is open")


def codes(t, daemon):
    alice = Person(daemon)
    alice.sign_in("alice")
    t.equal(alice("GET", "/me/totp")[0], 409, "no authenticator app is being set up")
    status, made = alice("POST", "/me/totp", {})
    t.equal((status, len(made["secret"]), made["typed"].replace(" ", "")), (200, 32, made["secret"]), "a secret, also to be typed")
    t.contains(made["uri"], "otpauth://totp/Certera%20localhost:alice?secret=" + made["secret"], "and as apps read it")
    t.ok(made["qr"]["size"] > 30 and made["qr"]["path"].startswith("M"), "from a picture")
    t.equal(alice("GET", "/me/totp")[1]["secret"], made["secret"], "it can be looked at again until it is in force")
    t.equal(alice("POST", "/me/totp/confirm", {"code": "000000"})[0], 422, "a wrong code")
    t.equal(Person(daemon).sign_in("alice")[0], 200, "so far nothing has changed")
    shown = totp(made["secret"], -1)
    status, said = alice("POST", "/me/totp/confirm", {"code": f" {shown[:3]}\u00a0{shown[3:]}\t\n"})
    recovery = said["recovery_codes"]
    t.equal((status, len(set(recovery))), (200, 10), "a code of the app, with the blank that apps show in it: ten recovery codes")
    t.equal(alice("GET", "/me/totp")[0], 409, "the secret is not shown any more")

    person = Person(daemon)
    refused = [person.sign_in("alice"), person.sign_in("alice", code=totp(made["secret"], 9)), person.sign_in("alice", "wrong password 3", recovery[0])]
    t.equal({json.dumps(r) for r in refused}, {json.dumps(refused[0])}, "without a code, with a wrong one, with a wrong password: the same answer")
    code = totp(made["secret"])
    t.equal(person.sign_in("alice", code=f"{code[:3]}-{code[3:]}")[0], 200, "with the code she is in, a hyphen in it or not")
    t.equal(person.sign_in("alice", code=code)[0], 401, "no code is good twice")
    daemon.stop()
    daemon.begin()
    t.equal(person.sign_in("alice", code=code)[0], 401, "not even after a restart")
    t.equal(person.sign_in("alice", code=recovery[1].lower().replace("-", " "))[0], 200, "a recovery code stands in for it")
    t.equal(person.sign_in("alice", code=recovery[1])[0], 401, "once")
    person.sign_in("alice", code=recovery[2])
    status, said = person("POST", "/me/recovery-codes", {})
    t.equal((status, len(said["recovery_codes"])), (200, 10), "ten new ones")
    t.equal(Person(daemon).sign_in("alice", code=recovery[3])[0], 401, "those from before are good no more")
    t.equal(Person(daemon).sign_in("alice", code=said["recovery_codes"][0])[0], 200, "the new ones are")

    daemon.ctl("user", "reset", "alice", "--no-app", "--password-file", "-", "--keep-password", input=PASSWORD.encode())
    t.equal(alice.sign_in("alice")[0], 200, "certeractl takes away an app that was lost")


def confirming(t, daemon):
    """What concerns private keys and users wants the password of the last five minutes; the keeper forgets them with its end."""
    alice = Person(daemon)
    alice.sign_in("alice")
    daemon.ctl("key", "add", "k")
    t.equal(alice("POST", "/keys/k/export", {})[0], 200, "who has just signed in may have a key")
    daemon.stop()
    daemon.begin()
    status, said = alice("POST", "/keys/k/export", {})
    t.equal((status, "BEGIN" in json.dumps(said)), (403, False), "the proof token has expired after a restart")
    t.equal(alice("POST", "/me/confirm", {"password": "wrong password 4"})[0], 422, "a wrong password confirms nothing")
    t.equal(alice("GET", "/me")[0], 200, "and ends nothing")
    t.equal(alice.confirm()[0], 200, "the password again")
    t.contains(alice("POST", "/keys/k/export", {})[1]["key"], "PRIVATE KEY", "then the key is handed out")


def actors(t, daemon):
    events = {(e["action"], e["actor"], e["address"]) for e in daemon.ctl("events", "--limit", "200")["events"]}
    for event in (("key.exported", "alice", "127.0.0.1"), ("user.signed_in", "alice", "127.0.0.1"), ("user.refused", "nobody", "127.0.0.1"),
            ("user.reset", "local admin", "local"), ("key.added", "local admin", "local")):
        t.ok(event in events, f"the log says who did it and from where: {event}")
    alice = Person(daemon)
    alice.sign_in("alice")
    for name in ("=1+1", "\r=1+1"):
        Person(daemon).sign_in(name, "wrong password 3")
    t.equal(alice("GET", "/events?action=user.refused&format=csv")[1].count("\"'"), 2, "what a spreadsheet would run is a text in the CSV")


def lock_out(t, daemon):
    def guess(source, name="alice", times=5):
        return [Person(daemon, source=source).sign_in(name, f"guess number {i}")[0] for i in range(times)]
    home = Person(daemon)
    home.sign_in("alice")
    person = Person(daemon, source="127.0.0.7")
    answers = [person.sign_in("alice", f"guess number {i}")[0] for i in range(6)]
    t.equal(answers, [401] * 5 + [429], "after five failures the sixth is not looked at")
    t.ok(0 < int(person.answer.header("Retry-After")) <= 30, "it says how long", repr(person.answer))
    t.equal(person.sign_in("alice")[0], 429, "nor is the right password")
    t.equal(guess("127.0.0.9", "nosuch", 6), answers, "a name that nobody has is locked like any other")
    daemon.stop()
    daemon.begin()
    t.equal(person.sign_in("alice")[0], 429, "a restart does not help")
    t.equal(guess("127.0.0.11") + guess("127.0.0.12") + guess("127.0.0.13"), [401] * 15, "other networks guess, too")
    t.equal(Person(daemon, source="127.0.0.8").sign_in("alice")[0], 429, "then the name is locked for all networks it never came from")
    t.equal(Person(daemon).sign_in("alice")[0], 200, "but not where alice has signed in before: nobody locks somebody else out")
    t.equal(home.confirm()[0], 200, "nor does it stop a session from confirming")
    shown = daemon.ctl("user", "show", "alice")
    t.equal((shown["failures"], shown["locked_until"] is not None), (20, True), "certeractl shows it")
    daemon.ctl("user", "unlock", "alice")
    t.equal(person.sign_in("alice")[0], 200, "and unlocks")
    t.equal([home.confirm(f"guess number {i}")[0] for i in range(6)], [422] * 5 + [429], "a session that confirms has a count of its own")
    t.equal((home.confirm()[0], Person(daemon).sign_in("alice")[0], person.confirm()[0]), (429, 200, 200), "which stops only that session")
    many = Person(daemon, source="127.0.0.7")
    answers = [many.sign_in(f"name{i}", "guess number 1")[0] for i in range(11)]
    t.equal(answers, [401] * 10 + [429], "one address with many names is locked after ten")
    t.equal(many.sign_in("alice")[0], 200, "but for those who have signed in from it before")


run(main)
