#!/usr/bin/env python3
"""session.app: required. Whoever has no app for codes sets one up first, and keeps one."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t, session={"app": "required"})
    add_user(daemon, "alice", "viewer")
    alice = Person(daemon)
    t.equal(alice.sign_in("alice")[0], 200, "the password opens a session")
    status, said = alice("GET", "/certificates")
    t.equal((status, "authenticator app" in said["detail"]), (403, True), "in which an app comes first")
    t.equal(alice.page("/certificates").header("Location"), "/me", "a browser is led to where that is done")
    t.contains(alice.page("/me").text, "This server requires an authenticator app", "and told why")
    secret = alice("POST", "/me/totp", {})[1]["secret"]
    t.equal(alice("GET", "/certificates")[0], 403, "one that is not confirmed yet is none")
    recovery = alice("POST", "/me/totp/confirm", {"code": totp(secret, -1)})[1]["recovery_codes"]
    t.equal(alice("GET", "/certificates")[0], 200, "with an app the rest is open")
    keeping(t, daemon, alice, recovery)
    losing(t, daemon, alice)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def keeping(t, daemon, alice, recovery):
    t.equal(alice("DELETE", "/me/totp")[0], 409, "it cannot be turned off")
    page = alice.page("/me").text
    t.ok("Turn off" not in page and "Replace authenticator" in page, "the page offers another one instead")
    secret = alice("POST", "/me/totp", {})[1]["secret"]
    t.equal(alice("POST", "/me/totp/confirm", {"code": totp(secret, -1)})[0], 200, "which takes the place of the first")
    t.equal(Person(daemon).sign_in("alice", code=recovery[0])[0], 401, "whose recovery codes are good no more")
    t.equal(Person(daemon).sign_in("alice", code=totp(secret))[0], 200, "while its codes are")
    token = daemon.ctl("token", "add", "ci", "--role", "viewer")["token"]
    t.equal(Person(daemon, token=token)("GET", "/certificates")[0], 200, "a token needs no app")


def losing(t, daemon, alice):
    daemon.ctl("user", "reset", "alice", "--no-app", "--password-file", "-", "--keep-password", input=PASSWORD.encode())
    t.equal(alice.sign_in("alice")[0], 200, "who has lost it is let in by an administrator")
    t.equal(alice("GET", "/certificates")[0], 403, "and sets up another one first")
    daemon.configure(session={"app": "optional"})
    daemon.reload()
    t.equal(alice("GET", "/certificates")[0], 200, "where it is optional there is nothing to wait for")


run(main)
