#!/usr/bin/env python3
"""A forgotten password: a link by mail and a code of the app make another; alerts of sign-ins from elsewhere."""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

NEW = "another passphrase of mine"


def main(t):
    server = MailServer(t)
    daemon = Certerad(t, notify={"gather": "0s"}, mail={"host": "localhost", "port": server.port, "tls": "none", "from": "certera@example.org"})
    for name in ("alice", "bob"):
        add_user(daemon, name, mail=f"{name}@example.org")
    add_user(daemon, "carol")
    alice = Person(daemon)
    alice.sign_in("alice")
    secret = alice("POST", "/me/totp", {})[1]["secret"]
    recovery = alice("POST", "/me/totp/confirm", {"code": totp(secret, -1)})[1]["recovery_codes"]
    link = asking(t, daemon, server)
    resetting(t, daemon, alice, link, secret, recovery)
    once(t, daemon, server)
    elsewhere(t, daemon, server)
    without_mail(t)


def asking(t, daemon, server):
    person = Person(daemon)
    answers = [person("POST", "/forgot", {"name": name}) for name in ("alice", "nosuch", "../x", "carol", "bob")]
    t.equal({str(a) for a in answers}, {str((202, {"asked": True}))}, "whoever it is, the answer is the same")
    mails = {m.to[0]: m for m in server.wait_for_mails(2)}
    t.equal(sorted(mails), ["alice@example.org", "bob@example.org"], "who has an address gets a mail")
    t.ok("ask an administrator" in mails["bob@example.org"].text and "token" not in mails["bob@example.org"].text, "without an app there is no link in it")
    link = re.search(rf"https://localhost:{daemon.https_port}/reset\?token=(\S+)", mails["alice@example.org"].text)
    t.ok(link, "with one there is", mails["alice@example.org"].text)
    person("POST", "/forgot", {"name": "alice"})
    with open(daemon.store + "/data.mdb", "rb") as f:
        t.ok(link[1].split(".")[1].encode() not in f.read(), "the store does not hold what is in it")
    t.equal(daemon.ctl("user", "set", "carol", "--mail", "c@example.org")["mail"], "c@example.org", "an address is set")
    t.equal(daemon.run_ctl("user", "set", "carol", "--mail", "nonsense").returncode, 3, "if it is one")
    return link[1]


def resetting(t, daemon, alice, link, secret, recovery):
    person = Person(daemon)
    code = totp(secret)
    for token in ("", "nonsense", link[:-1] + ("a" if link[-1] != "a" else "b"), link.split(".")[0] + "."):
        t.equal(person("POST", "/reset", {"token": token, "code": code, "password": NEW})[0], 403, "another link is not good")
    t.equal(person("POST", "/reset", {"token": link, "code": code, "password": "short"})[0], 422, "nor is a short password")
    status, said = person("POST", "/reset", {"token": link, "code": "000000", "password": NEW})
    t.equal((status, said["errors"][0]["field"]), (422, "code"), "nor a wrong code")
    t.equal(Person(daemon).sign_in("alice", code=recovery[0])[0], 200, "so far the old password is good")
    page = person.page(f"/reset?token={link}")
    t.equal((page.status, link in page.text), (200, True), "the link leads to a form")
    done = person.form("/reset", f"/reset?token={link}", token=link, code=code, password=NEW, _next="/sign-in")
    t.equal((done.status, done.header("Location")), (303, "/sign-in"), "with a code the password is changed")
    t.equal(alice("GET", "/me")[0], 401, "all sessions have ended")
    t.equal((Person(daemon).sign_in("alice", code=recovery[1])[0], Person(daemon).sign_in("alice", NEW, recovery[1])[0]), (401, 200), "the new one is good, the old one is not")
    t.equal(person("POST", "/reset", {"token": link, "code": recovery[2], "password": PASSWORD})[0], 403, "the link is used up")


def once(t, daemon, server):
    before = len(server.mails())
    daemon.stop()
    daemon.begin()
    t.equal(Person(daemon)("POST", "/forgot", {"name": "alice"})[0], 202, "asked again too soon")
    t.equal(len(server.mails()), before, "there is no other mail")


def elsewhere(t, daemon, server):
    Person(daemon).sign_in("bob")
    daemon.ctl("channel", "add", "ops", "--kind", "email", "--to", "ops@example.org")
    before = len(server.mails())
    Person(daemon).sign_in("bob")
    Person(daemon, source="127.0.0.7").sign_in("bob")
    mail = server.wait_for_mails(before + 1)[-1]
    t.ok(mail.to == ["ops@example.org"] and "bob, as admin, from 127.0.0.7; last from 127.0.0.1." in mail.text, "a sign-in from elsewhere raises an alert", mail.text)
    t.equal(len(server.mails()), before + 1, "one from where it was does not")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def without_mail(t):
    daemon = Certerad(t, name="dumb")
    person = Person(daemon)
    t.equal((person("POST", "/forgot", {"name": "x"})[0], person.page("/forgot").status), (404, 404), "without a mail server there is no such thing")
    t.lacks(person.page("/sign-in").text, 'href="/forgot"', "nor a way to it")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
