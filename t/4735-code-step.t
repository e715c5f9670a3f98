#!/usr/bin/env python3
"""The code of an app as the second step of signing in, on pages without scripts; what the first step lets one do, which is nothing."""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t)
    add_user(daemon, "alice")
    add_user(daemon, "bob")
    secret, recovery = with_app(daemon)
    page = Person(daemon).page("/sign-in")
    t.equal(re.findall(r'<input (?:[^>]* )?name="([a-z]\w*)"', page.text), ["name", "password"], "the first page asks for name and password only")
    steps(t, daemon, secret, recovery)
    half(t, daemon)
    lock_out(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def with_app(daemon):
    alice = Person(daemon)
    alice.sign_in("alice")
    secret = alice("POST", "/me/totp", {})[1]["secret"]
    return secret, alice("POST", "/me/totp/confirm", {"code": totp(secret, -1)})[1]["recovery_codes"]


def first(daemon, password=PASSWORD, name="alice", following="/keys?search=x", **options):
    person = Person(daemon, **options)
    person.page("/sign-in")
    return person, person.form("/sign-in", "/sign-in", _form="sign_in", _next=following, name=name, password=password)


def second(person, code, following="/keys?search=x"):
    return person.form("/sign-in/code", "/sign-in/code?next=" + following, _form="sign_in_code", _next=following, code=code)


def steps(t, daemon, secret, recovery):
    bob, answer = first(daemon, name="bob")
    t.equal(answer.header("Location"), "/keys?search=x", "who has no app is in at once")
    alice, answer = first(daemon, "wrong password 1")
    t.equal((answer.status, alice.jar), (401, {}), "a wrong password goes no further")
    alice, answer = first(daemon)
    t.equal((answer.status, answer.header("Location"), alice.cookie), (303, "/sign-in/code?next=/keys%3Fsearch%3Dx", None), "the right one leads to the code, and begins no session")
    cookie = [c for c in answer.headers.get_all("Set-Cookie") if "certera-code" in c][0]
    t.equal(sorted(cookie.split("; ")[1:]), ["HttpOnly", "Max-Age=300", "Path=/", "SameSite=Strict", "Secure"], "a cookie says whose, for five minutes")
    t.lacks(cookie, PASSWORD.split()[0], "and has no password in it")
    page = alice.page(answer.header("Location"))
    t.ok('autocomplete="one-time-code"' in page.text and 'name="_next" value="/keys?search=x"' in page.text, "the second page asks for the code alone, and knows the way on")
    wrong = second(alice, "000000")
    t.equal((wrong.status, "The code is wrong." in wrong.text, alice.cookie), (422, True, None), "a wrong code is said beside the field")
    good = second(alice, totp(secret))
    t.equal((good.status, good.header("Location"), bool(alice.cookie), alice.jar), (303, "/keys?search=x", True, {}), "the right one leads on; the cookie of the step is gone")
    t.equal(alice.page("/me").status, 200, "signed in")
    again, _ = first(daemon)
    t.equal(second(again, recovery[0]).status, 303, "a recovery code does as well")
    used, _ = first(daemon)
    t.equal(second(used, recovery[0]).status, 422, "once")
    t.equal(second(used, recovery[1]).status, 303, "with a second one the same step goes on")
    events = [(e["action"], e["actor"]) for e in daemon.ctl("events", "--limit", "50")["events"]]
    t.ok(("user.refused", "nobody") in events and ("user.signed_in", "alice") in events, "the log has both", events)
    api = Person(daemon)
    t.equal((api("POST", "/sign-in", {"name": "alice", "password": PASSWORD})[0], api.answer.header("Set-Cookie")), (401, None), "a program gets no second step")


def half(t, daemon):
    """What the first step gave is good for a code and for nothing else."""
    alice, _ = first(daemon)
    (name, pair), = alice.jar.items()
    user_id, word = pair.split("=")[1].split(".")
    alice.cookie = "__Host-certera=" + word
    t.equal(alice.page("/me").header("Location"), "/sign-in?next=/me", "it is no session")
    alice.cookie = None
    t.equal(alice("GET", "/me", headers={"Authorization": "Bearer " + word})[0], 401, "nor a token")
    bob = Person(daemon)
    bob.sign_in("bob")
    other = bob("GET", "/users/bob")[1]["id"] if "id" in (bob("GET", "/users/bob")[1] or {}) else "0" * 32
    for value in (f"{other}.{word}", f"{user_id}.ckh_guess", f"{user_id}.", "nonsense", ""):
        thief = Person(daemon)
        thief.jar[name] = f"{name}={value}"
        answer = second(thief, "123456")
        t.equal((answer.status in (403, 422), thief.cookie), (True, None), f"{value[:12]!r}: begins nothing")
    t.contains(answer.text, "Begin again", "it says where to begin")
    t.equal(Person(daemon).page("/sign-in/code").header("Location"), "/sign-in", "without a first step there is no second one")
    daemon.ctl("user", "reset", "alice", "--password-file", "-", "--keep-password", input=b"another long passphrase")
    answer = second(alice, "123456")
    t.equal((answer.status, "took too long" in answer.text or "Begin again" in answer.text), (403, True), "a new password ends it")


def lock_out(t, daemon):
    alice, answer = first(daemon, "another long passphrase", source="127.0.0.7")
    t.equal(answer.status, 303, "from elsewhere")
    t.equal([second(alice, f"{n:06}").status for n in range(6)], [422] * 4 + [429] * 2, "codes are guessed as slowly as passwords, together with them")


run(main)
