#!/usr/bin/env python3
"""The first run against a real CA: by the link from the log, step by step and with breaks; and by certeractl in one go."""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    by_link(t)
    nameless(t)
    by_certeractl(t)
    without_link(t)


def site(t, suffix):
    return Site(t, account=False, suffix=suffix, server={"hostname": "server.example"})


def by_link(t):
    s = site(t, "-link")
    daemon, person = s.daemon, Person(s.daemon)
    first = setup_token(daemon)
    for line in ("from the addresses in access.admin: 127.0.0.0/8, ::1",
            f"ssh -L 8443:localhost:{daemon.https_port} server.example, and open https://localhost:8443/setup?token={first}"):
        t.contains(daemon.log().decode(), line, "the log says from where the link works, and how from elsewhere")
    daemon.stop()
    daemon.begin()
    token = setup_token(daemon)
    t.ok(first and token and first != token, "each start makes another link, until somebody has used one")
    status, said = person("POST", "/setup", {"token": first, "name": "alice", "password": PASSWORD})
    t.ok(status == 403 and "link" in said["detail"] and "in the log" in said["hint"], "the old one is good no more, and it is said where the new one is", said)
    t.equal(person("GET", "/setup")[1]["step"], "admin", "the first step is an administrator")
    t.equal(person("GET", "/certificates")[0], 401, "nothing else is open")
    status, said = person.take_session(*person("POST", "/setup", {"token": token, "name": "alice", "password": PASSWORD}))
    t.equal((status, said["role"]), (201, "admin"), "the link makes one")
    t.equal(Person(daemon)("POST", "/setup", {"token": token, "name": "eve", "password": PASSWORD})[0], 404, "once")
    t.equal(Person(daemon)("GET", "/setup")[0], 401, "for whoever has not signed in it is closed")

    def step():
        return person("GET", "/setup")[1]["step"]
    t.equal(step(), "account", "then an account")
    daemon.stop()
    daemon.begin()
    t.equal((setup_token(daemon), step()), (token, "account"), "after a restart it goes on there, and there is no new link")
    t.equal(person("POST", "/accounts", {"name": "ca", "directory": s.ca.directory + "x", "ca_file": s.ca.ca_file, "terms_agreed": True})[0], 202, "it is added")
    until("it fails", lambda: person("GET", "/setup")[1]["account"]["state"] == "failed")
    said = person("GET", "/setup")[1]
    t.equal((said["step"], said["name"], said["correction"]["directory"]), ("registering", "ca", s.ca.directory + "x"),
        "what was given is shown, to be corrected")
    page = person.page("/setup").text
    t.ok('action="/accounts/ca"' in page and 'name="directory"' in page, "by a form of the page", page)
    t.equal(person("POST", "/accounts/ca", {"directory": s.ca.directory})[0], 202, "it is corrected")
    until("it is registered", lambda: step() == "certificate")
    t.ok(True, "registered: then a certificate")
    t.contains(person.page("/setup?step=hostname").text, 'action="/settings/server.hostname"', "one can go back, and change the name of the server")
    answer = person.form("/settings/server.hostname", "/setup?step=hostname", value="other.example", _next="/setup")
    t.equal((answer.status, answer.header("Location"), person("GET", "/setup")[1]["hostname"]), (303, "/setup", "other.example"), "it is another")
    person.form("/settings/server.hostname", "/setup", value="server.example", _next="/setup")
    until("and the first again", lambda: all(person("GET", "/settings/server.hostname")[1]["in_force"] for _ in range(9)))
    different_names(t, s, person)
    answer = person.form("/setup/certificate", "/setup", _form="setup_certificate", names="server.example", instead="server.example", account="ca", _next="/setup")
    t.ok((answer.status, answer.header("Location")) == (303, "/setup"), "it is ordered, and the setup goes on", re.sub("<svg.*?</svg>", "", answer.text, flags=re.S))
    until("it is issued", lambda: step() == "finished")
    said = person("GET", "/setup")[1]
    t.equal((said["certificate"]["status"], said["order"]["result"]), ("active", "issued"), "the order with its steps was shown until it was issued")
    t.equal([[c["name"] for c in person("GET", "/certificates")[1]["certificates"]], [k["name"] for k in person("GET", "/keys?use=site")[1]["keys"]]], [["server.example"], ["server.example"]],
        "what had other names before is gone, with its keys")
    t.equal(person("POST", "/setup/certificate", {"names": "other.example", "account": "ca", "instead": "server.example"})[0], 409, "one that was issued is not replaced")
    answer = daemon.https("/sign-in", server_name="server.example")
    t.contains(str(openssl("x509", "-noout", "-text", input=openssl("x509", "-inform", "DER", input=answer.peer))), "server.example",
        "the server shows it from now on")
    t.equal(person("POST", "/setup/done", {})[0], 200, "done")
    t.equal((person("GET", "/setup")[0], person("POST", "/setup/done", {})[0], Person(daemon)("GET", "/setup")[0]), (404, 404, 404), "then the setup is gone")
    daemon.stop()
    daemon.begin()
    t.equal((setup_token(daemon), person("GET", "/setup")[0]), (token, 404), "for ever")
    s.end()


def different_names(t, s, person):
    """Names that cannot be issued, and then others: nothing is left of the first."""
    s.pebble.names.tell("add-a", host="wrong.example.", addresses=["127.0.0.9"])
    for names, before in (("wrong.example", None), ("server.example wrong.example", "wrong.example")):
        answer = person.form("/setup/certificate", "/setup", _form="setup_certificate", names=names, account="ca", _next="/setup", **({"instead": before} if before else {}))
        t.equal(answer.status, 303, f"ordered: {names}")
        name = names.split()[0]
        until("it fails", lambda: person("GET", "/certificates/" + name)[1]["status"] == "failed")
        t.equal([c["name"] for c in person("GET", "/certificates")[1]["certificates"]], [name], "there is one certificate")
        page = person.page("/setup?step=certificate").text
        t.ok(f'name="instead" value="{name}"' in page and "which was never issued" in page, "with different names it is replaced, the page says", page)
    answer = person.form("/setup/certificate", "/setup?step=certificate", _form="setup_certificate", names="no name", instead="server.example", account="ca", _next="/setup")
    t.equal((answer.status, person("GET", "/certificates/server.example")[0]), (422, 200), "by names that are none it is not")


def nameless(t):
    """Nobody has said what the server is called: the setup asks, and keeps it."""
    daemon = Certerad(t, name="nameless", server={"hostname": ""})
    person = Person(daemon)
    token = setup_token(daemon)
    person.take_session(*person("POST", "/setup", {"token": token, "name": "alice", "password": PASSWORD, "mail": "alice@example.org"}))
    t.equal(person("GET", "/setup")[1]["step"], "hostname", "who has no name for the server is asked for it first")
    t.equal(person("GET", "/setup", headers={"Host": "certera.example"})[1]["hostname_form"]["value"], "certera.example", "the one that the browser has is suggested")
    t.equal(person.form("/settings/server.hostname", "/setup", _form="setup_hostname", value="no name", _next="/setup").status, 422, "what is no name is refused")
    t.equal(person.form("/settings/server.hostname", "/setup", _form="setup_hostname", value="written.example", _next="/setup").status, 303, "a name is kept")
    until("it is in force", lambda: daemon.api("GET", "/status")[1]["hostname"] == "written.example")
    said = person("GET", "/setup")[1]
    t.equal((said["step"], said["account_form"]), ("account", {"ca": "letsencrypt", "name": "letsencrypt", "contact": ["alice@example.org"]}), "then the account, which knows the e-mail address")
    page = person.page("/setup").text
    t.ok('href="https://letsencrypt.org/repository/"' in page and "eab_kid" not in page and 'name="directory"' not in page, "and where the terms are; nothing is asked for that this CA does not need", page)
    page = person.page("/setup?step=account&ca=zerossl").text
    t.ok('href="https://zerossl.com/terms/"' in page and re.search(r'name="eab_kid"[^>]* required', page) and re.search(r'name="eab_key"[^>]* required', page), "a different CA is chosen: what that one needs is required", page)
    page = person.page("/setup?step=account&ca=other").text
    t.ok(re.search(r'name="directory"[^>]* required', page) and re.search(r'name="name"[^>]* required', page) and 'name="eab_kid"' in page and not re.search(r'name="eab_kid"[^>]* required', page), "of one without a name here the URL", page)
    t.equal([s["state"] for s in said["steps"]], ["done", "done", "now", "later", "later"], "all steps are shown, and where one is")
    t.equal(person("GET", "/setup?step=certificate")[1]["step"], "account", "no step is skipped")
    t.equal(person("POST", "/accounts", {"ca": "letsencrypt", "terms_agreed": True})[1]["name"], "letsencrypt", "an account is called as its CA is")
    daemon.stop()


def by_certeractl(t):
    s = Site(t, account=False, suffix="-ctl", server={"hostname": "unnamed.example"})
    daemon = s.daemon
    password = t.write("password", PASSWORD + "\n")
    short = daemon.run_ctl("setup", "alice", "--password-file", t.write("short", "short"))
    t.equal((short.returncode, b"12 characters" in short.stderr), (3, True), "a short password is refused")
    wrong = daemon.run_ctl("setup", "alice", "--password-file", password, "--directory", s.ca.directory, "--ca-file", s.ca.ca_file)
    t.ok(wrong.returncode and b"terms" in wrong.stderr, "without the terms the account is refused", wrong.stderr)
    done = daemon.run_ctl("setup", "alice", "--password-file", password, "--mail", "alice@example.org", "--directory", s.ca.directory,
        "--ca-file", s.ca.ca_file, "--agree-terms", "--hostname", "server.example")
    t.equal(done.returncode, 0, "certeractl setup does all of it")
    t.matches(done.stdout.decode(), "alice can sign in.*account ca is registered.*Certificate server.example added", "and says so")
    daemon.wait_for_cert("server.example", lambda c: c["status"] == "active", "it is issued")
    t.ok(daemon.cert("server.example")["site"], "and served under that name, which --hostname said")
    t.equal(Person(daemon).sign_in("alice")[0], 200, "alice signs in")
    t.equal(Person(daemon)("GET", "/setup")[0], 404, "there is nothing left to set up")
    again = daemon.run_ctl("setup", "bob", "--password-file", password)
    t.equal(again.returncode, 6, "nor a second time")
    s.end()


def without_link(t):
    """Whoever adds users by certeractl before is set up as far as the link goes."""
    daemon = Certerad(t, name="later")
    token = setup_token(daemon)
    add_user(daemon, "alice")
    t.equal(Person(daemon)("POST", "/setup", {"token": token, "name": "eve", "password": PASSWORD})[0], 404, "with a user there, the link is nothing")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
